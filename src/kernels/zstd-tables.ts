/**
 * The entropy tables of Zstandard (RFC 8878, section 4): FSE and Huffman, built into the caller's memory from descriptions that may
 * say anything. Streams are read backwards, by the number of bits that are left; a read before the start of a stream gives any bits,
 * and leaves a negative number, which the caller finds.
 */

/** Symbols of the largest alphabet. */
const MAX_SYMBOLS: u32 = 256

// Working memory of the builders, from `work` on: counts (i16) and next states (u16) by symbol, weights (u8).
const COUNTS: usize = 0
const NEXT: usize = 512
const WEIGHTS: usize = 1024
const WEIGHT_TABLE: usize = 1280
/** Bytes of working memory. */
export const TABLE_WORK_BYTES: u32 = 1536

/** What a builder leaves behind; globals of the instance, so private to the thread. */
let accuracy: u32 = 0

/** The logarithm of the size of the table that was built last. */
export function zstdAccuracy(): u32 {
  return accuracy
}

/** `count` (at most 56) bits of the stream at `start` that begin at bit `at`. */
// @ts-ignore: decorator
@inline export function bitsAt(start: usize, at: i32, count: u32): u32 {
  return <u32>((load<u64>(start + (at >> 3)) >> <u64>(at & 7)) & ((<u64>1 << <u64>count) - 1))
}

/** The bits of a backward stream of `byteLength` bytes in front of its end mark; -1 if it has none. */
export function streamBits(start: usize, byteLength: u32): i32 {
  if (byteLength == 0 || byteLength > 0x1000000) return -1
  const last: u32 = load<u8>(start + byteLength - 1)
  return last == 0 ? -1 : <i32>((byteLength << 3) - 8 + 31 - clz<u32>(last))
}

/** An entry of an FSE table: the symbol, the bits to read for the next state, and what they are added to. */
// @ts-ignore: decorator
@inline function entry(symbol: u32, bits: u32, base: u32): u32 {
  return symbol | (bits << 8) | (base << 16)
}

/** Builds an FSE table of 2^log entries (u32) from the counts in `work`; false if they do not fill it. */
function buildFse(table: usize, log: u32, symbols: u32, work: usize): bool {
  const size: u32 = 1 << log
  let high = size
  for (let symbol: u32 = 0; symbol < symbols; symbol++) {
    const count = <i32>load<i16>(work + (symbol << 1), COUNTS)
    store<u16>(work + (symbol << 1), count < 0 ? 1 : count, NEXT)
    if (count >= 0) continue
    if (high == 0) return false
    high--
    store<u32>(table + (high << 2), symbol)
  }
  const step = (size >> 1) + (size >> 3) + 3
  let at: u32 = 0
  for (let symbol: u32 = 0; symbol < symbols; symbol++) {
    const count = <i32>load<i16>(work + (symbol << 1), COUNTS)
    for (let i: i32 = 0; i < count; i++) {
      store<u32>(table + (at << 2), symbol)
      do at = (at + step) & (size - 1)
      while (at >= high && high > 0)
    }
  }
  if (at != 0) return false
  for (let state: u32 = 0; state < size; state++) {
    const symbol = load<u32>(table + (state << 2))
    const next: u32 = load<u16>(work + (symbol << 1), NEXT)
    store<u16>(work + (symbol << 1), next + 1, NEXT)
    const bits = log - (31 - clz<u32>(next))
    store<u32>(table + (state << 2), entry(symbol, bits, (next << bits) - size))
  }
  accuracy = log
  return true
}

/** A table of one symbol. */
export function buildFseOfOne(table: usize, symbol: u32): void {
  store<u32>(table, entry(symbol, 0, 0))
  accuracy = 0
}

/** A table from `symbols` constant counts (i8) whose sum is 2^log. */
export function buildFseOf(table: usize, counts: usize, symbols: u32, log: u32, work: usize): bool {
  for (let symbol: u32 = 0; symbol < symbols; symbol++) {
    store<i16>(work + (symbol << 1), load<i8>(counts + symbol), COUNTS)
  }
  return buildFse(table, log, symbols, work)
}

/**
 * Reads the description of an FSE table from [source, end) and builds the table, of at most 2^maxLog entries and `maxSymbols`
 * symbols; the position behind the description, 0 if it makes no sense.
 */
export function readFse(source: usize, end: usize, table: usize, maxLog: u32, maxSymbols: u32, work: usize): usize {
  const available = <i32>min<u32>(<u32>(end - source), 0x100000) << 3
  const log = bitsAt(source, 0, 4) + 5
  if (available < 4 || log > maxLog) return 0
  let at: i32 = 4
  let left: i32 = 1 << log
  let symbol: u32 = 0
  while (left > 0) {
    if (symbol >= maxSymbols || at > available) return 0
    const bits = 32 - clz<u32>(left + 1)
    let value = <i32>bitsAt(source, at, bits)
    at += bits
    const low = (1 << (bits - 1)) - 1
    const threshold = (1 << bits) - 1 - (left + 1)
    if ((value & low) < threshold) {
      at--
      value &= low
    } else if (value > low) value -= threshold
    const count = value - 1
    left -= count < 0 ? -count : count
    store<i16>(work + (symbol++ << 1), count, COUNTS)
    if (count != 0) continue
    let repeat: u32 = 3
    while (repeat == 3) {
      if (at > available) return 0
      repeat = bitsAt(source, at, 2)
      at += 2
      if (symbol + repeat > maxSymbols) return 0
      for (let i: u32 = 0; i < repeat; i++) store<i16>(work + (symbol++ << 1), 0, COUNTS)
    }
  }
  if (left != 0 || at > available || !buildFse(table, log, symbol, work)) return 0
  return source + ((at + 7) >> 3)
}

/** FSE-compressed weights of `byteLength` bytes into `work`; how many, 0 if they make no sense. */
function readWeights(source: usize, byteLength: u32, work: usize): u32 {
  const table = work + WEIGHT_TABLE
  const start = readFse(source, source + byteLength, table, 6, 16, work)
  if (start == 0) return 0
  const log = accuracy
  let at = streamBits(start, <u32>(source + byteLength - start))
  if (at < <i32>(log << 1)) return 0
  at -= log
  let first = load<u32>(table + (bitsAt(start, at, log) << 2))
  at -= log
  let second = load<u32>(table + (bitsAt(start, at, log) << 2))
  // Two states take turns; when the bits of one run out, the other one has the last symbol.
  for (let count: u32 = 0; count < MAX_SYMBOLS - 2; count += 2) {
    store<u8>(work + count, first, WEIGHTS)
    let bits = (first >> 8) & 255
    at -= bits
    store<u8>(work + count + 1, second, WEIGHTS)
    if (at < 0) return count + 2
    first = load<u32>(table + (((first >> 16) + bitsAt(start, at, bits)) << 2))
    bits = (second >> 8) & 255
    at -= bits
    if (at < 0) {
      store<u8>(work + count + 2, first, WEIGHTS)
      return count + 3
    }
    second = load<u32>(table + (((second >> 16) + bitsAt(start, at, bits)) << 2))
  }
  return 0
}

/** Codes are of at most 11 bits. */
const MAX_HUFFMAN_LOG: u32 = 11

/**
 * Reads a Huffman tree from [source, end) and builds its table: for every 2^zstdAccuracy() next bits a symbol and its bits (u16);
 * the position behind the tree, 0 if it makes no sense.
 */
export function readHuffman(source: usize, end: usize, table: usize, work: usize): usize {
  if (source >= end) return 0
  const header: u32 = load<u8>(source++)
  let symbols: u32 = 0
  const byteLength: u32 = header < 128 ? header : (header - 126) >> 1
  if (byteLength > <u32>(end - source)) return 0
  if (header < 128) symbols = readWeights(source, byteLength, work)
  else {
    symbols = header - 127
    for (let i: u32 = 0; i < symbols; i++) {
      const pair: u32 = load<u8>(source + (i >> 1))
      store<u8>(work + i, (i & 1) == 0 ? pair >> 4 : pair & 15, WEIGHTS)
    }
  }
  return symbols > 0 && symbols < MAX_SYMBOLS && buildHuffman(table, symbols, work) ? source + byteLength : 0
}

/** From the weights in `work`, of which that of the last symbol follows from the others. */
function buildHuffman(table: usize, symbols: u32, work: usize): bool {
  let sum: u32 = 0
  for (let i: u32 = 0; i < symbols; i++) {
    const weight: u32 = load<u8>(work + i, WEIGHTS)
    if (weight > MAX_HUFFMAN_LOG) return false
    sum += weight == 0 ? 0 : 1 << (weight - 1)
  }
  if (sum == 0) return false
  const log: u32 = 32 - clz<u32>(sum)
  const rest = (<u32>1 << log) - sum
  if (log > MAX_HUFFMAN_LOG || (rest & (rest - 1)) != 0) return false
  store<u8>(work + symbols, 32 - clz<u32>(rest), WEIGHTS)
  let at = table
  for (let weight: u32 = 1; weight <= log; weight++) {
    const length: u32 = 1 << (weight - 1)
    for (let symbol: u32 = 0; symbol <= symbols; symbol++) {
      if (<u32>load<u8>(work + symbol, WEIGHTS) != weight) continue
      const code = symbol | ((log + 1 - weight) << 8)
      for (let i: u32 = 0; i < length; i++, at += 2) store<u16>(at, code)
    }
  }
  accuracy = log
  return true
}
