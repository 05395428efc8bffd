/**
 * Thrift compact protocol (thrift-compact-protocol.md of Apache Thrift), as far as Parquet footers need it: any struct to a
 * tree of fields and back, so that fields this project does not know survive a rewrite.
 */
import { fail } from '../../common/errors.js'
import { invariant } from '../../common/invariant.js'

/** Type numbers of the compact protocol. */
export const THRIFT = {
  true: 1,
  false: 2,
  i8: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  set: 10,
  map: 11,
  struct: 12,
} as const

/** Integers of all widths are numbers (Parquet's are counts and offsets, below 2^53). */
export type ThriftValue = boolean | number | Uint8Array | ThriftList | ThriftStruct

export interface ThriftField {
  readonly type: number
  readonly value: ThriftValue
}

export interface ThriftStruct {
  readonly fields: ReadonlyMap<number, ThriftField>
}

export interface ThriftList {
  readonly elementType: number
  readonly items: readonly ThriftValue[]
}

/** Parquet nests structs about ten deep; more is an attack on the stack. */
const MAX_DEPTH = 24

/**
 * Reads one struct that starts at byte 0 of `bytes`. Every length is checked against what is left, depth against a limit;
 * binaries are views of `bytes`. Throws FILE_INVALID [path, reason].
 */
export function decodeThrift(bytes: Uint8Array, path: string): ThriftStruct {
  return new CompactReader(bytes, path).struct(0)
}

class CompactReader {
  private readonly bytes: Uint8Array
  private readonly view: DataView
  private readonly path: string
  private position = 0

  constructor(bytes: Uint8Array, path: string) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.path = path
  }

  struct(depth: number): ThriftStruct {
    if (depth > MAX_DEPTH) throw this.invalid('is nested too deeply')
    const fields = new Map<number, ThriftField>()
    for (let id = 0; ;) {
      const header = this.byte()
      if (header === 0) return { fields }
      const type = header & 15
      id = header >> 4 === 0 ? this.signed() : id + (header >> 4)
      fields.set(id, { type, value: this.value(type, depth) })
    }
  }

  private value(type: number, depth: number): ThriftValue {
    switch (type) {
      case THRIFT.true:
        return true
      case THRIFT.false:
        return false
      case THRIFT.i8:
        return (this.byte() << 24) >> 24
      case THRIFT.i16:
      case THRIFT.i32:
      case THRIFT.i64:
        return this.signed()
      case THRIFT.double:
        this.need(8)
        this.position += 8
        return this.view.getFloat64(this.position - 8, true)
      case THRIFT.binary: {
        const length = this.unsigned()
        this.need(length)
        this.position += length
        return this.bytes.subarray(this.position - length, this.position)
      }
      case THRIFT.list:
      case THRIFT.set:
        return this.list(depth + 1)
      case THRIFT.struct:
        return this.struct(depth + 1)
    }
    throw this.invalid(`has a field of unknown type ${type}`)
  }

  private list(depth: number): ThriftList {
    if (depth > MAX_DEPTH) throw this.invalid('is nested too deeply')
    const header = this.byte()
    const elementType = header & 15
    const count = header >> 4 === 15 ? this.unsigned() : header >> 4
    this.need(count)
    const items: ThriftValue[] = []
    for (let i = 0; i < count; i++) {
      const isBoolean = elementType === THRIFT.true || elementType === THRIFT.false
      items.push(isBoolean ? this.byte() === 1 : this.value(elementType, depth))
    }
    return { elementType, items }
  }

  private byte(): number {
    this.need(1)
    return this.bytes[this.position++]
  }

  /** ULEB128, at most 2^53 - 1. */
  private unsigned(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte()
      value += (byte & 127) * scale
      if (value > Number.MAX_SAFE_INTEGER || scale > 2 ** 63) throw this.invalid('holds a number out of range')
      if (byte < 128) return value
    }
  }

  /** Zigzag. */
  private signed(): number {
    const value = this.unsigned()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  private need(byteLength: number): void {
    if (byteLength > this.bytes.length - this.position) throw this.invalid('ends too early')
  }

  private invalid(reason: string): Error {
    return fail('FILE_INVALID', [this.path, `the Parquet footer ${reason}`])
  }
}

/** The bytes of one struct; fields are written by ascending id. */
export function encodeThrift(struct: ThriftStruct): Uint8Array {
  const writer = new CompactWriter()
  writer.struct(struct)
  return writer.bytes()
}

class CompactWriter {
  private buffer = new Uint8Array(4096)
  private length = 0

  bytes(): Uint8Array {
    return this.buffer.slice(0, this.length)
  }

  struct({ fields }: ThriftStruct): void {
    let previous = 0
    for (const id of [...fields.keys()].sort((left, right) => left - right)) {
      const field = fields.get(id)
      invariant(field !== undefined, 'a key of the map has a value')
      const type = typeof field.value === 'boolean' ? (field.value ? THRIFT.true : THRIFT.false) : field.type
      const delta = id - previous
      if (delta > 0 && delta < 16) this.byte((delta << 4) | type)
      else {
        this.byte(type)
        this.signed(id)
      }
      if (typeof field.value !== 'boolean') this.value(type, field.value)
      previous = id
    }
    this.byte(0)
  }

  private value(type: number, value: ThriftValue): void {
    if (typeof value === 'boolean') this.byte(value ? 1 : 2)
    else if (value instanceof Uint8Array) {
      this.unsigned(value.length)
      this.reserve(value.length)
      this.buffer.set(value, this.length)
      this.length += value.length
    } else if (typeof value === 'number') this.number(type, value)
    else if ('items' in value) {
      const count = value.items.length
      this.byte((Math.min(count, 15) << 4) | value.elementType)
      if (count >= 15) this.unsigned(count)
      for (const item of value.items) this.value(value.elementType, item)
    } else this.struct(value)
  }

  private number(type: number, value: number): void {
    if (type === THRIFT.i8) this.byte(value & 255)
    else if (type === THRIFT.double) {
      this.reserve(8)
      new DataView(this.buffer.buffer).setFloat64(this.length, value, true)
      this.length += 8
    } else this.signed(value)
  }

  private signed(value: number): void {
    this.unsigned(value < 0 ? -2 * value - 1 : 2 * value)
  }

  private unsigned(value: number): void {
    for (; value >= 128; value = Math.floor(value / 128)) this.byte((value % 128) | 128)
    this.byte(value)
  }

  private byte(value: number): void {
    this.reserve(1)
    this.buffer[this.length++] = value
  }

  private reserve(byteLength: number): void {
    if (this.length + byteLength <= this.buffer.length) return
    const larger = new Uint8Array(Math.max(2 * this.buffer.length, this.length + byteLength))
    larger.set(this.buffer.subarray(0, this.length))
    this.buffer = larger
  }
}

/** A struct of the given fields; undefined values are left out. */
export function thriftStruct(
  fields: readonly (readonly [id: number, type: number, value: ThriftValue | undefined])[],
): ThriftStruct {
  const map = new Map<number, ThriftField>()
  for (const [id, type, value] of fields) if (value !== undefined) map.set(id, { type, value })
  return { fields: map }
}

/** The struct with some fields replaced (undefined: removed). */
export function withFields(
  struct: ThriftStruct,
  changes: readonly (readonly [id: number, type: number, value: ThriftValue | undefined])[],
): ThriftStruct {
  const map = new Map(struct.fields)
  for (const [id, type, value] of changes) {
    if (value === undefined) map.delete(id)
    else map.set(id, { type, value })
  }
  return { fields: map }
}

/** Typed access to optional fields: undefined when the field is missing or of another type. */
export const numberAt = (struct: ThriftStruct, id: number): number | undefined => {
  const value = struct.fields.get(id)?.value
  return typeof value === 'number' ? value : undefined
}

export const booleanAt = (struct: ThriftStruct, id: number): boolean | undefined => {
  const value = struct.fields.get(id)?.value
  return typeof value === 'boolean' ? value : undefined
}

export const bytesAt = (struct: ThriftStruct, id: number): Uint8Array | undefined => {
  const value = struct.fields.get(id)?.value
  return value instanceof Uint8Array ? value : undefined
}

export const textAt = (struct: ThriftStruct, id: number): string | undefined => {
  const value = bytesAt(struct, id)
  return value === undefined
    ? undefined
    : Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8')
}

export const structAt = (struct: ThriftStruct, id: number): ThriftStruct | undefined => {
  const value = struct.fields.get(id)?.value
  return typeof value === 'object' && 'fields' in value ? value : undefined
}

/** The structs of a list field; empty when it is missing or holds something else. */
export const structsAt = (struct: ThriftStruct, id: number): readonly ThriftStruct[] => {
  const value = struct.fields.get(id)?.value
  if (typeof value !== 'object' || !('items' in value) || value.elementType !== THRIFT.struct) return []
  return value.items as readonly ThriftStruct[]
}

/** The items of a list field; empty when it is missing or holds something else. */
export const listAt = (struct: ThriftStruct, id: number): readonly ThriftValue[] => {
  const value = struct.fields.get(id)?.value
  return typeof value === 'object' && 'items' in value ? value.items : []
}

export const structList = (items: readonly ThriftStruct[]): ThriftList => ({ elementType: THRIFT.struct, items })
export const utf8Bytes = (text: string): Uint8Array => Buffer.from(text, 'utf8')
