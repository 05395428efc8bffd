/** The checksum of frames against published values of XXH64 and a plain reference. */
import test from 'ava'
import { alloc, bytesInUse, release, views } from '../../src/arrow/memory.js'
import { payloadChecksum } from '../../src/exchange/frame-checksum.js'
import { testRng } from '../arrow/random-columns.js'

const PRIMES: readonly bigint[] = [
  0x9e3779b185ebca87n, 0xc2b2ae3d27d4eb4fn, 0x165667b19e3779f9n, 0x85ebca77c2b2ae63n, 0x27d4eb2f165667c5n,
] // oxfmt-ignore
const u64 = (value: bigint): bigint => BigInt.asUintN(64, value)
const rotated = (value: bigint, bits: bigint): bigint => u64((value << bits) | (value >> (64n - bits)))

/** XXH64 with seed 0, word for word from its specification. */
function xxh64(bytes: Uint8Array): bigint {
  const [one, two, three, four, five] = PRIMES
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const round = (lane: bigint, word: bigint): bigint => u64(rotated(u64(lane + word * two), 31n) * one)
  let at = 0
  let hash = five
  if (bytes.length >= 32) {
    const lanes = [u64(one + two), two, 0n, u64(-one)]
    for (; at + 32 <= bytes.length; at += 32)
      lanes.forEach((lane, i) => (lanes[i] = round(lane, data.getBigUint64(at + 8 * i, true))))
    hash = [1n, 7n, 12n, 18n].reduce((sum, bits, i) => u64(sum + rotated(lanes[i], bits)), 0n)
    for (const lane of lanes) hash = u64((hash ^ round(0n, lane)) * one + four)
  }
  hash = u64(hash + BigInt(bytes.length))
  for (; at + 8 <= bytes.length; at += 8)
    hash = u64(rotated(hash ^ round(0n, data.getBigUint64(at, true)), 27n) * one + four)
  if (at + 4 <= bytes.length) {
    hash = u64(rotated(hash ^ u64(BigInt(data.getUint32(at, true)) * one), 23n) * two + three)
    at += 4
  }
  for (; at < bytes.length; at++) hash = u64(rotated(hash ^ u64(BigInt(bytes[at]) * five), 11n) * one)
  hash = u64((hash ^ (hash >> 33n)) * two)
  hash = u64((hash ^ (hash >> 29n)) * three)
  return hash ^ (hash >> 32n)
}

/** By the kernel, of bytes that begin anywhere. */
function checksum(bytes: Uint8Array, offset: number): number {
  const block = alloc(bytes.length + offset)
  try {
    views().u8.set(bytes, block + offset)
    return payloadChecksum(block + offset, bytes.length)
  } finally {
    release(block)
  }
}

test.afterEach(t => t.is(bytesInUse(), 0))

test.serial('published values', t => {
  const known = [
    ['', 0xef46db3751d8e999n],
    ['a', 0xd24ec4f1a98c6e5bn],
    ['abc', 0x44bc2cf5ad770999n],
    ['Nobody inspects the spammish repetition', 0xfbcea83c8a378bf1n],
  ] as const
  for (const [text, hash] of known) {
    t.is(xxh64(Buffer.from(text)), hash, text)
    t.is(checksum(Buffer.from(text), 0), Number(BigInt.asUintN(32, hash)), text)
  }
})

test.serial('any length at any place', t => {
  const rng = testRng(message => t.log(message))
  for (let length = 0; length <= 200; length++) {
    const bytes = Uint8Array.from({ length }, () => Math.floor(rng.next() * 256))
    t.is(checksum(bytes, length % 9), Number(BigInt.asUintN(32, xxh64(bytes))), `${length} bytes`)
  }
})
