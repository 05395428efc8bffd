/** Snappy against a reference of a few lines, on whole and on damaged streams. */
import test from 'ava'
import { alloc, bytesInUse, release, views } from '../../src/arrow/memory.js'
import type { Rng } from '../../src/common/clock.js'
import { CODEC, CODEC_SLOP, decompress } from '../../src/formats/parquet/codecs.js'
import { below, testRng } from '../arrow/random-columns.js'

const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)])

/** A stream of random literals (of up to one of these lengths) and copies of every form, and what it stands for. */
function randomStream(rng: Rng, literals: readonly number[]): { readonly stream: number[]; readonly text: number[] } {
  const stream: number[] = []
  const text: number[] = []
  const steps = below(rng, 60)
  for (let step = 0; step < steps; step++) {
    if (text.length === 0 || rng.next() < 0.4) pushLiteral(rng, literals, stream, text)
    else pushCopy(rng, stream, text)
  }
  return { stream: [...varint(text.length), ...stream], text }
}

function pushLiteral(rng: Rng, literals: readonly number[], stream: number[], text: number[]): void {
  const length = 1 + below(rng, literals[below(rng, literals.length)])
  const bytes = Array.from({ length }, () => below(rng, 256))
  const extra = length <= 60 ? 0 : length <= 256 ? 1 : length <= 65_536 ? 2 : 3
  stream.push((extra === 0 ? length - 1 : 59 + extra) << 2)
  for (let i = 0; i < extra; i++) stream.push(((length - 1) >>> (8 * i)) & 255)
  for (const byte of bytes) stream.push(byte)
  for (const byte of bytes) text.push(byte)
}

function pushCopy(rng: Rng, stream: number[], text: number[]): void {
  const near = rng.next() < 0.6 ? 20 : text.length
  const distance = 1 + below(rng, Math.min(near, text.length))
  const form = distance >= 65_536 ? 3 : distance >= 2048 ? 2 + below(rng, 2) : 1 + below(rng, 3)
  const length = form === 1 ? 4 + below(rng, 8) : 1 + below(rng, 64)
  if (form === 1) stream.push(((distance >>> 8) << 5) | ((length - 4) << 2) | 1, distance & 255)
  else stream.push(((length - 1) << 2) | form, distance & 255, (distance >>> 8) & 255)
  if (form === 3) stream.push((distance >>> 16) & 255, distance >>> 24)
  for (let i = 0; i < length; i++) text.push(text[text.length - distance])
}

const CANARY = 0xa5
const GUARD_BYTES = 256

/** Decompresses into a block with canaries behind the slop; the output, or undefined if the kernel refused. */
function run(stream: readonly number[], size: number): Uint8Array | undefined {
  const source = alloc(stream.length)
  const target = alloc(size + CODEC_SLOP + GUARD_BYTES)
  const { u8 } = views()
  u8.set(stream, source)
  const guard = u8.subarray(target + size + CODEC_SLOP, target + size + CODEC_SLOP + GUARD_BYTES)
  guard.fill(CANARY)
  const isWhole = decompress(CODEC.snappy, source, stream.length, target, size)
  const isIntact = guard.every(byte => byte === CANARY)
  const output = u8.slice(target, target + size)
  release(source)
  release(target)
  if (!isIntact) throw new Error('bytes behind the output were overwritten')
  return isWhole ? output : undefined
}

test.serial('any valid stream gives the text that it stands for', t => {
  const rng = testRng(message => t.log(message))
  const before = bytesInUse()
  for (let round = 0; round < 60; round++) {
    const { stream, text } = randomStream(rng, [16, 64, 70, 300, 300, 300, 300, 300, 70_000])
    const output = run(stream, text.length)
    t.true(output !== undefined && Buffer.compare(output, Buffer.from(text)) === 0, `round ${round}`)
  }
  t.is(bytesInUse(), before)
})

/** The text of a stream, by the format's description; undefined if it is not valid. */
function reference(stream: readonly number[], size: number): number[] | undefined {
  let at = 0
  let claimed = 0
  for (let scale = 1; ; scale *= 128) {
    if (at >= stream.length || at >= 5) return undefined
    claimed += (stream[at] & 127) * scale
    if (stream[at++] < 128) break
  }
  if (claimed !== size) return undefined
  const text: number[] = []
  while (at < stream.length) {
    const tag = stream[at++]
    const little = (count: number): number => {
      let value = 0
      for (let i = 0; i < count; i++) value += (stream[at + i] ?? NaN) * 256 ** i
      at += count
      return value
    }
    let length = (tag >> 2) + 1
    if ((tag & 3) === 0) {
      if (length > 60) length = little(length - 60) + 1
      if (!(at + length <= stream.length) || text.length + length > size) return undefined
      for (let i = 0; i < length; i++) text.push(stream[at++])
      continue
    }
    if ((tag & 3) === 1) length = ((tag >> 2) & 7) + 4
    const distance = (tag & 3) === 1 ? ((tag >> 5) << 8) + little(1) : little((tag & 3) === 2 ? 2 : 4)
    if (!(distance > 0 && distance <= text.length) || text.length + length > size) return undefined
    for (let i = 0; i < length; i++) text.push(text[text.length - distance])
  }
  return text.length === size ? text : undefined
}

test.serial('a damaged stream gives what the reference gives, and never writes behind the output', t => {
  const rng = testRng(message => t.log(message))
  let refused = 0
  for (let round = 0; round < 1500; round++) {
    const { stream, text } = randomStream(rng, [16, 64, 70, 300])
    for (let change = 0; change <= below(rng, 3); change++) {
      const at = below(rng, Math.max(1, Math.min(stream.length, rng.next() < 0.5 ? 12 : stream.length)))
      if (rng.next() < 0.2) stream.splice(at)
      else stream[at] = below(rng, 256)
    }
    const size = Math.max(0, text.length + (rng.next() < 0.2 ? below(rng, 9) - 4 : 0))
    const expected = reference(stream, size)
    const output = run(stream, size)
    refused += output === undefined ? 1 : 0
    t.is(output === undefined, expected === undefined, `round ${round}: ${stream.slice(0, 40).join(' ')} to ${size}`)
    if (output !== undefined && expected !== undefined) t.is(Buffer.compare(output, Buffer.from(expected)), 0)
  }
  t.true(refused > 300)
})
