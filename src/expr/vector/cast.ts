/** Numeric and date casts by kernel; whatever is missing here runs value by value. */
import type { Column, Range } from '../../arrow/batch.js'
import { releaseColumn } from '../../arrow/column.js'
import { withScratch } from '../../arrow/memory.js'
import { typeName, type DataType } from '../../arrow/types.js'
import { fail } from '../../common/errors.js'
import { pow10 } from '../decimal-value.js'
import { UNIT_PER_SECOND, integerBounds } from '../types.js'
import { fits64, rangeOfWords } from './arithmetic.js'
import { borrowed } from './by-row.js'
import { buildColumn, commonNulls, type Own } from './columns.js'
import { exprKernels } from './kernel-calls.js'

/** Exact whole numbers below this are exact doubles. */
const EXACT_F64 = 1n << 53n

/**
 * A flat column as another type, owned by the caller; undefined when there is no kernel for the pair or for these
 * values. Throws NUMERIC_OVERFLOW.
 */
export function castColumn(column: Column, to: DataType): Column | undefined {
  const from = column.type
  if (
    from.kind === 'decimal' &&
    to.kind === 'decimal' &&
    from.scale === to.scale &&
    holdsPrecision(column, to.precision)
  ) {
    return { ...borrowed(column), type: to }
  }
  if (!isWord(column)) return from.kind === 'float' ? castFloat(column, to) : undefined
  switch (to.kind) {
    case 'int':
      return from.kind === 'int' || from.kind === 'decimal' ? toInteger(column, to) : undefined
    case 'decimal':
      return from.kind === 'int' || from.kind === 'decimal' ? toDecimal(column, to) : undefined
    case 'float':
      return to.bits === 64 && (from.kind === 'int' || from.kind === 'decimal') ? toFloat(column) : undefined
    case 'timestamp':
      return from.kind === 'date' ? toTimestamp(column, to) : undefined
    default:
      return undefined
  }
}

/** Integers that i64 holds, dates, and decimals of width 8. */
function isWord({ type, width }: Column): boolean {
  if (type.kind === 'int') return type.signed || type.bits < 64
  return type.kind === 'date' || (type.kind === 'decimal' && width === 8)
}

/** A wider precision holds every value; a narrower one those whose bounds are known to fit. */
function holdsPrecision(column: Column, precision: number): boolean {
  const { type, range } = column
  if (type.kind === 'decimal' && type.precision <= precision) return true
  const limit = pow10(precision)
  return range !== undefined && range.min > -limit && range.max < limit
}

type Make = (words: number, range: Range, own: Own, validity: number) => Partial<Column>

/** Frame of the casts: the column as i64 words with bounds, and its NULLs. */
function convert(column: Column, to: DataType, make: Make): Column {
  const { length, width, type } = column
  return buildColumn(to, length, own => {
    const nulls = commonNulls(own, [column], length)
    return withScratch(scratch => {
      let words = column.values
      if (width !== 8) {
        words = scratch(length * 8)
        exprKernels().castToI64(column.values, width, type.kind === 'int' && !type.signed ? 0 : 1, length, words)
      }
      const range = column.range ?? rangeOfWords(words, nulls.validity, length)
      return { ...make(words, range, own, nulls.validity), ...nulls }
    })
  })
}

const scaleOf = (type: DataType): number => (type.kind === 'decimal' ? type.scale : 0)

function rounded(words: number, range: Range, divisor: bigint, n: number, out: number): Range {
  exprKernels().castScaleDown(words, divisor, n, out)
  return { min: range.min / divisor - 1n, max: range.max / divisor + 1n }
}

function toInteger(column: Column, to: DataType & { kind: 'int' }): Column | undefined {
  if (!to.signed && to.bits === 64) return undefined
  const bounds = integerBounds(to)
  const n = column.length
  const scale = scaleOf(column.type)
  if (scale > 18) return undefined
  return convert(column, to, (words, range, own, validity) => {
    const wide = scale === 0 ? words : own(n * 8)
    let result = scale === 0 ? range : rounded(words, range, pow10(scale), n, wide)
    if (result.min < bounds.min || result.max > bounds.max) result = rangeOfWords(wide, validity, n)
    if (result.min < bounds.min || result.max > bounds.max) throw fail('NUMERIC_OVERFLOW', [typeName(to)])
    const width = to.bits / 8
    if (width === 8 && scale > 0) return { values: wide, width, range: result }
    const values = own(n * width)
    if (width === 8) exprKernels().castToI64(wide, 8, 1, n, values)
    else exprKernels().castFromI64(wide, width, n, values)
    return { values, width, range: result }
  })
}

function toDecimal(column: Column, to: DataType & { kind: 'decimal' }): Column | undefined {
  const n = column.length
  const shift = to.scale - scaleOf(column.type)
  const limit = pow10(to.precision)
  if (Math.abs(shift) > 18) return undefined
  let proved = true
  const result = convert(column, to, (words, stated, own, validity) => {
    const values = own(n * 8)
    const factor = pow10(Math.abs(shift))
    if (shift < 0)
      return { values, width: 8, range: checked(rounded(words, stated, factor, n, values), values, validity) }
    // Stated bounds need not be tight: look at the values before giving up.
    let range = scaled(stated, factor)
    if (!inside(range)) range = scaled(rangeOfWords(words, validity, n), factor)
    if (!inside(range)) throw fail('NUMERIC_OVERFLOW', [typeName(to)])
    proved = fits64(range)
    if (proved) exprKernels().arithmeticLinearLiteral(words, factor, 0n, n, values)
    return { values, width: 8, range }
  })
  function inside({ min, max }: Range): boolean {
    return min > -limit && max < limit
  }
  function checked(range: Range, values: number, validity: number): Range {
    const exact = inside(range) ? range : rangeOfWords(values, validity, n)
    if (!inside(exact)) throw fail('NUMERIC_OVERFLOW', [typeName(to)])
    return exact
  }
  if (proved) return result
  releaseColumn(result)
  return undefined
}

const scaled = ({ min, max }: Range, factor: bigint): Range => ({ min: min * factor, max: max * factor })

function toFloat(column: Column): Column | undefined {
  const n = column.length
  const scale = scaleOf(column.type)
  let exact = true
  const result = convert(column, { kind: 'float', bits: 64 }, (words, range, own) => {
    // A division of exact operands rounds once, as the interpreter does; so does the conversion of an integer.
    exact = scale === 0 || (scale <= 22 && range.min >= -EXACT_F64 && range.max <= EXACT_F64)
    const values = own(n * 8)
    if (exact) exprKernels().castI64ToF64(words, Number(pow10(scale)), n, values)
    return { values, width: 8 }
  })
  if (exact) return result
  releaseColumn(result)
  return undefined
}

function toTimestamp(column: Column, to: DataType & { kind: 'timestamp' }): Column {
  const n = column.length
  const factor = 86_400n * UNIT_PER_SECOND[to.unit]
  return convert(column, to, (words, range, own, validity) => {
    let bounds = scaled(range, factor)
    // Stated bounds need not be tight: look at the values before giving up.
    if (!fits64(bounds)) bounds = scaled(rangeOfWords(words, validity, n), factor)
    if (!fits64(bounds)) throw fail('NUMERIC_OVERFLOW', ['TIMESTAMP'])
    const values = own(n * 8)
    exprKernels().arithmeticLinearLiteral(words, factor, 0n, n, values)
    return { values, width: 8, range: bounds }
  })
}

function castFloat(column: Column, to: DataType): Column | undefined {
  const { length: n, type } = column
  if (type.kind !== 'float') return undefined
  if (type.bits === 32 && to.kind === 'float' && to.bits === 64) {
    return buildColumn(to, n, own => {
      const values = own(n * 8)
      exprKernels().castF32ToF64(column.values, n, values)
      return { values, ...commonNulls(own, [column], n) }
    })
  }
  if (type.bits !== 64 || to.kind !== 'int' || to.bits !== 64 || !to.signed) return undefined
  return buildColumn(to, n, own => {
    const nulls = commonNulls(own, [column], n)
    const values = own(n * 8)
    if (exprKernels().castF64ToI64(column.values, nulls.validity, n, values) !== 0)
      throw fail('NUMERIC_OVERFLOW', [typeName(to)])
    return { values, ...nulls }
  })
}
