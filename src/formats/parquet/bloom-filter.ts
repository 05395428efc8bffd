/** Bloom filters of column chunks (BloomFilter.md of the Parquet format): made for chunks that are written, asked about values. */
import type { Batch, Column } from '../../arrow/batch.js'
import { releaseColumn } from '../../arrow/column.js'
import { kernels, views, withScratch, writeText } from '../../arrow/memory.js'
import type { DataType, Value } from '../../arrow/types.js'
import type { LiteralExpr } from '../../expr/expr.js'
import { PHYSICAL, type ParquetColumn } from './parquet-schema.js'
import { THRIFT, decodeThrift, encodeThrift, numberAt, structAt, thriftStruct } from './thrift-compact.js'
import { INT64_DIGITS, bareColumn } from './write-schema.js'

interface BloomKernels {
  bloomAddFixed(
    ...args: [
      values: number, width: number, isSigned: number, validity: number, n: number, blocks: number, count: number, scratch: number,
    ] // oxfmt-ignore
  ): void
  bloomAddBytes(values: number, offsets: number, validity: number, n: number, blocks: number, count: number): void
  bloomMayHold(position: number, byteLength: number, blocks: number, count: number): number
  bloomFold(blocks: number, count: number): number
}

const BLOCK_BYTES = 32
/** Bits for each value: of a hundred that are not in the filter, one seems to be. */
const BITS_PER_VALUE = 10.5

/** Types whose stored bytes are those of our columns. */
export function takesBloomFilter(type: DataType): boolean {
  switch (type.kind) {
    case 'int':
    case 'date':
    case 'utf8':
    case 'binary':
      return true
    case 'timestamp':
      return type.unit !== 's'
    case 'decimal':
      return type.precision <= INT64_DIGITS
    default:
      return false
  }
}

/** The filter of column number `column` of the batches, header and bits, as it lies in a file. */
export function bloomFilter(batches: readonly Batch[], column: number): Uint8Array {
  const rows = batches.reduce((sum, { rowCount }) => sum + rowCount, 0)
  const blocks = 2 ** Math.ceil(Math.log2(Math.max(1, (rows * BITS_PER_VALUE) / 8 / BLOCK_BYTES)))
  return withScratch(scratch => {
    const filter = scratch(blocks * BLOCK_BYTES)
    const word = scratch(8)
    views().u8.fill(0, filter, filter + blocks * BLOCK_BYTES)
    let known: Column | undefined
    for (const { columns } of batches) {
      const stored = bareColumn(columns[column])
      try {
        const { dictionary } = stored
        // Batches of one row group mostly share a dictionary.
        const isKnown =
          dictionary !== undefined && dictionary.values === known?.values && dictionary.length === known.length
        if (!isKnown) add(dictionary ?? stored, filter, blocks, word)
        known = dictionary
      } finally {
        releaseColumn(stored)
      }
    }
    const count = kernels<BloomKernels>().bloomFold(filter, blocks)
    const bits = views().u8.slice(filter, filter + count * BLOCK_BYTES)
    return Buffer.concat([header(bits.length), bits])
  })
}

function add(column: Column, filter: number, blocks: number, word: number): void {
  const { length, offsets, type, validity, values, width } = column
  if (type.kind === 'utf8' || type.kind === 'binary') {
    kernels<BloomKernels>().bloomAddBytes(values, offsets, validity, length, filter, blocks)
    return
  }
  const isSigned = type.kind === 'int' && !type.signed ? 0 : 1
  kernels<BloomKernels>().bloomAddFixed(values, width, isSigned, validity, length, filter, blocks, word)
}

const NOTHING = thriftStruct([])
/** The one member of a union that there is. */
const only = thriftStruct([[1, THRIFT.struct, NOTHING]])

/** BloomFilterHeader: bytes, algorithm BLOCK, hash XXHASH, no compression. */
const header = (byteLength: number): Uint8Array =>
  encodeThrift(
    thriftStruct([
      [1, THRIFT.i32, byteLength],
      [2, THRIFT.struct, only],
      [3, THRIFT.struct, only],
      [4, THRIFT.struct, only],
    ]),
  )

/** The bits of a filter with its header; undefined for one of another kind. Throws FILE_INVALID. */
export function bloomBits(bytes: Uint8Array, path: string): Uint8Array | undefined {
  const struct = decodeThrift(bytes, path)
  const byteLength = numberAt(struct, 1) ?? 0
  const isKnown = [2, 3, 4].every(id => structAt(struct, id)?.fields.has(1) === true)
  const isSound = byteLength > 0 && byteLength % BLOCK_BYTES === 0 && byteLength < bytes.length
  return isKnown && isSound ? bytes.subarray(bytes.length - byteLength) : undefined
}

/** Whether the filter proves that the column chunk does not hold the value. */
export function lacks(bits: Uint8Array, column: ParquetColumn, literal: LiteralExpr): boolean {
  return withScratch(scratch => {
    const { value } = literal
    const position = scratch(typeof value === 'string' ? 3 * value.length + 1 : 8)
    const byteLength = storedBytes(column, literal, position)
    if (byteLength === undefined) return false
    const filter = scratch(bits.length)
    views().u8.set(bits, filter)
    return kernels<BloomKernels>().bloomMayHold(position, byteLength, filter, bits.length / BLOCK_BYTES) === 0
  })
}

/** Writes a value as a chunk of the column stores it; the number of bytes, undefined if it cannot be told. */
function storedBytes(column: ParquetColumn, { type, value }: LiteralExpr, position: number): number | undefined {
  const { physicalType } = column
  if (!isAlike(column.field.type, type) || column.meaning !== 'plain') return undefined
  if (typeof value === 'string') return physicalType === PHYSICAL.byteArray ? writeText(position, value) : undefined
  const integer = integerOf(value)
  if (integer === undefined) return undefined
  const { i32, i64 } = views()
  if (physicalType === PHYSICAL.int64) {
    i64[position / 8] = integer
    return 8
  }
  // What does not fit is not there, but a filter does not know it.
  if (physicalType !== PHYSICAL.int32 || integer !== BigInt.asIntN(33, integer)) return undefined
  i32[position / 4] = Number(BigInt.asIntN(32, integer))
  return 4
}

const integerOf = (value: Value): bigint | undefined =>
  typeof value === 'bigint' ? value : typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : undefined

/** Whether a value of `literal` has the bytes that the same value has in `column`. */
function isAlike(column: DataType, literal: DataType): boolean {
  if (column.kind === 'decimal') return literal.kind === 'decimal' && literal.scale === column.scale
  if (column.kind === 'timestamp') return literal.kind === 'timestamp' && literal.unit === column.unit
  return column.kind === literal.kind && column.kind !== 'float'
}
