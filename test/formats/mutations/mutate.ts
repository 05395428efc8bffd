/** Ways in which a file goes bad, each a pure function of the bytes and a random source. */
import type { Rng } from '../../../src/common/clock.js'

type Mutation = (bytes: Uint8Array, rng: Rng) => Uint8Array

const below = (rng: Rng, limit: number): number => Math.floor(rng.next() * limit)

/** A place and a length of at most `most` bytes behind it. */
function pieceOf(bytes: Uint8Array, rng: Rng, most: number): readonly [number, number] {
  const start = below(rng, bytes.length)
  return [start, Math.min(bytes.length, start + 1 + below(rng, most))]
}

function changed(bytes: Uint8Array, change: (copy: Uint8Array) => void): Uint8Array {
  const copy = Uint8Array.from(bytes)
  change(copy)
  return copy
}

/** Numbers that break sums, lengths and signs. */
const EXTREMES = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0x7ffffff8]

/** Footers and metadata stand at the ends of files: half of the flips go there. */
function flipPlace(bytes: Uint8Array, rng: Rng): number {
  const tail = Math.min(bytes.length, 2048)
  return rng.next() < 0.5 ? below(rng, bytes.length) : bytes.length - 1 - below(rng, tail)
}

export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  'one bit': (bytes, rng) => changed(bytes, copy => (copy[flipPlace(bytes, rng)] ^= 1 << below(rng, 8))),
  'a few bits': (bytes, rng) =>
    changed(bytes, copy => {
      for (let i = 0; i < 8; i++) copy[flipPlace(bytes, rng)] ^= 1 << below(rng, 8)
    }),
  'one byte': (bytes, rng) => changed(bytes, copy => (copy[flipPlace(bytes, rng)] = below(rng, 256))),
  'an extreme number': (bytes, rng) =>
    changed(bytes, copy => {
      if (copy.length < 4) return
      const value = EXTREMES[below(rng, EXTREMES.length)]
      new DataView(copy.buffer).setUint32(Math.min(flipPlace(bytes, rng), copy.length - 4), value, true)
    }),
  'zeros over a piece': (bytes, rng) => changed(bytes, copy => copy.fill(0, ...pieceOf(bytes, rng, 64))),
  'ones over a piece': (bytes, rng) => changed(bytes, copy => copy.fill(255, ...pieceOf(bytes, rng, 64))),
  'noise over a piece': (bytes, rng) =>
    changed(bytes, copy => {
      const [start, end] = pieceOf(bytes, rng, 256)
      for (let i = start; i < end; i++) copy[i] = below(rng, 256)
    }),
  'a truncation': (bytes, rng) => bytes.slice(0, below(rng, bytes.length)),
  'a piece left out': (bytes, rng) => {
    const [start, end] = pieceOf(bytes, rng, 64)
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)])
  },
  'a piece twice': (bytes, rng) => {
    const [start, end] = pieceOf(bytes, rng, 512)
    return Buffer.concat([bytes.subarray(0, end), bytes.subarray(start)])
  },
  'noise in between': (bytes, rng) => {
    const at = below(rng, bytes.length)
    const noise = Uint8Array.from({ length: 1 + below(rng, 32) }, () => below(rng, 256))
    return Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)])
  },
  'another tail': (bytes, rng) => {
    const at = below(rng, bytes.length)
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(below(rng, bytes.length))])
  },
}
