/** A writer of FlatBuffers (internals.md of FlatBuffers): each table is followed by what it refers to. */

/** A field of a table: a scalar in place, or a reference to something written behind. */
export type FlatSlot =
  | { readonly kind: 'scalar'; readonly byteLength: 1 | 2 | 4 | 8; readonly value: number | bigint }
  | { readonly kind: 'ref'; readonly target: FlatNode }

export interface FlatTable {
  readonly kind: 'table'
  /** By field number; undefined: absent, which means the default. */
  readonly slots: readonly (FlatSlot | undefined)[]
}

export type FlatNode =
  | FlatTable
  | { readonly kind: 'string'; readonly bytes: Uint8Array }
  | { readonly kind: 'vector'; readonly items: readonly FlatTable[] }
  /** Structs of 64-bit integers, `width` a struct. */
  | { readonly kind: 'structs'; readonly width: number; readonly values: readonly bigint[] }

export const u8 = (value: number): FlatSlot => ({ kind: 'scalar', byteLength: 1, value })
export const i16 = (value: number): FlatSlot => ({ kind: 'scalar', byteLength: 2, value })
export const i32 = (value: number): FlatSlot => ({ kind: 'scalar', byteLength: 4, value })
export const i64 = (value: number | bigint): FlatSlot => ({ kind: 'scalar', byteLength: 8, value: BigInt(value) })
export const ref = (target: FlatNode): FlatSlot => ({ kind: 'ref', target })
export const flatTable = (...slots: readonly (FlatSlot | undefined)[]): FlatTable => ({ kind: 'table', slots })
export const flatString = (text: string): FlatNode => ({ kind: 'string', bytes: Buffer.from(text) })
export const flatVector = (items: readonly FlatTable[]): FlatNode => ({ kind: 'vector', items })
export const flatStructs = (width: number, values: readonly bigint[]): FlatNode => ({ kind: 'structs', width, values })

/** The bytes of a buffer whose root is `root`, padded to a multiple of 8. */
export function buildFlat(root: FlatTable): Uint8Array {
  const writer = new FlatWriter()
  writer.patch(writer.reserve(4, 4), writer.node(root))
  return writer.finish()
}

class FlatWriter {
  private bytes = new Uint8Array(1024)
  private view = new DataView(this.bytes.buffer)
  private length = 0

  finish(): Uint8Array {
    this.reserve(0, 8)
    return this.bytes.slice(0, this.length)
  }

  /** Zeroed room at a multiple of `alignment`; its position. */
  reserve(byteLength: number, alignment: number): number {
    const start = Math.ceil(this.length / alignment) * alignment
    this.length = start + byteLength
    if (this.length > this.bytes.length) {
      const larger = new Uint8Array(2 * this.length)
      larger.set(this.bytes)
      this.bytes = larger
      this.view = new DataView(larger.buffer)
    }
    return start
  }

  /** Makes the offset at `position` point to `target`. */
  patch(position: number, target: number): void {
    this.view.setUint32(position, target - position, true)
  }

  /** Writes a node and everything below it; its position. */
  node(node: FlatNode): number {
    switch (node.kind) {
      case 'table':
        return this.table(node)
      case 'string': {
        const start = this.reserve(4 + node.bytes.length + 1, 4)
        this.view.setUint32(start, node.bytes.length, true)
        this.bytes.set(node.bytes, start + 4)
        return start
      }
      case 'vector': {
        const start = this.reserve(4 + 4 * node.items.length, 4)
        this.view.setUint32(start, node.items.length, true)
        node.items.forEach((item, i) => this.patch(start + 4 + 4 * i, this.table(item)))
        return start
      }
      case 'structs': {
        // The elements, not the length before them, are aligned to 8.
        const first = this.reserve(8 + 8 * node.values.length, 8) + 8
        this.view.setUint32(first - 4, node.values.length / node.width, true)
        node.values.forEach((value, i) => this.view.setBigInt64(first + 8 * i, value, true))
        return first - 4
      }
    }
  }

  private table({ slots }: FlatTable): number {
    const sizes = slots.map(slot => (slot === undefined ? 0 : slot.kind === 'ref' ? 4 : slot.byteLength))
    const offsets = sizes.map(() => 0)
    let size = 4
    for (const byteLength of [8, 4, 2, 1]) {
      sizes.forEach((wanted, i) => {
        if (wanted !== byteLength) return
        offsets[i] = Math.ceil(size / byteLength) * byteLength
        size = offsets[i] + byteLength
      })
    }
    const vtable = this.reserve(4 + 2 * slots.length, 2)
    this.view.setUint16(vtable, 4 + 2 * slots.length, true)
    this.view.setUint16(vtable + 2, size, true)
    offsets.forEach((offset, i) => this.view.setUint16(vtable + 4 + 2 * i, offset, true))
    const table = this.reserve(size, 8)
    this.view.setInt32(table, table - vtable, true)
    slots.forEach((slot, i) => this.slot(slot, table + offsets[i]))
    return table
  }

  private slot(slot: FlatSlot | undefined, position: number): void {
    if (slot === undefined) return
    if (slot.kind === 'ref') return this.patch(position, this.node(slot.target))
    if (slot.byteLength === 1) this.view.setUint8(position, Number(slot.value))
    else if (slot.byteLength === 2) this.view.setInt16(position, Number(slot.value), true)
    else if (slot.byteLength === 4) this.view.setInt32(position, Number(slot.value), true)
    else this.view.setBigInt64(position, BigInt(slot.value), true)
  }
}
