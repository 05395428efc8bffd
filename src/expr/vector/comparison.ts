/** Comparisons of columns with columns and with constants, as bitmaps. */
import type { Column, Range } from '../../arrow/batch.js'
import { bitmapBytes, constantColumn } from '../../arrow/column.js'
import { views, withScratch, writeText } from '../../arrow/memory.js'
import { BOOLEAN, type DataType, type Value } from '../../arrow/types.js'
import type { BinaryOp, ComparisonOp } from '../expr.js'
import { isConstant, overDictionary, type Operand } from './by-row.js'
import { booleanColumn, buildColumn, using, withFlat } from './columns.js'
import { exprKernels } from './kernel-calls.js'

/** The kernels know =, < and <=; the others are their negations. */
const KERNEL_OPS: Readonly<Record<ComparisonOp, readonly [op: number, flip: number]>> = {
  '=': [0, 0],
  '<>': [0, 0xff],
  '<': [1, 0],
  '>=': [1, 0xff],
  '<=': [2, 0],
  '>': [2, 0xff],
}

const MIRRORED: Readonly<Record<ComparisonOp, ComparisonOp>> = {
  '=': '=',
  '<>': '<>',
  '<': '>',
  '>': '<',
  '<=': '>=',
  '>=': '<=',
}

export const isComparison = (op: BinaryOp): op is ComparisonOp => op in KERNEL_OPS

/** How values of a type lie in memory, as far as comparisons care. */
type Layout = 'integer' | 'float' | 'decimal' | 'text' | undefined

function layoutOf(type: DataType): Layout {
  switch (type.kind) {
    case 'int':
    case 'date':
    case 'timestamp':
      return 'integer'
    case 'float':
      return 'float'
    case 'decimal':
      return 'decimal'
    case 'utf8':
    case 'binary':
      return 'text'
    default:
      return undefined
  }
}

/** Whether there are comparison kernels for the type. */
export const hasComparison = (type: DataType): boolean => layoutOf(type) !== undefined

const isSigned = (type: DataType): number => (type.kind === 'int' && !type.signed ? 0 : 1)

/**
 * `left op right` over operands of one type (decimals of one scale), at most one of them constant. BOOLEAN, owned by
 * the caller.
 */
export function compareOperands(
  op: ComparisonOp,
  left: Operand,
  right: Operand,
  type: DataType,
  rowCount: number,
): Column {
  if (isConstant(left)) {
    if (isConstant(right)) throw new RangeError('two constants')
    return compareConstant(MIRRORED[op], right.column, left.value, type, rowCount)
  }
  if (isConstant(right)) return compareConstant(op, left.column, right.value, type, rowCount)
  return withFlat(left.column, a => withFlat(right.column, b => compareColumns(op, a, b, type, rowCount)))
}

function compareConstant(op: ComparisonOp, column: Column, value: Value, type: DataType, rowCount: number): Column {
  if (value === null) return constantColumn(BOOLEAN, null, rowCount)
  return overDictionary(column, flat => compareFlat(op, flat, value, type))
}

function compareFlat(op: ComparisonOp, column: Column, value: Value, type: DataType): Column {
  const n = column.length
  const [code, flip] = KERNEL_OPS[op]
  const decided = decidedByRange(op, column.range, value)
  if (decided !== undefined) return booleanColumn(n, [column], bits => fillBits(bits, n, decided))
  return booleanColumn(n, [column], bits => {
    const kernels = exprKernels()
    switch (layoutOf(type)) {
      case 'integer':
        return kernels.compareIntLiteral(
          column.values,
          column.width,
          isSigned(type),
          n,
          code,
          flip,
          BigInt(value as number | bigint),
          bits,
        )
      case 'float':
        return kernels.compareFloatLiteral(column.values, column.width, n, code, flip, value as number, bits)
      case 'decimal':
        return compareDecimal(column, value as bigint, n, code, flip, bits)
      case 'text':
        return withText(value as string | Uint8Array, (text, offsets) =>
          kernels.compareText(column.values, column.offsets, text, offsets, 0, n, code, flip, bits),
        )
      case undefined:
        throw new RangeError(`no comparison of ${type.kind}`)
    }
  })
}

/** What the bounds of a column already say about all its rows. */
function decidedByRange(op: ComparisonOp, range: Range | undefined, value: Value): boolean | undefined {
  if (range === undefined || (typeof value !== 'number' && typeof value !== 'bigint')) return undefined
  const exact = BigInt(value)
  const { min, max } = range
  switch (op) {
    case '=':
      return exact < min || exact > max ? false : undefined
    case '<>':
      return exact < min || exact > max ? true : undefined
    case '<':
      return max < exact ? true : min >= exact ? false : undefined
    case '<=':
      return max <= exact ? true : min > exact ? false : undefined
    case '>':
      return min > exact ? true : max <= exact ? false : undefined
    case '>=':
      return min >= exact ? true : max < exact ? false : undefined
  }
}

/** Sets the first `n` bits to one value and the rest of the last word to 0. */
export function fillBits(bits: number, n: number, value: boolean): void {
  if (value) exprKernels().logicIntersect(0, 0, 0, n, bits)
  else views().u8.fill(0, bits, bits + bitmapBytes(n))
}

/** Writes a 128-bit number. */
export function writeWide(position: number, value: bigint): void {
  const { i64 } = views()
  i64[position / 8] = BigInt.asIntN(64, value)
  i64[position / 8 + 1] = value >> 64n
}

function compareDecimal(column: Column, value: bigint, n: number, op: number, flip: number, bits: number): void {
  if (column.width === 8 && BigInt.asIntN(64, value) === value) {
    exprKernels().compareIntLiteral(column.values, 8, 1, n, op, flip, value, bits)
    return
  }
  withScratch(scratch => {
    const literal = scratch(16)
    writeWide(literal, value)
    exprKernels().compareWide(column.values, column.width, column.width, literal, 16, 0, n, op, flip, bits)
  })
}

/** Runs `use` with a string in scratch memory: its bytes and a pair of offsets. */
export function withText<T>(value: string | Uint8Array, use: (text: number, offsets: number) => T): T {
  return withScratch(scratch => {
    const byteLength = typeof value === 'string' ? Buffer.byteLength(value) : value.length
    const text = scratch(byteLength + 16)
    const offsets = scratch(8)
    if (typeof value === 'string') writeText(text, value)
    else views().u8.set(value, text)
    views().u32[offsets / 4] = 0
    views().u32[offsets / 4 + 1] = byteLength
    return use(text, offsets)
  })
}

function compareColumns(op: ComparisonOp, left: Column, right: Column, type: DataType, n: number): Column {
  const [code, flip] = KERNEL_OPS[op]
  return booleanColumn(n, [left, right], bits => {
    const kernels = exprKernels()
    switch (layoutOf(type)) {
      case 'integer':
        return kernels.compareIntColumns(left.values, right.values, left.width, isSigned(type), n, code, flip, bits)
      case 'float':
        return kernels.compareFloatColumns(left.values, right.values, left.width, n, code, flip, bits)
      case 'decimal':
        if (left.width === 8 && right.width === 8)
          return kernels.compareIntColumns(left.values, right.values, 8, 1, n, code, flip, bits)
        return kernels.compareWide(
          left.values,
          left.width,
          left.width,
          right.values,
          right.width,
          right.width,
          n,
          code,
          flip,
          bits,
        )
      case 'text':
        return kernels.compareText(left.values, left.offsets, right.values, right.offsets, 4, n, code, flip, bits)
      case undefined:
        throw new RangeError(`no comparison of ${type.kind}`)
    }
  })
}

/** IS [NOT] DISTINCT FROM out of the equality of two operands; never NULL. */
export function compareDistinct(
  op: 'distinct' | 'notDistinct',
  left: Operand,
  right: Operand,
  type: DataType,
  n: number,
): Column {
  const flip = op === 'distinct' ? 0xffff_ffff_ffff_ffffn : 0n
  if (isConstant(left)) return compareDistinct(op, right, left, type, n)
  const { column } = left
  if (isConstant(right) && right.value === null) {
    return buildColumn(BOOLEAN, n, own => {
      const values = own(bitmapBytes(n))
      if (column.nullCount === 0) fillBits(values, n, op === 'distinct')
      else if (op === 'distinct') exprKernels().logicIntersect(column.validity, 0, 0, n, values)
      else exprKernels().logicNot(column.validity, n, values)
      return { values }
    })
  }
  const equal = compareOperands('=', left, right, type, n)
  return using([equal], () =>
    buildColumn(BOOLEAN, n, own => {
      const values = own(bitmapBytes(n))
      const otherValid = isConstant(right) ? 0 : right.column.validity
      exprKernels().logicNotDistinct(equal.values, column.validity, otherValid, flip, n, values)
      return { values }
    }),
  )
}
