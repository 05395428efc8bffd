/** String functions by kernel, over flat columns. */
import type { Column } from '../../arrow/batch.js'
import { columnFromValues } from '../../arrow/column.js'
import { views } from '../../arrow/memory.js'
import { COPY_SLOP } from '../../arrow/take.js'
import { INT32, UTF8 } from '../../arrow/types.js'
import { isConstant, type Operand } from './by-row.js'
import { buildColumn, commonNulls, using, withFlat } from './columns.js'
import { exprKernels } from './kernel-calls.js'
import { isAscii } from './text.js'

const MAX_U32 = 0xffff_ffff

/** substr of a flat string column with a constant position, counted in characters from 1, and a length >= 0. */
export function substringColumn(column: Column, start: bigint, length: bigint | undefined): Column {
  const n = column.length
  const end = length === undefined ? undefined : start + length
  const from = start < 1n ? 1n : start
  const count = end === undefined ? MAX_U32 : Number(end > from ? end - from : 0n)
  return buildColumn(UTF8, n, own => {
    const { u32 } = views()
    const byteLength = u32[column.offsets / 4 + n] - u32[column.offsets / 4]
    const values = own(byteLength + COPY_SLOP)
    const offsets = own((n + 1) * 4)
    const skipped = Math.min(Number(from - 1n), MAX_U32)
    exprKernels().utf8Substring(
      column.values,
      column.offsets,
      n,
      isAscii(column),
      skipped,
      Math.min(count, MAX_U32),
      values,
      offsets,
    )
    return { values, offsets, ...commonNulls(own, [column], n) }
  })
}

/** Number of characters of a flat string column as INT. */
export function lengthColumn(column: Column): Column {
  const n = column.length
  return buildColumn(INT32, n, own => {
    const values = own(n * 4)
    exprKernels().utf8Length(column.values, column.offsets, n, isAscii(column), values)
    return { values, ...commonNulls(own, [column], n) }
  })
}

/** Number of bytes (or bits, with factor 8) of a flat string column as INT. */
export function byteLengthColumn(column: Column, factor: 1 | 8): Column {
  const n = column.length
  return buildColumn(INT32, n, own => {
    const values = own(n * 4)
    exprKernels().utf8ByteLength(column.offsets, n, factor, values)
    return { values, ...commonNulls(own, [column], n) }
  })
}

/** Bytes that the rows of a flat string column take together. */
function byteLengthOf({ offsets, length }: Column): number {
  const { u32 } = views()
  return u32[offsets / 4 + length] - u32[offsets / 4]
}

/** A flat column of ASCII strings in upper or lower case. */
export function asciiCaseColumn(column: Column, to: 'upper' | 'lower'): Column {
  const n = column.length
  const byteLength = byteLengthOf(column)
  return buildColumn(UTF8, n, own => {
    const values = own(byteLength + COPY_SLOP)
    const offsets = own((n + 1) * 4)
    const kernels = exprKernels()
    kernels.utf8AsciiCase(column.values + views().u32[column.offsets / 4], byteLength, to === 'upper' ? 1 : 0, values)
    kernels.takeRebase(column.offsets, n + 1, 0, offsets)
    return { values, offsets, ...commonNulls(own, [column], n) }
  })
}

/** A flat string column without spaces at its ends: `sides` 1 start, 2 end, 3 both. */
export function trimColumn(column: Column, sides: 1 | 2 | 3): Column {
  const n = column.length
  return buildColumn(UTF8, n, own => {
    const values = own(byteLengthOf(column) + COPY_SLOP)
    const offsets = own((n + 1) * 4)
    exprKernels().utf8Trim(column.values, column.offsets, n, sides, values, offsets)
    return { values, offsets, ...commonNulls(own, [column], n) }
  })
}

/** Bytes of one column of strings; more are left to the slow path, which says what is too much. */
const MAX_BYTES = 2 ** 30

/** `left || right` of columns and constants; undefined when the result would be too long. */
export function concatOperands(left: Operand, right: Operand, rowCount: number): Column | undefined {
  return withText(left, a =>
    withText(right, b => {
      const byteLength = textBytes(left, a, rowCount) + textBytes(right, b, rowCount)
      if (byteLength > MAX_BYTES) return undefined
      return buildColumn(UTF8, rowCount, own => {
        const values = own(byteLength + COPY_SLOP)
        const offsets = own((rowCount + 1) * 4)
        const [aStride, bStride] = [isConstant(left) ? 0 : 1, isConstant(right) ? 0 : 1]
        exprKernels().utf8Concat(a.values, a.offsets, aStride, b.values, b.offsets, bStride, rowCount, values, offsets)
        const columns = [isConstant(left) ? [] : [a], isConstant(right) ? [] : [b]].flat()
        return { values, offsets, ...commonNulls(own, columns, rowCount) }
      })
    }),
  )
}

const textBytes = (operand: Operand, text: Column, rowCount: number): number =>
  isConstant(operand) ? byteLengthOf(text) * rowCount : byteLengthOf(text)

/** Runs `use` with a flat column, or with a constant as one of a single row. */
function withText<T>(operand: Operand, use: (text: Column) => T): T {
  if (!isConstant(operand)) return withFlat(operand.column, use)
  const one = columnFromValues(UTF8, [operand.value])
  return using([one], () => use(one))
}
