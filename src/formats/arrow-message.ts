/**
 * Arrow IPC messages (Schema.fbs and Message.fbs of Apache Arrow) written by hand: streams are made without loading
 * apache-arrow, which takes longer than writing a small result.
 */
import type { Batch, Column } from '../arrow/batch.js'
import { bitmapBytes, childTypes, releaseColumn } from '../arrow/column.js'
import { views } from '../arrow/memory.js'
import type { Field, Schema } from '../arrow/schema.js'
import { decodeDictionary } from '../arrow/take.js'
import type { DataType } from '../arrow/types.js'
import { unreachable } from '../common/invariant.js'
import {
  buildFlat,
  flatString,
  flatStructs,
  flatTable,
  flatVector,
  i16,
  i32,
  i64,
  ref,
  u8,
  type FlatTable,
} from './flatbuffer.js'

/** Type numbers of the `Type` union. */
const TYPE = {
  null: 1,
  int: 2,
  float: 3,
  binary: 4,
  utf8: 5,
  boolean: 6,
  decimal: 7,
  date: 8,
  timestamp: 10,
  interval: 11,
  list: 12,
  struct: 13,
  map: 17,
} as const
const HEADER = { schema: 1, recordBatch: 3 } as const
const VERSION_5 = 4
const MONTH_DAY_NANO = 2
const TIME_UNITS = { s: 0, ms: 1, us: 2, ns: 3 } as const

/** Ends a stream: a message of length 0. */
export const END_OF_STREAM: Uint8Array = Uint8Array.of(255, 255, 255, 255, 0, 0, 0, 0)

/** The schema message that opens a stream. */
export function schemaMessage(schema: Schema): Uint8Array {
  return message(HEADER.schema, flatTable(undefined, ref(flatVector(schema.fields.map(fieldTable)))), 0)
}

function fieldTable({ name, type, nullable }: Field): FlatTable {
  const children = ref(flatVector(childFields(type).map(fieldTable)))
  return flatTable(
    ref(flatString(name)),
    u8(nullable ? 1 : 0),
    u8(TYPE[type.kind]),
    ref(typeTable(type)),
    undefined,
    children,
  )
}

function childFields(type: DataType): readonly Field[] {
  if (type.kind === 'list') return [type.element]
  if (type.kind === 'struct') return type.fields
  if (type.kind !== 'map') return []
  const entry: DataType = { kind: 'struct', fields: [{ ...type.key, nullable: false }, type.value] }
  return [{ name: 'entries', type: entry, nullable: false }]
}

function typeTable(type: DataType): FlatTable {
  switch (type.kind) {
    case 'int':
      return flatTable(i32(type.bits), u8(type.signed ? 1 : 0))
    case 'float':
      return flatTable(i16(type.bits === 32 ? 1 : 2))
    case 'decimal':
      return flatTable(i32(type.precision), i32(type.scale), i32(128))
    case 'date':
      return flatTable(i16(0))
    case 'timestamp':
      return flatTable(
        i16(TIME_UNITS[type.unit]),
        type.timeZone === undefined ? undefined : ref(flatString(type.timeZone)),
      )
    case 'interval':
      return flatTable(i16(MONTH_DAY_NANO))
    case 'map':
      return flatTable(u8(0))
    case 'null':
    case 'boolean':
    case 'utf8':
    case 'binary':
    case 'list':
    case 'struct':
      return flatTable()
  }
  return unreachable(type)
}

/** Writes one record batch, dictionaries as flat values, into the memory that `room` gives; bytes between buffers stay as they are. */
export function writeRecordBatch(batch: Batch, room: (byteLength: number) => Uint8Array): void {
  const body: Body = { nodes: [], buffers: [], parts: [], decoded: [], byteLength: 0 }
  try {
    for (const column of batch.columns) addColumn(body, column)
    const header = flatTable(i64(batch.rowCount), ref(flatStructs(2, body.nodes)), ref(flatStructs(2, body.buffers)))
    const head = message(HEADER.recordBatch, header, body.byteLength)
    const bytes = room(head.length + body.byteLength)
    bytes.set(head)
    for (const { start, data } of body.parts) bytes.set(data, head.length + start)
  } finally {
    body.decoded.forEach(releaseColumn)
  }
}

interface Body {
  readonly nodes: bigint[]
  readonly buffers: bigint[]
  /** Views of the arena, copied once, at the end. */
  readonly parts: { readonly start: number; readonly data: Uint8Array }[]
  /** Columns that were made for this. */
  readonly decoded: Column[]
  byteLength: number
}

function addBuffer(body: Body, data: Uint8Array): void {
  body.buffers.push(BigInt(body.byteLength), BigInt(data.length))
  body.parts.push({ start: body.byteLength, data })
  body.byteLength += Math.ceil(data.length / 64) * 64
}

const arenaBytes = (position: number, byteLength: number): Uint8Array =>
  views().u8.subarray(position, position + byteLength)

function addColumn(body: Body, column: Column): void {
  if (column.dictionary === undefined) return addFlat(body, column)
  const flat = decodeDictionary(column)
  body.decoded.push(flat)
  addFlat(body, flat)
}

function addFlat(body: Body, column: Column): void {
  const { type, length, nullCount, values, width } = column
  body.nodes.push(BigInt(length), BigInt(nullCount))
  if (type.kind === 'null') return
  addBuffer(body, nullCount === 0 ? new Uint8Array(0) : arenaBytes(column.validity, Math.ceil(length / 8)))
  switch (type.kind) {
    case 'boolean':
      return addBuffer(body, arenaBytes(values, Math.min(bitmapBytes(length), Math.ceil(length / 8))))
    case 'decimal':
      return addBuffer(body, width === 8 ? widened(values, length) : arenaBytes(values, 16 * length))
    case 'utf8':
    case 'binary': {
      const { offsets, first, last } = rebased(column)
      addBuffer(body, offsets)
      return addBuffer(body, arenaBytes(values + first, last - first))
    }
    case 'list':
    case 'map':
      addBuffer(body, new Uint8Array(arenaBytes(column.offsets, 4 * (length + 1))))
      break
    case 'int':
    case 'float':
    case 'date':
    case 'timestamp':
    case 'interval':
      return addBuffer(body, arenaBytes(values, width * length))
    case 'struct':
      break
  }
  if (childTypes(type).length > 0) column.children.forEach(child => addColumn(body, child))
}

/** Offsets that start at 0, and the bytes of the data they describe. */
function rebased({ offsets, length }: Column): {
  readonly offsets: Uint8Array
  readonly first: number
  readonly last: number
} {
  const { i32: words } = views()
  const first = words[offsets / 4]
  const last = words[offsets / 4 + length]
  if (first === 0) return { offsets: arenaBytes(offsets, 4 * (length + 1)), first, last }
  const moved = words.slice(offsets / 4, offsets / 4 + length + 1).map(offset => offset - first)
  return { offsets: new Uint8Array(moved.buffer), first, last }
}

/** 64-bit integers sign-extended to 128 bits. */
function widened(values: number, length: number): Uint8Array {
  const { i64: source } = views()
  const target = new BigInt64Array(2 * length)
  for (let row = 0; row < length; row++) {
    const value = source[values / 8 + row]
    target[2 * row] = value
    target[2 * row + 1] = value < 0n ? -1n : 0n
  }
  return new Uint8Array(target.buffer)
}

/** An encapsulated message: marker, length, the Message table, padding to 8 bytes. */
function message(kind: number, header: FlatTable, bodyLength: number): Uint8Array {
  const metadata = buildFlat(flatTable(i16(VERSION_5), u8(kind), ref(header), i64(bodyLength)))
  const bytes = new Uint8Array(8 + metadata.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, 0xffffffff, true)
  view.setUint32(4, metadata.length, true)
  bytes.set(metadata, 8)
  return bytes
}
