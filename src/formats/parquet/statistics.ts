/** Row-group statistics as exact typed values, and the proof that a row group holds no row that a predicate wants. */
import type { ColumnStatistics } from '../../catalog/table-provider.js'
import type { Value } from '../../arrow/types.js'
import { booleanAt, bytesAt, numberAt, type ThriftStruct } from './thrift-compact.js'
import { PHYSICAL, type ParquetColumn } from './parquet-schema.js'

/**
 * Bounds of one leaf chunk from a `Statistics` struct. A bound that cannot be trusted is left out: the deprecated min and
 * max of types that old writers ordered wrongly, NaN, INT96, and text cut inside a character.
 */
export function chunkStatistics(column: ParquetColumn, statistics: ThriftStruct): ColumnStatistics {
  const nullCount = numberAt(statistics, 3)
  const trustDeprecated = isSignedNumber(column)
  // A decimal whose bytes were cut is another number.
  const isWhole = (id: number): boolean => column.field.type.kind !== 'decimal' || booleanAt(statistics, id) !== false
  const bound = (id: number, deprecated: number): Uint8Array | undefined =>
    bytesAt(statistics, id) ?? (trustDeprecated ? bytesAt(statistics, deprecated) : undefined)
  const min = isWhole(8) ? boundAt(column, bound(6, 2), 'min') : undefined
  const max = isWhole(7) ? boundAt(column, bound(5, 1), 'max') : undefined
  return {
    ...(nullCount === undefined ? {} : { nullCount }),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
  }
}

const isSignedNumber = ({ field: { type }, physicalType }: ParquetColumn): boolean =>
  type.kind === 'float' ||
  type.kind === 'date' ||
  type.kind === 'timestamp' ||
  (type.kind === 'int' && type.signed) ||
  (type.kind === 'decimal' && (physicalType === PHYSICAL.int32 || physicalType === PHYSICAL.int64))

function boundAt(column: ParquetColumn, bytes: Uint8Array | undefined, side: 'min' | 'max'): Value | undefined {
  if (bytes === undefined || column.meaning !== 'plain') return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const { type } = column.field
  switch (column.physicalType) {
    case PHYSICAL.boolean:
      return bytes.length === 1 ? bytes[0] !== 0 : undefined
    case PHYSICAL.int32:
      return bytes.length === 4 ? int32Bound(column, view) : undefined
    case PHYSICAL.int64:
      if (bytes.length !== 8) return undefined
      return type.kind === 'int' && !type.signed ? view.getBigUint64(0, true) : view.getBigInt64(0, true)
    case PHYSICAL.float:
      return bytes.length === 4 ? floatBound(view.getFloat32(0, true), side) : undefined
    case PHYSICAL.double:
      return bytes.length === 8 ? floatBound(view.getFloat64(0, true), side) : undefined
    case PHYSICAL.byteArray:
    case PHYSICAL.fixed:
      if (type.kind === 'decimal') return bigEndian(bytes)
      if (type.kind === 'binary') return bytes.slice()
      return type.kind === 'utf8' ? textBound(bytes) : undefined
  }
  return undefined
}

function int32Bound(column: ParquetColumn, view: DataView): Value {
  const { type } = column.field
  if (type.kind === 'decimal') return BigInt(view.getInt32(0, true))
  return type.kind === 'int' && !type.signed ? view.getUint32(0, true) : view.getInt32(0, true)
}

/** Writers may give +0 as the minimum of a chunk that holds -0, and the reverse (ColumnOrder of parquet.thrift). */
function floatBound(value: number, side: 'min' | 'max'): number | undefined {
  if (Number.isNaN(value)) return undefined
  return value === 0 ? (side === 'min' ? -0 : 0) : value
}

function textBound(bytes: Uint8Array): string | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  return text.includes('\uFFFD') ? undefined : text
}

/** Two's complement, most significant byte first, any length. */
export function bigEndian(bytes: Uint8Array): bigint {
  let value = 0n
  for (const byte of bytes) value = (value << 8n) | BigInt(byte)
  return BigInt.asIntN(8 * bytes.length, value)
}
