/**
 * The 48 random streams of the TPC-H data generator (TPC Benchmark H, the reference program dbgen): s <- 16807 s mod (2^31 - 1).
 * Every row of a table owns a fixed number of draws of each stream, so any range of rows can be made on its own.
 */

const MULTIPLIER = 16_807
const MODULUS = 2_147_483_647
/** Up to this width `trunc(state * (width / M))` is exact; above it the division has to come first. */
const MAX_SCALED_WIDTH = 2_000_000

/** The state after one draw, in 32-bit integer arithmetic. */
export function step(state: number): number {
  const high = Math.imul(MULTIPLIER, state >>> 16)
  const low = Math.imul(MULTIPLIER, state & 0xffff)
  const sum = low + ((high & 0x7fff) << 16) + (high >>> 15)
  return (sum & MODULUS) + (sum >>> 31)
}

/** a * b mod M for a, b < M, exact in doubles. */
export function multiply(a: number, b: number): number {
  const high = (Math.floor(a / 65_536) * b) % MODULUS
  return (high * 65_536 + (a % 65_536) * b) % MODULUS
}

/** 16807^count mod M. */
export function power(count: number): number {
  let result = 1
  let square = MULTIPLIER
  for (let rest = count; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = multiply(result, square)
    square = multiply(square, square)
  }
  return result
}

/** A stream: where it starts and how many draws each row owns. */
export interface Stream {
  readonly start: number
  readonly drawsPerRow: number
}

/** The state just before row `row` (0 is the first). */
export const stateBefore = (stream: Stream, row: number): number =>
  multiply(stream.start, power(row * stream.drawsPerRow))

/** A function from state to a value of [low, high], both ends included. */
export function uniform(low: number, high: number): (state: number) => number {
  const width = high - low + 1
  if (width > MAX_SCALED_WIDTH) return state => low + Math.trunc((state / MODULUS) * width)
  const factor = width / MODULUS
  return state => low + ((state * factor) | 0)
}

/** The non-positive number from which up to five letters of an address are cut, six bits each. */
export const addressBits = (state: number): number => (state >= 2_147_483_392 ? -(state + 1) : -state) | 0

const stream = (start: number, drawsPerRow: number): Stream => ({ start, drawsPerRow })

/** By column; the row of a lineitem stream is the order, that of a partsupp stream the part. */
export const STREAMS = {
  p_mfgr: stream(1, 1),
  p_brand: stream(46_831_694, 1),
  p_type: stream(1_841_581_359, 1),
  p_size: stream(1_193_163_244, 1),
  p_container: stream(727_633_698, 1),
  textPool: stream(933_588_178, 0),
  p_comment: stream(804_159_733, 2),
  ps_availqty: stream(1_671_059_989, 4),
  ps_supplycost: stream(1_051_288_424, 4),
  ps_comment: stream(1_961_692_154, 8),
  o_clerk: stream(1_171_034_773, 1),
  o_comment: stream(276_090_261, 2),
  o_orderdate: stream(1_066_728_069, 1),
  l_quantity: stream(209_208_115, 7),
  l_discount: stream(554_590_007, 7),
  l_tax: stream(721_958_466, 7),
  l_shipinstruct: stream(1_371_272_478, 7),
  l_shipmode: stream(675_466_456, 7),
  l_partkey: stream(1_808_217_256, 7),
  l_suppkey: stream(2_095_021_727, 7),
  l_shipdate: stream(1_769_349_045, 7),
  l_commitdate: stream(904_914_315, 7),
  l_receiptdate: stream(373_135_028, 7),
  l_returnflag: stream(717_419_739, 7),
  l_comment: stream(1_095_462_486, 14),
  c_address: stream(881_155_353, 9),
  c_nationkey: stream(1_489_529_863, 1),
  c_phone: stream(1_521_138_112, 3),
  c_acctbal: stream(298_370_230, 1),
  c_mktsegment: stream(1_140_279_430, 1),
  c_comment: stream(1_335_826_707, 2),
  s_address: stream(706_178_559, 9),
  s_nationkey: stream(110_356_601, 1),
  s_phone: stream(884_434_366, 3),
  s_acctbal: stream(962_338_209, 1),
  s_comment: stream(1_341_315_363, 2),
  p_name: stream(709_314_158, 92),
  o_orderpriority: stream(591_449_447, 1),
  o_custkey: stream(851_767_375, 1),
  n_comment: stream(606_179_079, 2),
  r_comment: stream(1_500_869_201, 2),
  lineCount: stream(1_434_868_289, 1),
  junk: stream(263_032_577, 1),
  junkType: stream(753_643_799, 1),
  junkSelect: stream(202_794_285, 1),
  junkOffset: stream(715_851_524, 1),
} as const satisfies Readonly<Record<string, Stream>>
