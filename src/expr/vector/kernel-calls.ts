/**
 * The typed calls of the kernels that expressions use. Positions are byte positions in the arena; `n` is a row count.
 */
import { kernels } from '../../arrow/memory.js'

export interface ExprKernels {
  arithmeticRange(values: number, validity: number, n: number, out: number): number
  arithmeticLinear(a: number, ka: bigint, b: number, kb: bigint, n: number, out: number): void
  arithmeticLinearLiteral(a: number, k: bigint, c: bigint, n: number, out: number): void
  arithmeticMultiply(a: number, b: number, n: number, out: number): void
  arithmeticChecked(op: number, a: number, b: number, stride: number, validity: number, n: number, out: number): number
  arithmeticDivide(op: number, a: number, b: number, stride: number, validity: number, n: number, out: number): number
  arithmeticFloat(op: number, a: number, aStride: number, b: number, bStride: number, n: number, out: number): void
  bitmapCount(bitmap: number, n: number): number
  bitmapIndices(bitmap: number, n: number, out: number): number
  castToI64(values: number, width: number, signed: number, n: number, out: number): void
  castFromI64(values: number, width: number, n: number, out: number): void
  castI64ToF64(values: number, divisor: number, n: number, out: number): void
  castScaleDown(values: number, divisor: bigint, n: number, out: number): void
  castF64ToI64(values: number, validity: number, n: number, out: number): number
  castF32ToF64(values: number, n: number, out: number): void
  compareIntLiteral(
    values: number,
    width: number,
    signed: number,
    n: number,
    op: number,
    flip: number,
    b: bigint,
    out: number,
  ): void
  compareIntColumns(
    left: number,
    right: number,
    width: number,
    signed: number,
    n: number,
    op: number,
    flip: number,
    out: number,
  ): void
  compareFloatLiteral(values: number, width: number, n: number, op: number, flip: number, b: number, out: number): void
  compareFloatColumns(
    left: number,
    right: number,
    width: number,
    n: number,
    op: number,
    flip: number,
    out: number,
  ): void
  compareWide(
    left: number,
    leftWidth: number,
    leftStride: number,
    right: number,
    rightWidth: number,
    rightStride: number,
    n: number,
    op: number,
    flip: number,
    out: number,
  ): void
  compareText(
    left: number,
    leftOffsets: number,
    right: number,
    rightOffsets: number,
    rightStride: number,
    n: number,
    op: number,
    flip: number,
    out: number,
  ): void
  compareInList(
    values: number,
    width: number,
    signed: number,
    n: number,
    list: number,
    count: number,
    out: number,
  ): void
  choiceFixed(
    mask: number,
    left: number,
    leftStride: number,
    right: number,
    rightStride: number,
    width: number,
    n: number,
    out: number,
  ): void
  choiceBits(mask: number, left: number, right: number, n: number, out: number): number
  compareTextList(values: number, offsets: number, n: number, table: number, mask: number): void
  compareTextInList(values: number, offsets: number, n: number, table: number, mask: number, out: number): void
  dateField(days: number, n: number, field: number, out: number): void
  dateOfTicks(ticks: number, validity: number, n: number, perDay: bigint, out: number): number
  dateClock(ticks: number, n: number, perDay: bigint, divisor: bigint, modulus: bigint, out: number): void
  dateTruncate(days: number, n: number, unit: number, out: number): void
  dateToTicks(days: number, validity: number, n: number, perDay: bigint, out: number): number
  dateRoundTicks(ticks: number, validity: number, n: number, step: bigint, out: number): number
  decimalLinear(
    a: number,
    aWidth: number,
    aStride: number,
    ka: bigint,
    b: number,
    bWidth: number,
    bStride: number,
    kb: bigint,
    limitLow: bigint,
    limitHigh: bigint,
    validity: number,
    n: number,
    out: number,
  ): number
  decimalMultiply(
    a: number,
    aWidth: number,
    aStride: number,
    b: number,
    bWidth: number,
    bStride: number,
    limitLow: bigint,
    limitHigh: bigint,
    validity: number,
    n: number,
    out: number,
  ): number
  likePrefix(values: number, offsets: number, n: number, text: number, length: number, flip: number, out: number): void
  likeSearch(
    values: number,
    offsets: number,
    n: number,
    pattern: number,
    count: number,
    anchors: number,
    out: number,
  ): void
  likeMatch(
    values: number,
    offsets: number,
    n: number,
    pattern: number,
    count: number,
    anchors: number,
    flip: number,
    out: number,
  ): void
  logicAnd(
    left: number,
    leftValid: number,
    right: number,
    rightValid: number,
    n: number,
    out: number,
    outValid: number,
  ): number
  logicOr(
    left: number,
    leftValid: number,
    right: number,
    rightValid: number,
    n: number,
    out: number,
    outValid: number,
  ): number
  logicNot(bitmap: number, n: number, out: number): void
  logicIntersect(left: number, right: number, negate: number, n: number, out: number): number
  logicNotDistinct(equal: number, leftValid: number, rightValid: number, flip: bigint, n: number, out: number): void
  logicMark(rows: number, count: number, n: number, out: number): void
  logicScatter(rows: number, count: number, base: number, map: number): void
  takeFixedDense(values: number, width: number, indices: number, count: number, out: number): void
  utf8AsciiCase(from: number, byteLength: number, upper: number, out: number): void
  utf8ByteLength(offsets: number, n: number, factor: number, out: number): void
  utf8Concat(
    left: number,
    leftOffsets: number,
    leftStride: number,
    right: number,
    rightOffsets: number,
    rightStride: number,
    n: number,
    out: number,
    outOffsets: number,
  ): number
  utf8Trim(values: number, offsets: number, n: number, sides: number, out: number, outOffsets: number): number
  takeRebase(offsets: number, count: number, first: number, target: number): void
  utf8IsAscii(at: number, end: number): number
  utf8Length(values: number, offsets: number, n: number, ascii: number, out: number): void
  utf8Substring(
    values: number,
    offsets: number,
    n: number,
    ascii: number,
    from: number,
    count: number,
    out: number,
    outOffsets: number,
  ): number
}

/** This thread's kernels. */
export const exprKernels = (): ExprKernels => kernels<ExprKernels>()
