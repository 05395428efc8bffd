/** Decimal arithmetic: in 64 bits where the bounds of a batch prove that it fits, else in 128 bits. */
import type { Column, Range } from '../../arrow/batch.js'
import { constantColumn, releaseColumn } from '../../arrow/column.js'
import { withScratch } from '../../arrow/memory.js'
import type { DataType } from '../../arrow/types.js'
import { pow10 } from '../decimal-value.js'
import type { ArithmeticOp } from '../expr.js'
import {
  addRanges,
  arithmetic,
  columnsOf,
  divideInto,
  fits64,
  linear,
  multiply,
  multiplyRanges,
  scaleRange,
  withFlatOperands,
  type Scratch,
  type Words,
} from './arithmetic.js'
import { isConstant, type Operand } from './by-row.js'
import { buildColumn, commonNulls } from './columns.js'
import { writeWide } from './comparison.js'
import { exprKernels } from './kernel-calls.js'

type DecimalType = DataType & { kind: 'decimal' }

const isNarrow = (operand: Operand): boolean =>
  isConstant(operand) ? BigInt.asIntN(64, operand.value as bigint) === operand.value : operand.column.width === 8

/** Factors that bring both sides of a sum or difference to one scale. */
function factors(op: ArithmeticOp, leftScale: number, rightScale: number): readonly [bigint, bigint] {
  const scale = Math.max(leftScale, rightScale)
  return [pow10(scale - leftScale), pow10(scale - rightScale) * (op === '-' ? -1n : 1n)]
}

export interface Scales {
  readonly left: number
  readonly right: number
}

/**
 * Decimal arithmetic: in 64 bits when the bounds of the batch prove that nothing overflows (the result has width 8 and
 * bounds), else in 128 bits. Undefined when neither kernel applies (wide division); NUMERIC_OVERFLOW, DIVIDE_BY_ZERO.
 */
export function decimalArithmetic(
  op: ArithmeticOp,
  left: Operand,
  right: Operand,
  scales: Scales,
  type: DecimalType,
  n: number,
): Column | undefined {
  if ((isConstant(left) && left.value === null) || (isConstant(right) && right.value === null))
    return constantColumn(type, null, n)
  if (isNarrow(left) && isNarrow(right)) {
    const narrow = narrowDecimal(op, left, right, scales, type, n)
    if (narrow !== undefined) return narrow
  }
  return op === '/' || op === '%' ? undefined : wideDecimal(op, left, right, scales, type, n)
}

function narrowDecimal(
  op: ArithmeticOp,
  left: Operand,
  right: Operand,
  scales: Scales,
  type: DecimalType,
  n: number,
): Column | undefined {
  let proved = true
  const column = arithmetic(type, left, right, n, (a, b, validity, own, scratch) => {
    const values = own(n * 8)
    const range = narrowInto(op, a, b, scales, type, validity, n, values, scratch)
    proved = range !== undefined
    return { values, width: 8, ...(range ? { range } : {}) }
  })
  if (proved) return column
  releaseColumn(column)
  return undefined
}

/** Computes into `out` and gives the bounds, or undefined when they cannot be proved to fit. */
function narrowInto(
  op: ArithmeticOp,
  a: Words,
  b: Words,
  scales: Scales,
  type: DecimalType,
  validity: number,
  n: number,
  out: number,
  scratch: Scratch,
): Range | undefined {
  const limit = pow10(type.precision) - 1n
  const inType = (range: Range): boolean => fits64(range) && range.min >= -limit && range.max <= limit
  if (op === '*') {
    const range = multiplyRanges(a.range, b.range)
    if (!inType(range)) return undefined
    multiply(a, b, n, out)
    return range
  }
  const [ka, kb] =
    op === '/' ? [pow10(type.scale - scales.left + scales.right), 1n] : factors(op, scales.left, scales.right)
  const ra = scaleRange(a.range, ka)
  const rb = scaleRange(b.range, kb)
  if (!fits64(ra) || !fits64(rb) || !fits64({ min: ka, max: ka })) return undefined
  if (op === '+' || op === '-') {
    const range = addRanges(ra, rb)
    if (!inType(range)) return undefined
    linear(a, ka, b, kb, n, out)
    return range
  }
  if (!inType({ min: -(ra.max > -ra.min ? ra.max : -ra.min), max: ra.max > -ra.min ? ra.max : -ra.min }))
    return undefined
  return divideInto(op, scaledWords(a, ka, n, scratch), scaledWords(b, kb, n, scratch), validity, n, out, scratch, type)
}

function scaledWords(words: Words, factor: bigint, n: number, scratch: Scratch): Words {
  const range = scaleRange(words.range, factor)
  if (factor === 1n) return words
  if (words.kind === 'constant') return { kind: 'constant', value: words.value * factor, range }
  const values = scratch(n * 8)
  exprKernels().arithmeticLinearLiteral(words.values, factor, 0n, n, values)
  return { kind: 'column', values, range }
}

/** Position, width and stride of an operand for the 128-bit kernels. */
function placedWide(operand: Operand, scratch: Scratch): readonly [position: number, width: number, stride: number] {
  if (!isConstant(operand)) return [operand.column.values, operand.column.width, operand.column.width]
  const at = scratch(16)
  writeWide(at, operand.value as bigint)
  return [at, 16, 0]
}

function wideDecimal(
  op: '+' | '-' | '*',
  left: Operand,
  right: Operand,
  scales: Scales,
  type: DecimalType,
  n: number,
): Column | undefined {
  const [ka, kb] = factors(op, scales.left, scales.right)
  const limit = pow10(type.precision) - 1n
  const words = [BigInt.asUintN(64, limit), limit >> 64n] as const
  // Larger factors do not fit a word; so wide a difference of scales is left to the slow path.
  if (op !== '*' && (ka > pow10(18) || kb > pow10(18) || kb < -pow10(18))) return undefined
  let exceeded = false
  const column = withFlatOperands(left, right, (a, b) =>
    buildColumn(type, n, own => {
      const nulls = commonNulls(own, columnsOf([a, b]), n)
      const values = own(n * 16)
      exceeded =
        withScratch(scratch => {
          const [x, y] = [placedWide(a, scratch), placedWide(b, scratch)]
          if (op === '*') return exprKernels().decimalMultiply(...x, ...y, ...words, nulls.validity, n, values)
          return exprKernels().decimalLinear(...x, ka, ...y, kb, ...words, nulls.validity, n, values)
        }) !== 0
      return { values, width: 16, ...nulls }
    }),
  )
  if (!exceeded) return column
  // A rescaled operand may exceed 128 bits although the result does not: the slow path knows, and raises if it must.
  releaseColumn(column)
  return undefined
}
