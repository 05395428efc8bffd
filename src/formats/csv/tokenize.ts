/** Cuts CSV bytes into fields (RFC 4180): positions only, nothing is copied or decoded here. */

/** Fields of up to `capacity` records of `fieldCount` fields; field f of record r has the number r * fieldCount + f. */
export class FieldTable {
  readonly fieldCount: number
  readonly capacity: number
  /** Bytes [start, end) of the window, without quotes. */
  readonly starts: Int32Array
  readonly ends: Int32Array
  /** 0: unquoted, 1: quoted, 2: quoted with doubled quotes inside. */
  readonly quoting: Uint8Array
  /** Records that were found. */
  count = 0

  constructor(fieldCount: number, capacity: number) {
    this.fieldCount = fieldCount
    this.capacity = capacity
    this.starts = new Int32Array(fieldCount * capacity)
    this.ends = new Int32Array(fieldCount * capacity)
    this.quoting = new Uint8Array(fieldCount * capacity)
  }
}

export interface CsvBytes {
  readonly bytes: Uint8Array
  /** Where a record starts. */
  readonly start: number
  readonly end: number
  /** No bytes follow `end`. */
  readonly isLast: boolean
}

export interface Separators {
  /** Byte values; -1: no quotes. */
  readonly delimiter: number
  readonly quote: number
}

export type TokenizeResult =
  /** Whole records were cut off up to `next`; what follows is incomplete, empty, or beyond capacity. */
  | { readonly kind: 'ok'; readonly next: number }
  /** The record is malformed at `position`, in field number `field`; `found` is its number of fields if that is what is wrong. */
  | {
      readonly kind: 'malformed'
      readonly position: number
      readonly field: number
      readonly reason: string
      readonly found?: number
    }

const LF = 10
const CR = 13

/**
 * Cuts whole records into `table` (from its first) until its capacity, `limit` (no record that starts at or after it is taken)
 * or the end. Empty lines are skipped unless records have one field: there they are an empty record.
 */
export function tokenize(input: CsvBytes, separators: Separators, table: FieldTable, limit = Infinity): TokenizeResult {
  const { bytes, end } = input
  const { fieldCount, capacity } = table
  let position = input.start
  table.count = 0
  while (table.count < capacity && position < end && position < limit) {
    const blank = fieldCount > 1 ? blankLine(bytes, position, end) : 0
    position += blank
    if (blank > 0) continue
    const next = cutRecord(input, separators, table, position)
    if (typeof next !== 'number') return next
    if (next < 0) break
    table.count++
    position = next
  }
  return { kind: 'ok', next: position }
}

/** Bytes of the empty line at `position`; 0 if the line is not empty. */
function blankLine(bytes: Uint8Array, position: number, end: number): number {
  if (bytes[position] === LF) return 1
  return bytes[position] === CR && position + 1 < end && bytes[position + 1] === LF ? 2 : 0
}

const INCOMPLETE = -1

/** Cuts the record at `position` into the next row of the table: where the next record starts, or INCOMPLETE. */
function cutRecord(
  input: CsvBytes,
  separators: Separators,
  table: FieldTable,
  position: number,
): number | TokenizeResult {
  const { bytes, end, isLast } = input
  const { delimiter, quote } = separators
  const { starts, ends, quoting, fieldCount } = table
  const first = table.count * fieldCount
  for (let at = position, field = 0; ; at++) {
    let start = at
    let stop: number
    let kind = 0
    if (quote >= 0 && at < end && bytes[at] === quote) {
      const problem = cutQuoted(input, separators, at, field)
      if (problem !== undefined) return problem
      start++
      stop = quoted.stop
      kind = quoted.kind
      at = quoted.next
    } else {
      let byte = 0
      while (at < end && (byte = bytes[at]) !== delimiter && byte !== LF) at++
      stop = at
      if (stop > start && bytes[stop - 1] === CR && (at >= end || byte === LF)) stop--
    }
    if (at >= end && !isLast) return INCOMPLETE
    if (field < fieldCount) {
      starts[first + field] = start
      ends[first + field] = stop
      quoting[first + field] = kind
    }
    field++
    if (at < end && bytes[at] !== LF) continue
    if (field === fieldCount) return Math.min(at + 1, end)
    const reason = `the record has ${field} ${field === 1 ? 'field' : 'fields'}, not ${fieldCount}`
    return { kind: 'malformed', position, field: Math.min(field, fieldCount), reason, found: field }
  }
}

/** The last quoted field: where its text stops, whether quotes are doubled inside, and the separator behind. Reused. */
const quoted = { stop: 0, kind: 0, next: 0 }

/** Cuts the quoted field whose opening quote is at `open` into `quoted`; INCOMPLETE if it may go on behind the window. */
function cutQuoted(
  input: CsvBytes,
  separators: Separators,
  open: number,
  field: number,
): number | TokenizeResult | undefined {
  const { bytes, end, isLast } = input
  const { delimiter, quote } = separators
  quoted.kind = 1
  let at = open + 1
  for (; ; at += 2) {
    while (at < end && bytes[at] !== quote) at++
    if (at + 1 >= end && !isLast) return INCOMPLETE
    if (at >= end) return { kind: 'malformed', position: open, field, reason: 'a quoted field is not closed' }
    if (at + 1 >= end || bytes[at + 1] !== quote) break
    quoted.kind = 2
  }
  quoted.stop = at++
  const follows = at < end ? bytes[at] : LF
  const isCrLf = follows === CR && (at + 1 >= end || bytes[at + 1] === LF)
  if (follows !== delimiter && follows !== LF && !isCrLf) {
    return { kind: 'malformed', position: at, field, reason: 'text follows a closing quote' }
  }
  quoted.next = isCrLf ? at + 1 : at
  return undefined
}

const utf8 = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8')

/** Text of one field, doubled quotes undone. */
export function fieldText(bytes: Uint8Array, table: FieldTable, cell: number, quote: string): string {
  const text = utf8(bytes, table.starts[cell], table.ends[cell])
  return table.quoting[cell] === 2 ? text.replaceAll(quote + quote, quote) : text
}

/** Number of fields of the record at the start of the input, empty lines skipped; undefined if it is incomplete. */
export function countFields(input: CsvBytes, separators: Separators): number | undefined {
  let { start } = input
  while (start < input.end && (input.bytes[start] === LF || input.bytes[start] === CR)) start++
  const probe = new FieldTable(1, 1)
  const result = tokenize({ ...input, start }, separators, probe)
  if (result.kind === 'malformed') return result.found
  return probe.count === 1 ? 1 : undefined
}
