/**
 * Checks FlatBuffers (internals.md of FlatBuffers) before anybody follows their offsets, and reads single fields of checked
 * ones. A flipped bit can make tables refer to themselves or vectors claim 2^31 entries; no check is in apache-arrow.
 */
import { fail, type BallistaError } from '../common/errors.js'

/** What a field of a table holds. A union's member is told by the byte in the slot before it. */
export type FlatField =
  | { readonly kind: 'scalar'; readonly byteLength: number }
  | { readonly kind: 'string' }
  | { readonly kind: 'table'; readonly of: () => FlatShape }
  /** Scalars or structs of `byteLength` bytes each. */
  | { readonly kind: 'vector'; readonly byteLength: number }
  | { readonly kind: 'tables'; readonly of: () => FlatShape }
  | { readonly kind: 'union'; readonly of: () => Readonly<Record<number, FlatShape>> }

/** The fields of a table by slot; slots behind them are of newer writers and are not read. */
export interface FlatShape {
  readonly name: string
  readonly fields: readonly FlatField[]
}

/** Nested fields of a schema; far above any real one, far below the stack. */
const MAX_DEPTH = 128
/** 10 000 columns of a handful of tables each, with room. */
const MAX_TABLES = 400_000
/** Parts may be shared, so that what is reachable can be larger than the buffer, but not much in good faith. */
const MAX_SHARING = 16

/**
 * The root table of `bytes`, when it and all it refers to lies inside and is finite. Throws FILE_INVALID.
 */
export function checkedRoot(bytes: Uint8Array, shape: FlatShape): FlatTable {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const checker = new Checker(view)
  const root = checker.reference(0)
  checker.table(root, shape, 0)
  return new FlatTable(view, root)
}

const invalid = (what: string): BallistaError => fail('FILE_INVALID', ['Arrow metadata', what])

class Checker {
  private readonly view: DataView
  private tablesLeft = MAX_TABLES
  private bytesLeft: number

  constructor(view: DataView) {
    this.view = view
    this.bytesLeft = view.byteLength * MAX_SHARING
  }

  /** Where the offset at `position` points. */
  reference(position: number): number {
    this.range(position, 4)
    return position + this.view.getUint32(position, true)
  }

  table(position: number, shape: FlatShape, depth: number): void {
    if (depth > MAX_DEPTH) throw invalid(`tables are nested more than ${MAX_DEPTH} deep`)
    if (--this.tablesLeft < 0) throw invalid(`there are more than ${MAX_TABLES} tables`)
    this.range(position, 4)
    const vtable = position - this.view.getInt32(position, true)
    this.range(vtable, 4)
    const vtableBytes = this.view.getUint16(vtable, true)
    const tableBytes = this.view.getUint16(vtable + 2, true)
    this.range(vtable, vtableBytes)
    this.range(position, tableBytes)
    shape.fields.forEach((field, slot) => {
      const at = 4 + 2 * slot
      const offset = at + 2 <= vtableBytes ? this.view.getUint16(vtable + at, true) : 0
      if (offset === 0) return
      const byteLength = field.kind === 'scalar' ? field.byteLength : 4
      if (offset < 4 || offset + byteLength > tableBytes) throw invalid(`a ${shape.name} table is too short`)
      if (field.kind !== 'scalar') this.field(position, offset, { field, vtable, slot, depth: depth + 1 })
    })
  }

  private field(
    table: number,
    offset: number,
    at: { readonly field: FlatField; readonly vtable: number; readonly slot: number; readonly depth: number },
  ): void {
    const { field, depth } = at
    const target = this.reference(table + offset)
    switch (field.kind) {
      case 'scalar':
        return
      case 'string':
        return void this.vector(target, 1)
      case 'vector':
        return void this.vector(target, field.byteLength)
      case 'table':
        return this.table(target, field.of(), depth)
      case 'tables': {
        const count = this.vector(target, 4)
        for (let i = 0; i < count; i++) this.table(this.reference(target + 4 + 4 * i), field.of(), depth)
        return
      }
      case 'union': {
        const tagOffset = this.view.getUint16(at.vtable + 4 + 2 * (at.slot - 1), true)
        const tag = tagOffset === 0 ? 0 : this.view.getUint8(table + tagOffset)
        const member = field.of()[tag]
        if (member === undefined) throw invalid(`a union holds a member of the unknown kind ${tag}`)
        return this.table(target, member, depth)
      }
    }
  }

  /** Number of elements. */
  private vector(position: number, elementBytes: number): number {
    this.range(position, 4)
    const count = this.view.getUint32(position, true)
    this.range(position + 4, count * elementBytes)
    return count
  }

  private range(position: number, byteLength: number): void {
    if (position < 0 || position + byteLength > this.view.byteLength) {
      throw invalid(`${byteLength} bytes at ${position} lie outside of its ${this.view.byteLength} bytes`)
    }
    this.bytesLeft -= byteLength
    if (this.bytesLeft < 0) throw invalid('its parts refer to each other over and over')
  }
}

/** A table that was checked. Absent scalars are 0, absent vectors empty. */
export class FlatTable {
  private readonly view: DataView
  /** Place in the bytes. */
  readonly position: number

  constructor(view: DataView, position: number) {
    this.view = view
    this.position = position
  }

  u8(slot: number): number {
    const at = this.place(slot)
    return at === 0 ? 0 : this.view.getUint8(at)
  }

  i16(slot: number): number {
    const at = this.place(slot)
    return at === 0 ? 0 : this.view.getInt16(at, true)
  }

  i64(slot: number): bigint {
    const at = this.place(slot)
    return at === 0 ? 0n : this.view.getBigInt64(at, true)
  }

  table(slot: number): FlatTable | undefined {
    const at = this.place(slot)
    return at === 0 ? undefined : new FlatTable(this.view, at + this.view.getUint32(at, true))
  }

  /** The elements of a vector of structs, each as a view of `byteLength` bytes. */
  structs(slot: number, byteLength: number): readonly DataView[] {
    const at = this.place(slot)
    if (at === 0) return []
    const vector = at + this.view.getUint32(at, true)
    const { buffer, byteOffset } = this.view
    const first = byteOffset + vector + 4
    return Array.from(
      { length: this.view.getUint32(vector, true) },
      (_, i) => new DataView(buffer, first + i * byteLength, byteLength),
    )
  }

  /** Overwrites a field that is there. */
  setI64(slot: number, value: bigint): void {
    const at = this.place(slot)
    if (at !== 0) this.view.setBigInt64(at, value, true)
  }

  /** A copy of the buffer `bytes`, of which this is a table, where the table lacks a field; as long as a multiple of 8. */
  withoutSlot(bytes: Uint8Array, slot: number): Uint8Array {
    const vtable = this.vtable()
    const vtableBytes = this.view.getUint16(vtable, true)
    const moved = Math.ceil(bytes.length / 8) * 8
    const copy = new Uint8Array(moved + Math.ceil(vtableBytes / 8) * 8)
    copy.set(bytes)
    copy.set(bytes.subarray(vtable, vtable + vtableBytes), moved)
    const view = new DataView(copy.buffer)
    view.setInt32(this.position, this.position - moved, true)
    view.setUint16(moved + 4 + 2 * slot, 0, true)
    return copy
  }

  private vtable(): number {
    return this.position - this.view.getInt32(this.position, true)
  }

  private place(slot: number): number {
    const vtable = this.vtable()
    const at = 4 + 2 * slot
    if (at + 2 > this.view.getUint16(vtable, true)) return 0
    const offset = this.view.getUint16(vtable + at, true)
    return offset === 0 ? 0 : this.position + offset
  }
}
