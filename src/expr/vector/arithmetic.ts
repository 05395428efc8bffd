/** Arithmetic on integer, decimal, float and date columns: proved in 64 bits where the bounds of a batch allow it. */
import type { Column, Range } from '../../arrow/batch.js'
import { constantColumn } from '../../arrow/column.js'
import { views, withScratch } from '../../arrow/memory.js'
import { typeName, type DataType } from '../../arrow/types.js'
import { fail } from '../../common/errors.js'
import type { ArithmeticOp } from '../expr.js'
import { integerBounds } from '../types.js'
import { isConstant, type Operand } from './by-row.js'
import { buildColumn, commonNulls, withFlat, type Own } from './columns.js'
import { exprKernels } from './kernel-calls.js'

const MIN_I64 = -(1n << 63n)
const MAX_I64 = (1n << 63n) - 1n

export type Scratch = (byteLength: number) => number

/** An operand as i64 values: a position with its bounds, or one constant. */
export type Words =
  | { readonly kind: 'column'; readonly values: number; readonly range: Range }
  | { readonly kind: 'constant'; readonly value: bigint; readonly range: Range }

/** The columns among the operands. */
export const columnsOf = (operands: readonly Operand[]): Column[] =>
  operands.flatMap(operand => (isConstant(operand) ? [] : [operand.column]))

/** Runs `use` with dictionary operands decoded. */
export function withFlatOperands(
  left: Operand,
  right: Operand,
  use: (left: Operand, right: Operand) => Column,
): Column {
  const flat = (operand: Operand, next: (operand: Operand) => Column): Column =>
    isConstant(operand) ? next(operand) : withFlat(operand.column, column => next({ column }))
  return flat(left, a => flat(right, b => use(a, b)))
}

export const fits64 = ({ min, max }: Range): boolean => min >= MIN_I64 && max <= MAX_I64

export const within = (inner: Range, outer: Range): boolean => inner.min >= outer.min && inner.max <= outer.max

export const scaleRange = ({ min, max }: Range, factor: bigint): Range =>
  factor >= 0n ? { min: min * factor, max: max * factor } : { min: max * factor, max: min * factor }

export const addRanges = (a: Range, b: Range): Range => ({ min: a.min + b.min, max: a.max + b.max })

export function multiplyRanges(a: Range, b: Range): Range {
  const products = [a.min * b.min, a.min * b.max, a.max * b.min, a.max * b.max]
  return {
    min: products.reduce((least, value) => (value < least ? value : least)),
    max: products.reduce((most, value) => (value > most ? value : most)),
  }
}

/** Bounds of the valid values of i64 words; [0, 0] when there are none. */
export function rangeOfWords(values: number, validity: number, n: number): Range {
  return withScratch(scratch => {
    const out = scratch(16)
    if (exprKernels().arithmeticRange(values, validity, n, out) === 0) return { min: 0n, max: 0n }
    const { i64 } = views()
    return { min: i64[out / 8], max: i64[out / 8 + 1] }
  })
}

/** The bounds that a column states, or those of its values; the column is 64 bits wide. */
const rangeOf = (column: Column): Range => column.range ?? rangeOfWords(column.values, column.validity, column.length)

/** A flat column of integers, dates or decimals of width 8 as i64 words. */
function wordsOf(operand: Operand, scratch: Scratch): Words {
  if (isConstant(operand)) {
    const value = BigInt(operand.value as number | bigint)
    return { kind: 'constant', value, range: { min: value, max: value } }
  }
  const { column } = operand
  const { type, length, width } = column
  if (width === 8) return { kind: 'column', values: column.values, range: rangeOf(column) }
  const values = scratch(length * 8)
  exprKernels().castToI64(column.values, width, type.kind === 'int' && !type.signed ? 0 : 1, length, values)
  const bounds = integerBounds({
    kind: 'int',
    bits: (width * 8) as 8 | 16 | 32,
    signed: !(type.kind === 'int' && !type.signed),
  })
  return { kind: 'column', values, range: column.range ?? bounds }
}

/** a·ka + b·kb, already proved to fit. */
export function linear(a: Words, ka: bigint, b: Words, kb: bigint, n: number, out: number): void {
  const kernels = exprKernels()
  if (a.kind === 'column' && b.kind === 'column') kernels.arithmeticLinear(a.values, ka, b.values, kb, n, out)
  else if (a.kind === 'column' && b.kind === 'constant')
    kernels.arithmeticLinearLiteral(a.values, ka, b.value * kb, n, out)
  else if (a.kind === 'constant' && b.kind === 'column')
    kernels.arithmeticLinearLiteral(b.values, kb, a.value * ka, n, out)
}

export function multiply(a: Words, b: Words, n: number, out: number): void {
  const kernels = exprKernels()
  if (a.kind === 'column' && b.kind === 'column') kernels.arithmeticMultiply(a.values, b.values, n, out)
  else if (a.kind === 'column' && b.kind === 'constant') kernels.arithmeticLinearLiteral(a.values, b.value, 0n, n, out)
  else if (a.kind === 'constant' && b.kind === 'column') kernels.arithmeticLinearLiteral(b.values, a.value, 0n, n, out)
}

/** Position and stride of words for the kernels that walk both sides: a constant is written once. */
function placed(words: Words, scratch: Scratch): readonly [position: number, stride: number] {
  if (words.kind === 'column') return [words.values, 8]
  const at = scratch(16)
  views().i64[at / 8] = words.value
  return [at, 0]
}

/** Words of a constant as a column, for kernels whose first operand has no stride. */
function spread(words: Words, n: number, scratch: Scratch): number {
  if (words.kind === 'column') return words.values
  const at = scratch(n * 8)
  views().i64.fill(words.value, at / 8, at / 8 + n)
  return at
}

/** Integer arithmetic; NUMERIC_OVERFLOW and DIVIDE_BY_ZERO on valid rows only. Not for 64-bit unsigned. */
export function integerArithmetic(
  op: ArithmeticOp,
  left: Operand,
  right: Operand,
  type: DataType & { kind: 'int' },
  n: number,
): Column {
  const bounds = integerBounds(type)
  return arithmetic(type, left, right, n, (a, b, validity, own, scratch) => {
    const wide = type.bits === 64 ? own(n * 8) : scratch(n * 8)
    let range = integerInto(op, a, b, validity, n, wide, scratch, type)
    if (!within(range, bounds)) range = rangeOfWords(wide, validity, n)
    if (!within(range, bounds)) throw fail('NUMERIC_OVERFLOW', [typeName(type)])
    return { ...narrowed(wide, type.bits / 8, n, own), range }
  })
}

function narrowed(wide: number, width: number, n: number, own: Own): Partial<Column> {
  if (width === 8) return { values: wide, width }
  const values = own(n * width)
  exprKernels().castFromI64(wide, width, n, values)
  return { values, width }
}

/** Computes into `out`; the bounds of the result. */
function integerInto(
  op: ArithmeticOp,
  a: Words,
  b: Words,
  validity: number,
  n: number,
  out: number,
  scratch: Scratch,
  type: DataType,
): Range {
  if (op === '/' || op === '%') return divideInto(op, a, b, validity, n, out, scratch, type)
  const sign = op === '-' ? -1n : 1n
  const range = op === '*' ? multiplyRanges(a.range, b.range) : addRanges(a.range, scaleRange(b.range, sign))
  if (fits64(range)) {
    if (op === '*') multiply(a, b, n, out)
    else linear(a, 1n, b, sign, n, out)
    return range
  }
  const [position, stride] = placed(b, scratch)
  const code = { '+': 0, '-': 1, '*': 2 }[op]
  const overflow = exprKernels().arithmeticChecked(code, spread(a, n, scratch), position, stride, validity, n, out)
  if (overflow !== 0) throw fail('NUMERIC_OVERFLOW', [typeName(type)])
  return { min: MIN_I64, max: MAX_I64 }
}

export function divideInto(
  op: '/' | '%',
  a: Words,
  b: Words,
  validity: number,
  n: number,
  out: number,
  scratch: Scratch,
  type: DataType,
): Range {
  const [position, stride] = placed(b, scratch)
  const status = exprKernels().arithmeticDivide(
    op === '/' ? 0 : 1,
    spread(a, n, scratch),
    position,
    stride,
    validity,
    n,
    out,
  )
  if (status === 1) throw fail('DIVIDE_BY_ZERO')
  if (status === 2) throw fail('NUMERIC_OVERFLOW', [typeName(type)])
  // A quotient or remainder of whole numbers is no larger than the dividend, but for -MIN / -1.
  const limit = -a.range.min > a.range.max ? -a.range.min : a.range.max
  return { min: -limit, max: limit }
}

type Compute = (a: Words, b: Words, validity: number, own: Own, scratch: Scratch) => Partial<Column>

/** Frame of every operation on two operands as i64 words: NULLs of both, scratch for what is temporary. */
export function arithmetic(type: DataType, left: Operand, right: Operand, n: number, compute: Compute): Column {
  if ((isConstant(left) && left.value === null) || (isConstant(right) && right.value === null))
    return constantColumn(type, null, n)
  return withFlatOperands(left, right, (a, b) =>
    buildColumn(type, n, own => {
      const nulls = commonNulls(own, columnsOf([a, b]), n)
      return withScratch(scratch => ({
        ...compute(wordsOf(a, scratch), wordsOf(b, scratch), nulls.validity, own, scratch),
        ...nulls,
      }))
    }),
  )
}

/** DATE ± days, and DATE - DATE as a number of days. Throws NUMERIC_OVERFLOW. */
export function dateArithmetic(op: '+' | '-', left: Operand, right: Operand, type: DataType, n: number): Column {
  const width = type.kind === 'date' ? 4 : 8
  const bounds = { min: -(1n << BigInt(width * 8 - 1)), max: (1n << BigInt(width * 8 - 1)) - 1n }
  return arithmetic(type, left, right, n, (a, b, validity, own, scratch) => {
    const wide = width === 8 ? own(n * 8) : scratch(n * 8)
    let range = integerInto(op, a, b, validity, n, wide, scratch, type)
    if (!within(range, bounds)) range = rangeOfWords(wide, validity, n)
    if (!within(range, bounds)) throw fail('NUMERIC_OVERFLOW', [typeName(type)])
    return { ...narrowed(wide, width, n, own), range }
  })
}

/** DOUBLE arithmetic; % has no kernel. */
export function floatArithmetic(
  op: '+' | '-' | '*' | '/',
  left: Operand,
  right: Operand,
  type: DataType,
  n: number,
): Column {
  if ((isConstant(left) && left.value === null) || (isConstant(right) && right.value === null))
    return constantColumn(type, null, n)
  return withFlatOperands(left, right, (a, b) =>
    buildColumn(type, n, own => {
      const nulls = commonNulls(own, columnsOf([a, b]), n)
      const values = own(n * 8)
      withScratch(scratch => {
        const [x, y] = [placedFloat(a, scratch), placedFloat(b, scratch)]
        exprKernels().arithmeticFloat({ '+': 0, '-': 1, '*': 2, '/': 3 }[op], ...x, ...y, n, values)
      })
      return { values, ...nulls }
    }),
  )
}

/** A constant lies there twice, because the kernel works on pairs. */
function placedFloat(operand: Operand, scratch: Scratch): readonly [position: number, stride: number] {
  if (!isConstant(operand)) return [operand.column.values, 16]
  const at = scratch(16)
  views().f64.fill(operand.value as number, at / 8, at / 8 + 2)
  return [at, 0]
}
