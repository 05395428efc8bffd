/**
 * The metadata of Arrow IPC (Schema.fbs, Message.fbs and File.fbs of Apache Arrow), checked as a whole before apache-arrow
 * reads it: structure, nesting, and that all buffers lie inside of their message's body.
 */
import { fail, type BallistaError } from '../common/errors.js'
import { checkedRoot, type FlatField, type FlatShape, type FlatTable } from './flat-check.js'

const scalar = (byteLength: number): FlatField => ({ kind: 'scalar', byteLength })
const vector = (byteLength: number): FlatField => ({ kind: 'vector', byteLength })
const table = (of: () => FlatShape): FlatField => ({ kind: 'table', of })
const tables = (of: () => FlatShape): FlatField => ({ kind: 'tables', of })
const STRING: FlatField = { kind: 'string' }
const shape = (name: string, ...fields: readonly FlatField[]): FlatShape => ({ name, fields })

const KEY_VALUE = shape('KeyValue', STRING, STRING)
const INT = shape('Int', scalar(4), scalar(1))
const EMPTY = shape('type without parameters')

/** Members of the `Type` union by number. */
const TYPES: Readonly<Record<number, FlatShape>> = {
  1: EMPTY,
  2: INT,
  3: shape('FloatingPoint', scalar(2)),
  4: EMPTY,
  5: EMPTY,
  6: EMPTY,
  7: shape('Decimal', scalar(4), scalar(4), scalar(4)),
  8: shape('Date', scalar(2)),
  9: shape('Time', scalar(2), scalar(4)),
  10: shape('Timestamp', scalar(2), STRING),
  11: shape('Interval', scalar(2)),
  12: EMPTY,
  13: EMPTY,
  14: shape('Union', scalar(2), vector(4)),
  15: shape('FixedSizeBinary', scalar(4)),
  16: shape('FixedSizeList', scalar(4)),
  17: shape('Map', scalar(1)),
  18: shape('Duration', scalar(2)),
  19: EMPTY,
  20: EMPTY,
  21: EMPTY,
  22: EMPTY,
  23: EMPTY,
  24: EMPTY,
  25: EMPTY,
  26: EMPTY,
}

const DICTIONARY_ENCODING = shape(
  'DictionaryEncoding',
  scalar(8),
  table(() => INT),
  scalar(1),
  scalar(2),
)

const FIELD: FlatShape = shape(
  'Field',
  STRING,
  scalar(1),
  scalar(1),
  { kind: 'union', of: () => TYPES },
  table(() => DICTIONARY_ENCODING),
  tables(() => FIELD),
  tables(() => KEY_VALUE),
)

const SCHEMA = shape(
  'Schema',
  scalar(2),
  tables(() => FIELD),
  tables(() => KEY_VALUE),
  vector(8),
)

const NODE_BYTES = 16
const BUFFER_BYTES = 16
const BLOCK_BYTES = 24

const RECORD_BATCH = shape(
  'RecordBatch',
  scalar(8),
  vector(NODE_BYTES),
  vector(BUFFER_BYTES),
  table(() => shape('BodyCompression', scalar(1), scalar(1))),
  vector(8),
)

const DICTIONARY_BATCH = shape(
  'DictionaryBatch',
  scalar(8),
  table(() => RECORD_BATCH),
  scalar(1),
)

/** Members of the `MessageHeader` union by number. */
const HEADER = { schema: 1, dictionaryBatch: 2, recordBatch: 3 } as const

const MESSAGE = shape(
  'Message',
  scalar(2),
  scalar(1),
  {
    kind: 'union',
    of: () => ({
      [HEADER.schema]: SCHEMA,
      [HEADER.dictionaryBatch]: DICTIONARY_BATCH,
      [HEADER.recordBatch]: RECORD_BATCH,
    }),
  },
  scalar(8),
  tables(() => KEY_VALUE),
)

const FOOTER = shape(
  'Footer',
  scalar(2),
  table(() => SCHEMA),
  vector(BLOCK_BYTES),
  vector(BLOCK_BYTES),
  tables(() => KEY_VALUE),
)

const invalid = (what: string): BallistaError => fail('FILE_INVALID', ['Arrow metadata', what])

export interface MessageHead {
  readonly kind: 'schema' | 'dictionaryBatch' | 'recordBatch'
  readonly bodyLength: number
  /** Absent: the body holds the buffers as they are. */
  readonly compression?: BodyCompression
}

export interface BodyCompression {
  readonly codec: 'lz4' | 'zstd'
  /** As [offset, byte length] in the body. */
  readonly buffers: readonly (readonly [number, number])[]
}

/** What a message's metadata says, checked. Throws FILE_INVALID, NOT_SUPPORTED. */
export function checkMessage(metadata: Uint8Array): MessageHead {
  const message = checkedRoot(metadata, MESSAGE)
  const header = message.table(2)
  const kind = kindOf(message.u8(1))
  if (header === undefined) throw invalid('a message without a header')
  const bodyLength = lengthOf(message.i64(3), 'message body')
  if (kind === 'schema') {
    if (header.i16(0) !== 0) throw fail('NOT_SUPPORTED', ['Arrow data in big-endian byte order'])
    return { kind, bodyLength }
  }
  const buffers = checkBatch(batchOf(message), bodyLength)
  const compression = batchOf(message).table(COMPRESSION_SLOT)
  if (compression === undefined) return { kind, bodyLength }
  const codec = compression.u8(0)
  if (codec > 1 || compression.u8(1) !== 0) throw fail('NOT_SUPPORTED', [`compression ${codec} of Arrow data`])
  return { kind, bodyLength, compression: { codec: codec === 0 ? 'lz4' : 'zstd', buffers } }
}

const COMPRESSION_SLOT = 3

/** The RecordBatch of a message of a batch or dictionary. */
function batchOf(message: FlatTable): FlatTable {
  const header = message.table(2)
  const batch = message.u8(1) === HEADER.recordBatch ? header : header?.table(1)
  if (batch === undefined) throw invalid('a dictionary without values')
  return batch
}

/** Metadata, which was checked, for the same batch with buffers that are not compressed, as [offset, byte length]. Throws FILE_INVALID. */
export function withoutCompression(
  metadata: Uint8Array,
  buffers: readonly (readonly [number, number])[],
  bodyLength: number,
): Uint8Array {
  const changed = checkedRoot(metadata, MESSAGE)
  // Tables of the same form may share a vtable: the batch gets one of its own, behind the rest.
  const bytes = batchOf(changed).withoutSlot(metadata, COMPRESSION_SLOT)
  const message = checkedRoot(bytes, MESSAGE)
  batchOf(message)
    .structs(2, BUFFER_BYTES)
    .forEach((buffer, i) => {
      buffer.setBigInt64(0, BigInt(buffers[i][0]), true)
      buffer.setBigInt64(8, BigInt(buffers[i][1]), true)
    })
  message.setI64(3, BigInt(bodyLength))
  // Parts may overlap: what was checked may have changed.
  checkMessage(bytes)
  return bytes
}

function kindOf(header: number): MessageHead['kind'] {
  if (header === HEADER.schema) return 'schema'
  if (header === HEADER.dictionaryBatch) return 'dictionaryBatch'
  if (header === HEADER.recordBatch) return 'recordBatch'
  throw invalid(`a message of kind ${header}`)
}

/** The buffers of a batch, all inside of its body. */
function checkBatch(batch: FlatTable, bodyLength: number): [number, number][] {
  const rowCount = lengthOf(batch.i64(0), 'batch')
  for (const node of batch.structs(1, NODE_BYTES)) {
    const length = lengthOf(node.getBigInt64(0, true), 'column')
    const nullCount = node.getBigInt64(8, true)
    if (nullCount < -1n || nullCount > BigInt(length)) throw invalid(`${nullCount} NULLs in a column of ${length} rows`)
  }
  if (rowCount > MAX_LENGTH) throw invalid(`a batch of ${rowCount} rows`)
  return batch.structs(2, BUFFER_BYTES).map(buffer => {
    const offset = buffer.getBigInt64(0, true)
    const byteLength = buffer.getBigInt64(8, true)
    if (offset < 0n || byteLength < 0n || offset + byteLength > BigInt(bodyLength)) {
      throw invalid(`a buffer of ${byteLength} bytes at ${offset} in a body of ${bodyLength}`)
    }
    return [Number(offset), Number(byteLength)]
  })
}

/** Rows of a batch and bytes of a body at most: what 31 bits hold. */
const MAX_LENGTH = 2 ** 31 - 1

function lengthOf(value: bigint, what: string): number {
  if (value < 0n || value > BigInt(MAX_LENGTH)) throw invalid(`a ${what} of length ${value}`)
  return Number(value)
}

/** Where a message of an IPC file lies: its metadata (with its 8 bytes of prefix) and, right behind, its body. */
export interface IpcBlock {
  readonly offset: number
  readonly metadataLength: number
  readonly bodyLength: number
}

export interface IpcFooter {
  /** The message that opens a stream of this schema. */
  readonly schema: Uint8Array
  readonly dictionaries: readonly IpcBlock[]
  readonly batches: readonly IpcBlock[]
}

/** What the footer of a file says of which `end` bytes lie before it, checked. Throws FILE_INVALID. */
export function checkFooter(bytes: Uint8Array, end: number): IpcFooter {
  const footer = checkedRoot(bytes, FOOTER)
  const blocks = (slot: number): IpcBlock[] =>
    footer.structs(slot, BLOCK_BYTES).map(block => {
      const offset = block.getBigInt64(0, true)
      const metadataLength = block.getInt32(8, true)
      const bodyLength = block.getBigInt64(16, true)
      const isInside =
        offset >= 0n && metadataLength > 0 && bodyLength >= 0n && offset + BigInt(metadataLength) + bodyLength <= end
      if (!isInside) throw invalid(`a block of ${metadataLength} and ${bodyLength} bytes at ${offset} of ${end}`)
      return { offset: Number(offset), metadataLength, bodyLength: Number(bodyLength) }
    })
  const schema = footer.table(1)
  if (schema === undefined) throw invalid('a footer without a schema')
  const message = schemaMessage(bytes, schema.position, footer.i16(0))
  return { schema: message, dictionaries: blocks(2), batches: blocks(3) }
}

/** Bytes of the prefix, root offset, vtable and table of a message that stand before what its header refers to. */
const PREFIX_BYTES = 8
const HEAD_BYTES = 32

/**
 * A message whose header is the schema at `position` of `footer`, which it holds: offsets are relative. (Some writers leave the
 * schema message out of files.)
 */
function schemaMessage(footer: Uint8Array, position: number, version: number): Uint8Array {
  const metadataBytes = HEAD_BYTES + Math.ceil(footer.length / 8) * 8
  const message = new Uint8Array(PREFIX_BYTES + metadataBytes)
  const prefix = new DataView(message.buffer)
  prefix.setUint32(0, 0xffffffff, true)
  prefix.setUint32(4, metadataBytes, true)
  const head = new DataView(message.buffer, PREFIX_BYTES)
  head.setUint32(0, 16, true)
  // The vtable: its bytes, the table's, and where version, header type and header stand in the table.
  for (const [i, value] of [10, 12, 8, 10, 4].entries()) head.setUint16(4 + 2 * i, value, true)
  head.setInt32(16, 16 - 4, true)
  head.setUint32(20, HEAD_BYTES + position - 20, true)
  head.setInt16(24, version, true)
  head.setUint8(26, HEADER.schema)
  message.set(footer, PREFIX_BYTES + HEAD_BYTES)
  return message
}
