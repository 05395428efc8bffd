/**
 * The slow path: one value at a time through the interpreter, for whatever has no kernel; and once per dictionary
 * value.
 */
import type { Column } from '../../arrow/batch.js'
import { columnFromValues, columnValues, makeColumn, releaseColumn, retainColumn } from '../../arrow/column.js'
import { retain } from '../../arrow/memory.js'
import { decodeDictionary } from '../../arrow/take.js'
import type { Value } from '../../arrow/types.js'
import { BallistaError } from '../../common/errors.js'
import { typeOf, type Expr } from '../expr.js'
import { applyEager, type EagerExpr } from '../interpret.js'
import { scalarFunction } from '../functions/index.js'

/** An operand of a node: a column of this frame (borrowed), or a constant. */
export type Operand = { readonly column: Column } | { readonly value: Value }

export const isConstant = (operand: Operand): operand is { readonly value: Value } => 'value' in operand

/** One node over its operands, row by row. The result is owned by the caller. */
export function applyByRow(expr: EagerExpr, operands: readonly Operand[], rowCount: number): Column {
  const lists = operands.map(operand => (isConstant(operand) ? undefined : columnValues(operand.column)))
  const row: Value[] = operands.map(operand => (isConstant(operand) ? operand.value : null))
  const results: Value[] = []
  for (let i = 0; i < rowCount; i++) {
    lists.forEach((list, operand) => {
      if (list !== undefined) row[operand] = list[i]
    })
    results.push(applyEager(expr, row))
  }
  return columnFromValues(typeOf(expr), results)
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
