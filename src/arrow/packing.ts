/**
 * Integers of frames in fewer bytes: as differences from the lowest one, or, where they ascend, as steps from the one before. A byte
 * that is not sent saves more than packing and unpacking it takes (docs/adr/0040).
 */
import type { Column, Range } from './batch.js'
import { kernels, views } from './memory.js'
import { computeRange } from './range.js'
import type { DataType } from './types.js'

interface PackKernels {
  packStepBytes(values: number, width: number, count: number): number
  packDifferences(values: number, width: number, count: number, base: bigint, bytes: number, target: number): void
  packSteps(values: number, width: number, count: number, bytes: number, target: number): void
  packedDifferences(source: number, count: number, bytes: number, base: bigint, width: number, target: number): number
  packedSteps(source: number, count: number, bytes: number, base: bigint, width: number, target: number): number
}

/** With fewer rows the second block and the kernel calls cost more than the bytes. */
const MIN_ROWS = 128

/** How `count` integers are packed: all but the first one where they are steps. */
export interface Packing {
  /** Of each difference (1 to 4, less than the width) or step (1 or 2). */
  readonly bytes: number
  readonly isStepped: boolean
  /** The lowest one, or the first one of steps. */
  readonly base: bigint
}

/** Integers, of which those of 4 and 8 bytes are packed. */
export const isPackable = ({ kind }: DataType, width: number): boolean =>
  (kind === 'int' || kind === 'date' || kind === 'timestamp' || kind === 'decimal') && (width === 4 || width === 8)

/** How the values of a flat column travel best; undefined as they are. */
export function valuePacking(column: Column): Packing | undefined {
  const { type, length, width, values, nullCount } = column
  if (length < MIN_ROWS || !isPackable(type, width)) return undefined
  const stepBytes = nullCount === 0 ? kernels<PackKernels>().packStepBytes(values, width, length) : 0
  const steps = stepBytes === 0 ? undefined : { bytes: stepBytes, isStepped: true, base: firstValue(column) }
  if (stepBytes === 1) return steps
  const range = column.range ?? computeRange(column)
  const bytes = range === undefined ? 0 : differenceBytes(range)
  if (range === undefined || bytes === 0 || bytes >= width || (steps !== undefined && stepBytes < bytes)) return steps
  return { bytes, isStepped: false, base: range.min }
}

function differenceBytes({ min, max }: Range): number {
  const span = max - min
  if (span > 0xffffffffn) return 0
  return span <= 0xffn ? 1 : span <= 0xffffn ? 2 : span <= 0xffffffn ? 3 : 4
}

function firstValue({ type, values, width }: Column): bigint {
  const { i32, i64, u32, u64 } = views()
  if (isUnsigned(type)) return width === 8 ? u64[values / 8] : BigInt(u32[values / 4])
  return width === 8 ? i64[values / 8] : BigInt(i32[values / 4])
}

const isUnsigned = (type: DataType): boolean => type.kind === 'int' && !type.signed

/** The base as two words of a header, and back; undefined if a value of the type cannot be that. */
export const baseWords = ({ base }: Packing): [low: number, high: number] => [
  Number(BigInt.asUintN(32, base)),
  Number(BigInt.asUintN(32, base >> 32n)),
]

export function readBase(low: number, high: number, type: DataType, width: number): bigint | undefined {
  const bits = (BigInt(high) << 32n) | BigInt(low)
  const base = isUnsigned(type) ? bits : BigInt.asIntN(64, bits)
  const { min, max } = typeBounds(type, width)
  return base >= min && base <= max ? base : undefined
}

/** Bytes of the lengths that stand for offsets: 1 or 2; 0 if the offsets travel as they are. */
export const lengthBytes = ({ offsets, length }: Column): number =>
  length < MIN_ROWS ? 0 : kernels<PackKernels>().packStepBytes(offsets, 4, length + 1)

export function packValues({ values, width, length }: Column, packing: Packing, target: number): void {
  const { bytes, isStepped, base } = packing
  if (isStepped) kernels<PackKernels>().packSteps(values, width, length - 1, bytes, target)
  else kernels<PackKernels>().packDifferences(values, width, length, base, bytes, target)
}

export function packOffsets({ offsets, length }: Column, bytes: number, target: number): void {
  kernels<PackKernels>().packSteps(offsets, 4, length, bytes, target)
}

/** Bytes of `length` packed integers. */
export const packedBytes = ({ bytes, isStepped }: Packing, length: number): number =>
  (isStepped ? length - 1 : length) * bytes

/** Unpacks `length` values, one at least, of `width`; their bounds (NULLs included), undefined if they leave the type. */
export function unpackValues(
  source: number,
  packing: Packing,
  type: DataType,
  width: number,
  length: number,
  target: number,
): Range | undefined {
  const { bytes, isStepped, base } = packing
  const { packedDifferences, packedSteps } = kernels<PackKernels>()
  const span = isStepped
    ? packedSteps(source, length - 1, bytes, base, width, target)
    : packedDifferences(source, length, bytes, base, width, target) >>> 0
  const range = { min: base, max: base + BigInt(span) }
  return range.max <= typeBounds(type, width).max ? range : undefined
}

/** Unpacks `length` lengths as offsets; their end. */
export const unpackOffsets = (source: number, bytes: number, length: number, target: number): number =>
  kernels<PackKernels>().packedSteps(source, length, bytes, 0n, 4, target)

/** What the integers of a packable type can be. */
function typeBounds(type: DataType, width: number): Range {
  const bits = BigInt(width * 8)
  if (isUnsigned(type)) return { min: 0n, max: (1n << bits) - 1n }
  return { min: -(1n << (bits - 1n)), max: (1n << (bits - 1n)) - 1n }
}
