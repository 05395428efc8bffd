/** Cuts a window of CSV bytes into records and cells by the kernel; positions only, nothing is copied or decoded here. */
import { alloc, kernels, readText, release, views } from '../../arrow/memory.js'
import type { ByteWindow } from '../byte-source.js'
import type { CsvDialect } from './dialect.js'

interface CutKernels {
  csvCut(
    state: number,
    options: number,
    cells: number,
    fieldCount: number,
    capacity: number,
    end: number,
    limit: number,
    isLast: number,
  ): void
}

export type Cut =
  /** Whole records were cut off; `more` says what is missing for the next one: bytes, or room in the table. */
  { readonly kind: 'ok'; readonly more: 'bytes' | 'room' | 'nothing' } | MalformedCut

/**
 * The record behind those in the table is malformed at index `place` of the window, in field number `field` (from 0). The
 * window starts behind it if its number of fields, `found`, is what is wrong; else at it: nobody knows where it ends.
 */
export interface MalformedCut {
  readonly kind: 'malformed'
  readonly place: number
  readonly field: number
  readonly reason: string
  readonly found?: number
}

/** Why the kernel stopped (src/kernels/csv.ts). */
const STOP = { end: 0, full: 1, limit: 2, fields: 3, unclosed: 4, afterQuote: 5 } as const

/** A cell of the kernel: u32 position, u32 (length << 2 | how it is written). */
const CELL_BYTES = 8
/** How a cell is written; the kernel's numbers. */
const PLAIN = 0
const ESCAPED = 2
const MISSING = 3

/** Room for cells at most, so that wide tables get fewer records at once. */
const MAX_CELL_BYTES = 32 * 1024 * 1024
const STATE_BYTES = 64
const OPTIONS_BYTES = 64
/** What the kernel takes for "no such character". */
const NO_BYTE = 256
const LF = 10

export interface CellTableRequest {
  readonly dialect: CsvDialect
  readonly fieldCount: number
  /** Fields whose cells are wanted. */
  readonly fields: readonly number[]
  /** Records at once at most. */
  readonly capacity: number
}

/** The cells of some fields of consecutive records. They are places in the window: gone with its next `fill`. */
export class CellTable {
  readonly capacity: number
  /** Records in the table. */
  count = 0
  /** UTF-8 of the text that is NULL where it is not quoted. */
  readonly nullText: { readonly position: number; readonly byteLength: number }
  readonly dialect: CsvDialect
  private readonly fieldCount: number
  private readonly block: number
  private readonly columns: ReadonlyMap<number, number>

  constructor({ dialect, fieldCount, fields, capacity }: CellTableRequest) {
    this.dialect = dialect
    this.fieldCount = fieldCount
    // Cells that nobody wants are written over each other.
    const slots = new Set(fields).size + 1
    this.capacity = Math.max(1, Math.min(capacity, Math.floor(MAX_CELL_BYTES / (CELL_BYTES * slots))))
    const nullBytes = Buffer.from(dialect.nullValue)
    const directoryBytes = roundUp(4 * fieldCount)
    const slotBytes = roundUp(CELL_BYTES * this.capacity)
    const nullAt = STATE_BYTES + OPTIONS_BYTES + directoryBytes + slots * slotBytes
    this.block = alloc(nullAt + nullBytes.length)
    this.nullText = { position: this.block + nullAt, byteLength: nullBytes.length }
    const { u8, u32 } = views()
    u8.set(nullBytes, this.nullText.position)
    const directory = this.directory / 4
    const firstSlot = this.directory + directoryBytes
    u32.fill(firstSlot, directory, directory + fieldCount)
    this.columns = new Map([...new Set(fields)].map((field, i) => [field, firstSlot + (i + 1) * slotBytes]))
    for (const [field, position] of this.columns) u32[directory + field] = position
  }

  /**
   * Cuts records off the window's front behind those in the table, up to its capacity; none that starts at or after index
   * `limit`. `newline` is the byte that ends lines.
   */
  cut(window: ByteWindow, newline = LF, limit = Infinity): Cut {
    const { u32 } = views()
    const state = this.block / 4
    u32[state] = window.block + window.start
    u32[state + 1] = this.count
    const { delimiter, quote, escape, comment, truncatedRows } = this.dialect
    const options = [
      codeOf(delimiter),
      codeOf(quote || delimiter),
      codeOf(escape || quote || delimiter),
      newline,
      codeOf(comment),
      truncatedRows ? 1 : 0,
    ]
    u32.set(options, state + STATE_BYTES / 4)
    kernels<CutKernels>().csvCut(
      this.block,
      this.block + STATE_BYTES,
      this.directory,
      this.fieldCount,
      this.capacity,
      window.block + window.end,
      window.block + Math.max(0, Math.min(limit, window.end)),
      window.atEnd ? 1 : 0,
    )
    window.start = u32[state] - window.block
    this.count = u32[state + 1]
    return this.cutOf(window, u32.subarray(state, state + 5))
  }

  private cutOf(window: ByteWindow, [, , stop, at, found]: Uint32Array): Cut {
    const place = at - window.block
    switch (stop) {
      case STOP.fields: {
        const reason = `the record has ${found} ${found === 1 ? 'field' : 'fields'}, not ${this.fieldCount}`
        return { kind: 'malformed', place, field: Math.min(found, this.fieldCount), reason, found }
      }
      case STOP.unclosed:
      case STOP.afterQuote: {
        const reason = stop === STOP.unclosed ? 'a quoted field is not closed' : 'text follows a closing quote'
        return { kind: 'malformed', place, field: found, reason }
      }
      case STOP.end:
        return { kind: 'ok', more: window.atEnd ? 'nothing' : 'bytes' }
      case STOP.full:
        return { kind: 'ok', more: 'room' }
      default:
        return { kind: 'ok', more: 'nothing' }
    }
  }

  /** Position of the cells of a wanted field, in the order of records. */
  cells(field: number): number {
    return this.columns.get(field) ?? 0
  }

  /** Where a cell's text starts in the arena. */
  place(field: number, record: number): number {
    return views().u32[this.cells(field) / 4 + 2 * record]
  }

  /** The text of a cell, escapes undone. */
  text(field: number, record: number): string {
    const { u32 } = views()
    const cell = this.cells(field) / 4 + 2 * record
    const text = readText(u32[cell], u32[cell + 1] >>> 2)
    if ((u32[cell + 1] & 3) !== ESCAPED) return text
    const { quote, escape } = this.dialect
    return text.replace(escapes(escape), (pair, next: string) => (next === quote || next === escape ? next : pair))
  }

  /** As text, null where it is NULL. */
  value(field: number, record: number): string | null {
    const kind = views().u32[this.cells(field) / 4 + 2 * record + 1] & 3
    if (kind === MISSING) return null
    const text = this.text(field, record)
    return kind === PLAIN && (text === '' || text === this.dialect.nullValue) ? null : text
  }

  close(): void {
    release(this.block)
  }

  private get directory(): number {
    return this.block + STATE_BYTES + OPTIONS_BYTES
  }
}

const roundUp = (byteLength: number): number => Math.ceil(byteLength / 64) * 64

const codeOf = (character: string): number => (character === '' ? NO_BYTE : character.charCodeAt(0))

/** An escape and what follows it. */
const escapes = (escape: string): RegExp => new RegExp(`${escape.replace(/[^\w]/, '\\$&')}(.)`, 'gs')

/**
 * Number of fields of the first record in the window, or what is malformed in it; undefined if it is incomplete. Empty lines
 * and comments are skipped.
 */
export function countFields(
  window: ByteWindow,
  dialect: CsvDialect,
  newline: number,
): number | MalformedCut | undefined {
  const { start } = window
  const probe = new CellTable({ dialect: { ...dialect, truncatedRows: false }, fieldCount: 1, fields: [], capacity: 1 })
  try {
    for (;;) {
      const before = window.start
      const cut = probe.cut(window, newline)
      if (cut.kind === 'malformed') return cut.found ?? cut
      if (probe.count === 0) return undefined
      // With one field an empty line is a record.
      if (!isBlank(window.bytes, before, window.start)) return 1
      probe.count = 0
    }
  } finally {
    window.start = start
    probe.close()
  }
}

/** Whether the bytes hold nothing but line ends. */
function isBlank(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] !== LF && bytes[i] !== 13) return false
  return true
}
