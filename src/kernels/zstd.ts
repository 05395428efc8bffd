/**
 * Zstandard (RFC 8878) without dictionaries, one whole page at a time. Every length is checked before anything is copied: nothing
 * is written outside the output and its slop, nothing outside it is taken for its past.
 */
import { copyBack } from './copy-back'
import {
  TABLE_WORK_BYTES, bitsAt, buildFseOf, buildFseOfOne, readFse, readHuffman, streamBits, zstdAccuracy,
} from './zstd-tables'

// Working memory: tables of literal lengths, offsets, match lengths and literals; their logarithms; offsets that may repeat.
const LENGTHS: usize = 0
const OFFSETS: usize = 2048
const MATCHES: usize = 3072
const LITERAL_CODES: usize = 5120
const LENGTHS_LOG: usize = 9216
const OFFSETS_LOG: usize = 9220
const MATCHES_LOG: usize = 9224
/** 0: there is no tree yet. */
const LITERALS_LOG: usize = 9228
const REPEATS: usize = 9232
const WORK: usize = 9344
const LITERALS: usize = WORK + TABLE_WORK_BYTES
/** Literals and matches of one block give at most so many bytes. */
const MAX_BLOCK: u32 = 131072
/** Bytes behind outputs that may be overwritten: copies go in pieces of 16 bytes. */
const SLOP: u32 = 32

/** A table that no block of the frame has described yet. */
const NO_TABLE: u32 = 255

const LENGTH_COUNTS: usize = memory.data<i8>([
  4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1,
])
const MATCH_COUNTS: usize = memory.data<i8>([
  1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
  1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
])
const OFFSET_COUNTS: usize = memory.data<i8>([
  1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1,
])
/** By code: the smallest length, and the bits that are added to it. */
const LENGTH_BASES: usize = memory.data<u32>([
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 22, 24, 28, 32, 40, 48, 64, 128, 256, 512, 1024, 2048,
  4096, 8192, 16384, 32768, 65536,
])
const LENGTH_BITS: usize = memory.data<u8>([
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
])
const MATCH_BASES: usize = memory.data<u32>([
  3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35,
  37, 39, 41, 43, 47, 51, 59, 67, 83, 99, 131, 259, 515, 1027, 2051, 4099, 8195, 16387, 32771, 65539,
])
const MATCH_BITS: usize = memory.data<u8>([
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 4,
  5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
])
const LENGTH_SYMBOLS: u32 = 36
const MATCH_SYMBOLS: u32 = 53
const OFFSET_SYMBOLS: u32 = 32

/** Bytes of working memory that zstdDecompress needs. */
export function zstdWorkBytes(): u32 {
  return <u32>LITERALS + MAX_BLOCK + 2 * SLOP
}

/** The output of the call that runs, and the frame's start in it; globals of the instance, so private to the thread. */
let output: usize = 0
let outputEnd: usize = 0
let frameStart: usize = 0
/** Literals of the block that is read: where they are, and how many. */
let literals: usize = 0
let literalCount: u32 = 0

/**
 * Decompresses the frames in `byteLength` bytes at `source`. `target` has room for `size` bytes and the slop, `work` for
 * zstdWorkBytes(). True if the input is whole and gives exactly `size` bytes. Checksums are not verified.
 */
export function zstdDecompress(source: usize, byteLength: u32, target: usize, size: u32, work: usize): bool {
  const end = source + byteLength
  output = target
  outputEnd = target + size
  while (source < end) {
    if (end - source < 8) return false
    const magic = load<u32>(source)
    if ((magic & 0xfffffff0) == 0x184d2a50) {
      const skipped = load<u32>(source, 4)
      if (skipped > <u32>(end - source) - 8) return false
      source += 8 + skipped
      continue
    }
    if (magic != 0xfd2fb528) return false
    source = readFrame(source + 4, end, work)
    if (source == 0) return false
  }
  return output == outputEnd
}

/** One frame behind its magic number; the position behind it, 0 if it makes no sense. */
function readFrame(source: usize, end: usize, work: usize): usize {
  const descriptor: u32 = load<u8>(source++)
  const isSingle = (descriptor & 32) != 0
  const sizeCode = descriptor >> 6
  const sizeBytes: u32 = sizeCode == 0 ? (isSingle ? 1 : 0) : 1 << sizeCode
  // A reserved bit, or a dictionary.
  if ((descriptor & 11) != 0) return 0
  const headerBytes = sizeBytes + (isSingle ? 0 : 1)
  if (headerBytes > <u32>(end - source)) return 0
  source += headerBytes
  frameStart = output
  store<u32>(work, NO_TABLE, LENGTHS_LOG)
  store<u32>(work, NO_TABLE, OFFSETS_LOG)
  store<u32>(work, NO_TABLE, MATCHES_LOG)
  store<u32>(work, 0, LITERALS_LOG)
  store<u32>(work, 1, REPEATS)
  store<u32>(work, 4, REPEATS + 4)
  store<u32>(work, 8, REPEATS + 8)
  for (let isLast = false; !isLast;) {
    if (end - source < 3) return 0
    const header = load<u32>(source) & 0xffffff
    isLast = (header & 1) != 0
    const length = header >> 3
    const kind = (header >> 1) & 3
    source += 3
    const stored: u32 = kind == 1 ? 1 : length
    if (kind == 3 || length > MAX_BLOCK || stored > <u32>(end - source)) return 0
    if (kind < 2) {
      if (length > <u32>(outputEnd - output)) return 0
      if (kind == 0) memory.copy(output, source, length)
      else memory.fill(output, load<u8>(source), length)
      output += length
    } else if (!readBlock(source, source + length, work)) return 0
    source += stored
  }
  if ((descriptor & 4) == 0) return source
  return end - source < 4 ? 0 : source + 4
}

function readBlock(source: usize, end: usize, work: usize): bool {
  source = readLiterals(source, end, work)
  if (source == 0 || source >= end) return false
  let count: u32 = load<u8>(source++)
  if (count >= 128) {
    if (end - source < 2) return false
    if (count == 255) {
      count = <u32>load<u16>(source) + 0x7f00
      source += 2
    } else count = ((count - 128) << 8) + load<u8>(source++)
  }
  if (count == 0) return source == end && copyLiterals(literalCount)
  if (source >= end) return false
  const modes: u32 = load<u8>(source++)
  if ((modes & 3) != 0) return false
  source = readTable(source, end, work, LENGTHS, LENGTHS_LOG, modes >> 6, LENGTH_COUNTS, LENGTH_SYMBOLS, 9, 6)
  if (source == 0) return false
  source = readTable(source, end, work, OFFSETS, OFFSETS_LOG, (modes >> 4) & 3, OFFSET_COUNTS, OFFSET_SYMBOLS, 8, 5)
  if (source == 0) return false
  source = readTable(source, end, work, MATCHES, MATCHES_LOG, (modes >> 2) & 3, MATCH_COUNTS, MATCH_SYMBOLS, 9, 6)
  return source != 0 && runSequences(source, <u32>(end - source), count, work)
}

/** Leaves the literals of a block where `literals` says; the position behind them, 0 if they make no sense. */
function readLiterals(source: usize, end: usize, work: usize): usize {
  if (source >= end) return 0
  const kind = load<u8>(source) & 3
  const format: u32 = (load<u8>(source) >> 2) & 3
  const target = work + LITERALS
  // Five bytes hold the longest header; a block that ends within them fails the checks of sizes.
  const header = load<u64>(source)
  if (kind < 2) {
    const headerBytes: u32 = (format & 1) == 0 ? 1 : format == 1 ? 2 : 3
    const field = <u32>header & (u32.MAX_VALUE >> (32 - (headerBytes << 3)))
    const size = headerBytes == 1 ? field >> 3 : field >> 4
    const stored = headerBytes + (kind == 1 ? 1 : size)
    if (size > MAX_BLOCK || stored > <u32>(end - source)) return 0
    literalCount = size
    literals = kind == 0 ? source + headerBytes : target
    if (kind == 1) memory.fill(target, load<u8>(source + headerBytes), size)
    return source + stored
  }
  const headerBytes: u32 = format < 2 ? 3 : format + 2
  const bits: u64 = format < 2 ? 10 : format == 2 ? 14 : 18
  const mask = ((<u64>1) << bits) - 1
  const size = <u32>((header >> 4) & mask)
  const stored = <u32>((header >> (4 + bits)) & mask)
  if (size > MAX_BLOCK || headerBytes > <u32>(end - source) || stored > <u32>(end - source) - headerBytes) return 0
  source += headerBytes
  const last = source + stored
  let from = source
  if (kind == 2) {
    from = readHuffman(source, last, work + LITERAL_CODES, work + WORK)
    if (from == 0) return 0
    store<u32>(work, zstdAccuracy(), LITERALS_LOG)
  } else if (load<u32>(work, LITERALS_LOG) == 0) return 0
  literalCount = size
  literals = target
  const log = load<u32>(work, LITERALS_LOG)
  const isRead = format == 0
    ? readStream(from, <u32>(last - from), work + LITERAL_CODES, log, target, size)
    : readStreams(from, last, work + LITERAL_CODES, log, target, size)
  return isRead ? last : 0
}

/** `count` symbols of one Huffman stream, which must end with them. */
function readStream(start: usize, byteLength: u32, table: usize, log: u32, target: usize, count: u32): bool {
  let at = streamBits(start, byteLength)
  for (const end = target + count; target < end; target++) {
    if (at <= 0) return false
    const code: u32 = load<u16>(table + (<usize>bitsAt(start, at - log, log) << 1))
    store<u8>(target, code)
    at -= code >> 8
  }
  return at == 0
}

/** Four Huffman streams behind their lengths, side by side; each gives a quarter of the symbols, rounded up, the last one the rest. */
function readStreams(source: usize, end: usize, table: usize, log: u32, target: usize, count: u32): bool {
  if (end - source < 6) return false
  const quarter = (count + 3) >> 2
  const firstBytes: u32 = load<u16>(source)
  const secondBytes: u32 = load<u16>(source, 2)
  const thirdBytes: u32 = load<u16>(source, 4)
  const first = source + 6
  if (firstBytes + secondBytes + thirdBytes > <u32>(end - first) || quarter * 3 > count) return false
  const second = first + firstBytes
  const third = second + secondBytes
  const fourth = third + thirdBytes
  let firstAt = streamBits(first, firstBytes)
  let secondAt = streamBits(second, secondBytes)
  let thirdAt = streamBits(third, thirdBytes)
  let fourthAt = streamBits(fourth, <u32>(end - fourth))
  if ((firstAt | secondAt | thirdAt | fourthAt) < 0) return false
  const together = count - quarter * 3
  let to = target
  for (const stop = target + together; to < stop; to++) {
    const one: u32 = load<u16>(table + (<usize>bitsAt(first, firstAt - log, log) << 1))
    const two: u32 = load<u16>(table + (<usize>bitsAt(second, secondAt - log, log) << 1))
    const three: u32 = load<u16>(table + (<usize>bitsAt(third, thirdAt - log, log) << 1))
    const four: u32 = load<u16>(table + (<usize>bitsAt(fourth, fourthAt - log, log) << 1))
    store<u8>(to, one)
    store<u8>(to + quarter, two)
    store<u8>(to + 2 * quarter, three)
    store<u8>(to + 3 * quarter, four)
    firstAt -= one >> 8
    secondAt -= two >> 8
    thirdAt -= three >> 8
    fourthAt -= four >> 8
    if ((firstAt | secondAt | thirdAt | fourthAt) < 0) return false
  }
  // Up to three symbols are left of all but the last stream.
  for (let i = together; i < quarter; i++, to++) {
    const one: u32 = load<u16>(table + (<usize>bitsAt(first, firstAt - log, log) << 1))
    const two: u32 = load<u16>(table + (<usize>bitsAt(second, secondAt - log, log) << 1))
    const three: u32 = load<u16>(table + (<usize>bitsAt(third, thirdAt - log, log) << 1))
    store<u8>(to, one)
    store<u8>(to + quarter, two)
    store<u8>(to + 2 * quarter, three)
    firstAt -= one >> 8
    secondAt -= two >> 8
    thirdAt -= three >> 8
    if ((firstAt | secondAt | thirdAt) < 0) return false
  }
  return (firstAt | secondAt | thirdAt | fourthAt) == 0
}

/** One of the three tables of sequences, as its mode says; the position behind its description, 0 if it makes no sense. */
function readTable(
  source: usize, end: usize, work: usize, table: usize, logAt: usize, mode: u32, counts: usize, symbols: u32, maxLog: u32,
  log: u32,
): usize {
  if (mode == 3) return load<u32>(work + logAt) == NO_TABLE ? 0 : source
  if (mode == 0) {
    buildFseOf(work + table, counts, symbols == OFFSET_SYMBOLS ? 29 : symbols, log, work + WORK)
  } else if (mode == 1) {
    if (source >= end || <u32>load<u8>(source) >= symbols) return 0
    buildFseOfOne(work + table, load<u8>(source++))
  } else {
    source = readFse(source, end, work + table, maxLog, symbols, work + WORK)
    if (source == 0) return 0
  }
  store<u32>(work + logAt, zstdAccuracy())
  return source
}

/** Copies the next `count` literals, which are there, to the output; false if it has no room. */
function copyLiterals(count: u32): bool {
  if (count > <u32>(outputEnd - output)) return false
  memory.copy(output, literals, count)
  output += count
  return true
}

/** Runs the `count` sequences of a block, then copies the literals that are left. */
function runSequences(start: usize, byteLength: u32, count: u32, work: usize): bool {
  let at = streamBits(start, byteLength)
  const lengthsLog = load<u32>(work, LENGTHS_LOG)
  const offsetsLog = load<u32>(work, OFFSETS_LOG)
  const matchesLog = load<u32>(work, MATCHES_LOG)
  at -= lengthsLog
  let length = load<u32>(work + LENGTHS + (<usize>bitsAt(start, at, lengthsLog) << 2))
  at -= offsetsLog
  let offset = load<u32>(work + OFFSETS + (<usize>bitsAt(start, at, offsetsLog) << 2))
  at -= matchesLog
  if (at < 0) return false
  let match = load<u32>(work + MATCHES + (<usize>bitsAt(start, at, matchesLog) << 2))
  let to = output
  let from = literals
  const fromEnd = literals + literalCount
  let first = load<u32>(work, REPEATS)
  let second = load<u32>(work, REPEATS + 4)
  let third = load<u32>(work, REPEATS + 8)
  for (; count > 0; count--) {
    const offsetBits = offset & 255
    at -= offsetBits
    let distance = (<u32>1 << offsetBits) + bitsAt(start, at, offsetBits)
    const matchCode = match & 255
    let bits: u32 = load<u8>(MATCH_BITS + matchCode)
    at -= bits
    const matchLength = load<u32>(MATCH_BASES + (<usize>matchCode << 2)) + bitsAt(start, at, bits)
    const lengthCode = length & 255
    bits = load<u8>(LENGTH_BITS + lengthCode)
    at -= bits
    const literalLength = load<u32>(LENGTH_BASES + (<usize>lengthCode << 2)) + bitsAt(start, at, bits)
    if (at < 0) return false
    if (distance > 3) {
      distance -= 3
      third = second
      second = first
      first = distance
    } else {
      // The last three distances; without literals before it, a match cannot repeat the last one.
      const which = distance + (literalLength == 0 ? 1 : 0)
      distance = which == 1 ? first : which == 2 ? second : which == 3 ? third : first - 1
      if (which > 2) third = second
      if (which > 1) {
        second = first
        first = distance
      }
    }
    if (count > 1) {
      bits = (length >> 8) & 255
      at -= bits
      length = load<u32>(work + LENGTHS + (<usize>((length >> 16) + bitsAt(start, at, bits)) << 2))
      bits = (match >> 8) & 255
      at -= bits
      match = load<u32>(work + MATCHES + (<usize>((match >> 16) + bitsAt(start, at, bits)) << 2))
      bits = (offset >> 8) & 255
      at -= bits
      offset = load<u32>(work + OFFSETS + (<usize>((offset >> 16) + bitsAt(start, at, bits)) << 2))
      if (at < 0) return false
    }
    if (literalLength > <u32>(fromEnd - from) || literalLength > <u32>(outputEnd - to)) return false
    // Literals that lie in the page, too, are followed by readable bytes.
    if (literalLength <= 16) v128.store(to, v128.load(from))
    else memory.copy(to, from, literalLength)
    from += literalLength
    to += literalLength
    if (distance == 0 || distance > <u32>(to - frameStart) || matchLength > <u32>(outputEnd - to)) return false
    copyBack(to, distance, matchLength)
    to += matchLength
  }
  if (at != 0) return false
  store<u32>(work, first, REPEATS)
  store<u32>(work, second, REPEATS + 4)
  store<u32>(work, third, REPEATS + 8)
  output = to
  literals = from
  return copyLiterals(<u32>(fromEnd - from))
}
