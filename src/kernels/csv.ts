/**
 * CSV (RFC 4180 and its dialects): cuts bytes into records and cells. Separators are found 64 bytes at a time; nothing is
 * copied or decoded here. A cell is u32 position, u32 (length << 2 | how it is written).
 */

/** How a cell is written: as it stands, quoted, quoted with escapes inside, or not at all. */
export const CELL_PLAIN: u32 = 0
export const CELL_QUOTED: u32 = 1
export const CELL_ESCAPED: u32 = 2
export const CELL_MISSING: u32 = 3

const LF: u32 = 10
const CR: u32 = 13

/** Why the cutting stopped. Also known to src/formats/csv/cells.ts. */
const STOP_END: u32 = 0
const STOP_FULL: u32 = 1
const STOP_LIMIT: u32 = 2
const STOP_FIELDS: u32 = 3
const STOP_UNCLOSED: u32 = 4
const STOP_AFTER_QUOTE: u32 = 5

// The dialect, by thread; csvCut sets it, and nothing outlives a call.
let delimiter: u32 = 0
let quote: u32 = 0
let escape: u32 = 0
let newline: u32 = 0
let lastInput: bool = false

/** One bit for each of the 16 bytes at `at` that is one of three. */
// @ts-ignore: decorator
@inline function anyOf(at: usize, a: v128, b: v128, c: v128): u64 {
  const bytes = v128.load(at)
  return <u64>(<u32>i8x16.bitmask(v128.or(v128.or(i8x16.eq(bytes, a), i8x16.eq(bytes, b)), i8x16.eq(bytes, c))))
}

/** One bit for each of the 64 bytes at `at` that is a delimiter, a line end or a quote. */
// @ts-ignore: decorator
@inline function separators(at: usize, d: v128, n: v128, q: v128): u64 {
  return anyOf(at, d, n, q) | (anyOf(at + 16, d, n, q) << 16) | (anyOf(at + 32, d, n, q) << 32) | (anyOf(at + 48, d, n, q) << 48)
}

/** The first `byte` or `other` from `at` on, `end` if there is none. */
function find(at: usize, end: usize, byte: u32, other: u32): usize {
  const a = i8x16.splat(<i8>byte)
  const b = i8x16.splat(<i8>other)
  for (; at < end; at += 16) {
    const bytes = v128.load(at)
    const mask = i8x16.bitmask(v128.or(i8x16.eq(bytes, a), i8x16.eq(bytes, b)))
    if (mask != 0) return min(end, at + <usize>ctz(mask))
  }
  return end
}

// What cutQuoted has found: where the text ends, how it is written, where the next cell or record starts, and which.
let quotedEnd: usize = 0
let quotedKind: u32 = 0
let quotedNext: usize = 0
let quotedIsLast: bool = false
/** Where text follows a closing quote. */
let quotedPlace: usize = 0

/** The end of the quoted text that opens at `open`: the closing quote. `end` if it goes on behind the input. */
function closeQuote(open: usize, end: usize): usize {
  quotedKind = CELL_QUOTED
  let at = open + 1
  while (true) {
    at = find(at, end, quote, escape)
    if (at >= end) return end
    if (escape != quote && load<u8>(at) == <u8>escape) {
      quotedKind = CELL_ESCAPED
      at += 2
      continue
    }
    if (escape != quote || at + 1 >= end || load<u8>(at + 1) != <u8>quote) return at
    quotedKind = CELL_ESCAPED
    at += 2
  }
}

/** Cuts the cell whose opening quote is at `open`; STOP_FULL when all is well, else why not. */
function cutQuoted(open: usize, end: usize): u32 {
  const close = closeQuote(open, end)
  quotedPlace = open
  if (close >= end) return lastInput ? STOP_UNCLOSED : STOP_END
  quotedEnd = close
  const next = close + 1
  quotedIsLast = true
  quotedNext = next
  if (next >= end) return lastInput ? STOP_FULL : STOP_END
  if (<u32>load<u8>(next) == delimiter) {
    quotedIsLast = false
    quotedNext = next + 1
    return STOP_FULL
  }
  const lineBytes = lineEnd(next, end)
  if (lineBytes < 0) return STOP_END
  quotedPlace = next
  if (lineBytes == 0) return STOP_AFTER_QUOTE
  quotedNext = next + lineBytes
  return STOP_FULL
}

/** Bytes of the line end at `at`: 0 if there is none, -1 if it cannot be told before more bytes come. */
// @ts-ignore: decorator
@inline function lineEnd(at: usize, end: usize): i32 {
  const byte = <u32>load<u8>(at)
  if (byte == newline) return 1
  if (byte != CR || newline != LF) return 0
  if (at + 1 >= end) return lastInput ? 1 : -1
  return load<u8>(at + 1) == <u8>LF ? 2 : 0
}

/** Where the record behind the comment that starts at `start` starts; 0 if the comment goes on behind the input. */
function afterComment(start: usize, end: usize): usize {
  const line = find(start, end, newline, newline)
  return line >= end && !lastInput ? 0 : min(line + 1, end)
}

// @ts-ignore: decorator
@inline function putCell(cells: usize, field: u32, record: u32, start: usize, length: usize, kind: u32): void {
  const cell = load<u32>(cells + (<usize>field << 2)) + (<usize>record << 3)
  store<u64>(cell, <u64>start | (<u64>((<u32>length << 2) | kind) << 32))
}

/** Reads the dialect for the call that follows. */
// @ts-ignore: decorator
@inline function setDialect(options: usize, isLast: u32): void {
  delimiter = load<u32>(options)
  quote = load<u32>(options, 4)
  escape = load<u32>(options, 8)
  newline = load<u32>(options, 12)
  lastInput = isLast != 0
}

/**
 * Cuts records out of the bytes up to `end`. `state` is u32 { where to start, records so far, -, -, - } and gets { where the
 * next record starts, records, why it stopped, place of what is wrong, number of the field or of fields }. `options` is u32
 * { delimiter, quote, escape, line end, comment (256: none), whether records may be short }; without quotes the quote is the
 * delimiter. `cells` has the position of each field's cells. No record that starts at or after `limit` is taken; lines
 * without a byte are skipped if there are several fields.
 */
export function csvCut(state: usize, options: usize, cells: usize, fieldCount: u32, capacity: u32, end: usize, limit: usize, isLast: u32): void {
  setDialect(options, isLast)
  const comment = load<u32>(options, 16)
  const mayBeShort = load<u32>(options, 20) != 0
  const d = i8x16.splat(<i8>delimiter)
  const n = i8x16.splat(<i8>newline)
  const q = i8x16.splat(<i8>quote)
  let record = load<u32>(state, 4)
  let start = <usize>load<u32>(state)
  let stop = STOP_FULL
  let place: usize = 0
  let field: u32 = 0
  let fieldStart = start
  let base = start
  let mask: u64 = base < end ? separators(base, d, n, q) : 0
  while (record < capacity) {
    if (field == 0 && fieldStart == start) {
      stop = start >= end ? STOP_END : start >= limit ? STOP_LIMIT : STOP_FULL
      if (stop != STOP_FULL) break
      if (<u32>load<u8>(start) == comment) {
        const next = afterComment(start, end)
        if (next == 0) {
          stop = STOP_END
          break
        }
        start = fieldStart = base = next
        mask = base < end ? separators(base, d, n, q) : 0
        continue
      }
    }
    while (mask == 0 && base < end) {
      base += 64
      if (base < end) mask = separators(base, d, n, q)
    }
    const at = mask == 0 ? end : min(end, base + <usize>ctz(mask))
    mask &= mask - 1
    if (at >= end && !lastInput) {
      stop = STOP_END
      break
    }
    const byte = at < end ? <u32>load<u8>(at) : newline
    let kind = CELL_PLAIN
    let textStart = fieldStart
    let textEnd = at
    let next = at + 1
    let isLastField = byte == newline
    if (isLastField) {
      if (newline == LF && textEnd > fieldStart && load<u8>(textEnd - 1) == <u8>CR) textEnd--
      if (field == 0 && textEnd == fieldStart && fieldCount > 1) {
        start = fieldStart = min(next, end)
        continue
      }
    } else if (byte != delimiter) {
      // A quote inside of an unquoted field is text.
      if (at != fieldStart) continue
      stop = cutQuoted(at, end)
      if (stop != STOP_FULL) {
        place = quotedPlace
        break
      }
      textStart = at + 1
      textEnd = quotedEnd
      kind = quotedKind
      next = base = quotedNext
      isLastField = quotedIsLast
      mask = base < end ? separators(base, d, n, q) : 0
    }
    if (field < fieldCount) putCell(cells, field, record, textStart, textEnd - textStart, kind)
    field++
    fieldStart = next
    if (!isLastField) continue
    if (field != fieldCount) {
      if (field > fieldCount || !mayBeShort) {
        stop = STOP_FIELDS
        place = start
        start = min(next, end)
        break
      }
      for (; field < fieldCount; field++) putCell(cells, field, record, textEnd, 0, CELL_MISSING)
    }
    record++
    field = 0
    start = fieldStart = min(next, end)
  }
  store<u32>(state, <u32>start)
  store<u32>(state, record, 4)
  store<u32>(state, stop, 8)
  store<u32>(state, <u32>place, 12)
  store<u32>(state, field, 16)
}
