/** Growing arrays and hash slots in the arena, in segments so that no block is large and none is ever moved as a whole. */
import { bitmapBytes } from './column.js'
import { alloc, kernels, release, views } from './memory.js'

/** Asks for (or gives back, if negative) bytes before they are allocated; throws MEMORY_LIMIT. */
export type Charge = (deltaBytes: number) => void

/** Entries of a segment and slots of a segment; the kernels' segment.ts has the same numbers. */
const SEGMENT_ENTRIES = 65_536
const SEGMENT_SLOTS = 1_048_576
const FIRST_ENTRIES = 256

/** Fills new entries: `byteLength` bytes at `position`. */
export type Fill = (position: number, byteLength: number) => void

/** Zero bytes; a kernel, because a fill of a shared typed array is slow. */
export const zeroFill: Fill = (position, byteLength) => void kernels().groupClear(position, byteLength)

/** A list of block positions in the arena, as the kernels read it (u32). */
class Directory {
  position = 0
  #capacity = 0

  set(segments: readonly number[]): void {
    if (segments.length > this.#capacity) {
      this.close()
      this.#capacity = Math.max(16, segments.length * 2)
      this.position = alloc(this.#capacity * 4)
    }
    segments.forEach((segment, i) => (views().u32[this.position / 4 + i] = segment))
  }

  close(): void {
    if (this.position !== 0) release(this.position)
    this.position = 0
    this.#capacity = 0
  }
}

/** Entries of one size. Entry e is at segment(e >> 16) + (e & 0xffff) * entryBytes. */
export class Segments {
  readonly entryBytes: number
  readonly #charge: Charge
  readonly #fill: Fill
  readonly #segments: number[] = []
  readonly #directory = new Directory()
  #capacity = 0

  constructor(entryBytes: number, charge: Charge, fill: Fill = zeroFill) {
    this.entryBytes = entryBytes
    this.#charge = charge
    this.#fill = fill
  }

  /** Position of the directory; changes when `reserve` grows. */
  get directory(): number {
    return this.#directory.position
  }

  get capacity(): number {
    return this.#capacity
  }

  /** Makes room for at least `entries` entries; new ones are filled. */
  reserve(entries: number): void {
    if (entries <= this.#capacity) return
    while (this.#capacity < entries) {
      if (this.#capacity < SEGMENT_ENTRIES) this.#growFirst(entries)
      else this.#append(this.#allocate(SEGMENT_ENTRIES, 0))
    }
    this.#directory.set(this.#segments)
  }

  /** Position of an entry. */
  at(entry: number): number {
    return this.#segments[Math.floor(entry / SEGMENT_ENTRIES)] + (entry % SEGMENT_ENTRIES) * this.entryBytes
  }

  close(): void {
    for (const segment of this.#segments) release(segment)
    this.#segments.length = 0
    this.#directory.close()
    this.#charge(-this.#capacity * this.entryBytes)
    this.#capacity = 0
  }

  #growFirst(entries: number): void {
    const old = this.#capacity
    const wanted = Math.max(FIRST_ENTRIES, old * 2, 2 ** Math.ceil(Math.log2(entries)))
    const capacity = Math.min(SEGMENT_ENTRIES, wanted)
    const segment = this.#allocate(capacity, old)
    if (old > 0) {
      const first = this.#segments[0]
      views().u8.copyWithin(segment, first, first + old * this.entryBytes)
      release(first)
    }
    this.#segments[0] = segment
    this.#capacity = capacity
  }

  #append(segment: number): void {
    this.#segments.push(segment)
    this.#capacity += SEGMENT_ENTRIES
  }

  /** A block of `capacity` entries, those from `from` on filled. */
  #allocate(capacity: number, from: number): number {
    this.#charge((capacity - from) * this.entryBytes)
    const segment = alloc(capacity * this.entryBytes)
    this.#fill(segment + from * this.entryBytes, (capacity - from) * this.entryBytes)
    return segment
  }
}

/** A table of u32 slots, all 0 after `reset`. */
export class Slots {
  readonly #charge: Charge
  readonly #directory = new Directory()
  #segments: number[] = []
  #count = 0

  constructor(charge: Charge) {
    this.#charge = charge
  }

  get directory(): number {
    return this.#directory.position
  }

  get count(): number {
    return this.#count
  }

  /** Replaces the table by an empty one of `count` slots. */
  reset(count: number): void {
    this.close()
    for (let at = 0; at < count; at += SEGMENT_SLOTS) {
      const slots = Math.min(SEGMENT_SLOTS, count - at)
      this.#charge(slots * 4)
      this.#count += slots
      const segment = alloc(slots * 4)
      zeroFill(segment, slots * 4)
      this.#segments.push(segment)
    }
    this.#directory.set(this.#segments)
  }

  close(): void {
    for (const segment of this.#segments) release(segment)
    this.#segments = []
    this.#directory.close()
    this.#charge(-this.#count * 4)
    this.#count = 0
  }
}

/** One block that is reused and grows; what it held is lost when it grows. */
export class Room {
  #position = 0
  #byteLength = 0

  /** The position of at least `byteLength` bytes, valid until the next call. */
  take(byteLength: number): number {
    if (byteLength > this.#byteLength || this.#position === 0) {
      this.close()
      this.#position = alloc(byteLength)
      this.#byteLength = byteLength
    }
    return this.#position
  }

  close(): void {
    if (this.#position !== 0) release(this.#position)
    this.#position = 0
    this.#byteLength = 0
  }
}

/** A new block with a bitmap of n zeros. */
export function zeroBitmap(n: number): number {
  const bitmap = alloc(bitmapBytes(n))
  zeroFill(bitmap, bitmapBytes(n))
  return bitmap
}
