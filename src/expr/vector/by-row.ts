/**
 * The slow path: one value at a time through the interpreter, for whatever has no kernel; and once per dictionary
 * value.
 */
import type { Column } from '../../arrow/batch.js'
import {
  bitmapBytes,
  buildColumn,
  columnFromValues,
  columnValues,
  makeColumn,
  releaseColumn,
  retainColumn,
} from '../../arrow/column.js'
import { retain, views } from '../../arrow/memory.js'
import { decodeDictionary } from '../../arrow/take.js'
import { FLOAT64, type DataType, type Value } from '../../arrow/types.js'
import { BallistaError, toBallistaError, withContext } from '../../common/errors.js'
import { typeOf, type Expr } from '../expr.js'
import { eagerFunction, type EagerExpr } from '../interpret.js'
import { scalarFunction } from '../functions/index.js'
import { isUserName } from '../functions/internal-name.js'

/** An operand of a node: a column of this frame (borrowed), or a constant. */
export type Operand = { readonly column: Column } | { readonly value: Value }

export const isConstant = (operand: Operand): operand is { readonly value: Value } => 'value' in operand

/** One node over its operands, row by row. The result is owned by the caller. */
export function applyByRow(expr: EagerExpr, operands: readonly Operand[], rowCount: number): Column {
  const apply = expr.kind === 'call' && isUserName(expr.name) ? located(eagerFunction(expr)) : eagerFunction(expr)
  const columns = operands.flatMap((operand, index) => (isConstant(operand) ? [] : [{ index, column: operand.column }]))
  const row: Value[] = operands.map(operand => (isConstant(operand) ? operand.value : null))
  if (isDouble(typeOf(expr)) && columns.every(({ column }) => isDouble(column.type) && isPlain(column)))
    return applyToDoubles(apply, columns, row, rowCount)
  const lists = columns.map(({ column, index }) => ({ index, values: columnValues(column) }))
  const results: Value[] = []
  for (let i = 0; i < rowCount; i++) {
    for (const { index, values } of lists) row[index] = values[i]
    results.push(apply(row))
  }
  return columnFromValues(typeOf(expr), results)
}

/** What the code of a user throws says in which row. */
function located(apply: (values: readonly Value[]) => Value): (values: readonly Value[]) => Value {
  let row = 0
  return values => {
    row++
    try {
      return apply(values)
    } catch (error) {
      throw withContext(toBallistaError(error), `row ${row} of a batch`)
    }
  }
}

const isDouble = (type: DataType): boolean => type.kind === 'float' && type.bits === 64

/** Without NULLs and codes, so that its values are an array of numbers. */
const isPlain = (column: Column): boolean => column.nullCount === 0 && column.dictionary === undefined

/** Numbers to numbers: from one array to another, without a list of values between. */
function applyToDoubles(
  apply: (values: readonly Value[]) => Value,
  columns: readonly { readonly index: number; readonly column: Column }[],
  row: Value[],
  rowCount: number,
): Column {
  return buildColumn(({ own }) => {
    const values = own(rowCount * 8)
    const validity = own(bitmapBytes(rowCount))
    const { f64, u8 } = views()
    u8.fill(0xff, validity, validity + bitmapBytes(rowCount))
    let nullCount = 0
    for (let i = 0; i < rowCount; i++) {
      for (const { index, column } of columns) row[index] = f64[column.values / 8 + i]
      const result = apply(row)
      if (typeof result === 'number') f64[values / 8 + i] = result
      else {
        u8[validity + (i >>> 3)] &= ~(1 << (i & 7))
        nullCount++
      }
    }
    return { type: FLOAT64, length: rowCount, nullCount, validity, values }
  })
}

/**
 * `apply` over a column, or once over each value of its dictionary. `apply` must give NULL for NULL and never depend on
 * other columns. When a dictionary value raises an error the rows decide, because it may be one that no row uses.
 */
export function overDictionary(column: Column, apply: (column: Column) => Column): Column {
  const { dictionary } = column
  if (dictionary === undefined) return apply(column)
  if (dictionary.length > column.length) return decodedApply(column, apply)
  let mapped: Column
  try {
    mapped = apply(dictionary)
  } catch (error) {
    if (!(error instanceof BallistaError) || error.category !== 'user') throw error
    return decodedApply(column, apply)
  }
  return mapCodes(column, mapped)
}

function decodedApply(column: Column, apply: (column: Column) => Column): Column {
  const flat = decodeDictionary(column)
  try {
    return apply(flat)
  } finally {
    releaseColumn(flat)
  }
}

/**
 * The codes of `column` over another dictionary, which is taken over: strings stay encoded, other values are gathered.
 */
function mapCodes(column: Column, dictionary: Column): Column {
  const { type } = dictionary
  const coded = makeColumn({
    type,
    length: column.length,
    nullCount: column.nullCount,
    validity: column.validity,
    values: column.values,
    dictionary,
    blocks: column.blocks,
  })
  const isText = type.kind === 'utf8' || type.kind === 'binary'
  if (isText && dictionary.nullCount === 0 && dictionary.dictionary === undefined) {
    column.blocks.forEach(retain)
    return coded
  }
  try {
    return decodeDictionary(coded)
  } finally {
    releaseColumn(dictionary)
  }
}

/**
 * Whether a node gives NULL whenever one of its column operands is NULL, which evaluating per dictionary value needs.
 */
export function propagatesNull(expr: Expr): boolean {
  switch (expr.kind) {
    case 'cast':
    case 'like':
    case 'negate':
    case 'not':
      return true
    case 'inList':
      return expr.list.length > 0
    case 'binary':
      return !['and', 'or', 'distinct', 'notDistinct'].includes(expr.op)
    case 'call': {
      const definition = scalarFunction(expr.name)
      return definition?.nulls === 'propagate' && definition.volatility !== 'volatile'
    }
    default:
      return false
  }
}

/** One reference more, for handing a borrowed column out. */
export function borrowed(column: Column): Column {
  retainColumn(column)
  return column
}
