/** The kernels of Parquet pages against references over arrays. */
import test, { type ExecutionContext } from 'ava'
import { alloc, bytesInUse, kernels, release, views } from '../../src/arrow/memory.js'
import type { Rng } from '../../src/common/clock.js'
import { below, testRng } from '../arrow/random-columns.js'

const CANARY = 0xa5
const GUARD_BYTES = 64

/** Blocks that are given back, with canaries behind their bytes that are checked, after each round. */
class Blocks {
  private readonly blocks: { readonly position: number; readonly end: number }[] = []

  alloc(byteLength: number): number {
    const position = alloc(byteLength + GUARD_BYTES)
    this.blocks.push({ position, end: position + byteLength })
    views().u8.fill(CANARY, position, position + byteLength + GUARD_BYTES)
    return position
  }

  write(bytes: ArrayLike<number>): number {
    const position = this.alloc(bytes.length)
    views().u8.set(bytes, position)
    return position
  }

  close(t: ExecutionContext): void {
    for (const { position, end } of this.blocks) {
      t.true(
        views()
          .u8.subarray(end, end + GUARD_BYTES)
          .every(byte => byte === CANARY),
        'written behind the output',
      )
      release(position)
    }
  }
}

function rounds(
  title: string,
  count: number,
  check: (t: ExecutionContext, rng: Rng, blocks: Blocks, round: number) => void,
): void {
  test.serial(title, t => {
    const rng = testRng(message => t.log(message))
    const before = bytesInUse()
    for (let round = 0; round < count; round++) {
      const blocks = new Blocks()
      check(t, rng, blocks, round)
      blocks.close(t)
    }
    t.is(bytesInUse(), before)
  })
}

const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))]

/** Runs and bit-packed groups of random lengths. */
function hybrid(rng: Rng, bits: number): { readonly bytes: number[]; readonly values: number[] } {
  const bytes: number[] = []
  const values: number[] = []
  const some = (): number => Math.floor(rng.next() * 2 ** below(rng, bits + 1))
  for (let runs = below(rng, 8); runs >= 0; runs--) {
    if (rng.next() < 0.5) {
      const length = below(rng, 100)
      const value = some()
      bytes.push(...varint(length * 2))
      for (let i = 0; i < Math.ceil(bits / 8); i++) bytes.push(Math.floor(value / 256 ** i) % 256)
      for (let i = 0; i < length; i++) values.push(value)
      continue
    }
    const groups = below(rng, 12)
    const packed = Array.from({ length: groups * 8 }, some)
    bytes.push(...varint(groups * 2 + 1), ...pack(packed, bits))
    for (const value of packed) values.push(value)
  }
  return { bytes, values }
}

function pack(values: readonly number[], bits: number): number[] {
  const bytes = Array.from({ length: (values.length * bits) / 8 }, () => 0)
  values.forEach((value, i) => {
    for (let bit = 0; bit < bits; bit++) {
      const at = i * bits + bit
      bytes[at >> 3] |= (Math.floor(value / 2 ** bit) & 1) << (at & 7)
    }
  })
  return bytes
}

function open(blocks: Blocks, bytes: readonly number[], bits: number): number {
  const reader = blocks.alloc(128)
  const source = blocks.write(bytes)
  if (kernels().parquetHybridOpen(reader, source, source + bytes.length, bits) === 0) throw new Error('not opened')
  return reader
}

rounds('the hybrid gives its values in pieces of any size, of every width', 33 * 12, (t, rng, blocks, round) => {
  const bits = round % 33
  const { bytes, values } = hybrid(rng, bits)
  const reader = open(blocks, bytes, bits)
  for (let at = 0; at < values.length;) {
    const count = Math.min(values.length - at, below(rng, [3, 9, 200][below(rng, 3)]))
    if (rng.next() < 0.3) {
      t.is(kernels().parquetHybridSkip(reader, count), 1)
      at += count
      continue
    }
    const out = blocks.alloc(count * 4)
    const expected = values.slice(at, at + count)
    const limit = expected.reduce((highest, value) => Math.max(highest, value), 0) + 1
    if (limit < 2 ** 32) t.is(kernels().parquetHybridRead(reader, count, limit, out), 1)
    else kernels().parquetHybridRead(reader, count, 2 ** 32 - 1, out)
    t.deepEqual([...views().u32.subarray(out / 4, out / 4 + count)], expected, `${bits} bits at ${at}`)
    at += count
  }
  if (bits > 0) t.is(kernels().parquetHybridRead(reader, 1000, 1, blocks.alloc(4000)), 0, 'no value behind the last')
})

rounds('a value at or above the limit is refused', 100, (t, rng, blocks) => {
  const bits = 1 + below(rng, 31)
  const { bytes, values } = hybrid(rng, bits)
  const highest = values.reduce((top, value) => Math.max(top, value), 0)
  if (values.length === 0) return
  const out = blocks.alloc(values.length * 4)
  t.is(kernels().parquetHybridRead(open(blocks, bytes, bits), values.length, highest, out), 0)
  t.is(kernels().parquetHybridRead(open(blocks, bytes, bits), values.length, highest + 1, out), 1)
})

rounds('damaged hybrids never write behind what was asked for', 2000, (t, rng, blocks) => {
  const bits = below(rng, 33)
  const { bytes, values } = hybrid(rng, bits)
  for (let change = 0; change < 3 && bytes.length > 0; change++) bytes[below(rng, bytes.length)] = below(rng, 256)
  if (rng.next() < 0.3) bytes.splice(below(rng, bytes.length + 1))
  const reader = open(blocks, bytes, bits)
  const count = below(rng, values.length + 20)
  const bitmap = blocks.alloc(Math.ceil(count / 64) * 8)
  views().u8.fill(0, bitmap, bitmap + Math.ceil(count / 64) * 8)
  if (bits === 1) t.true(kernels().parquetLevels(reader, count, bitmap, 0) <= count)
  else kernels().parquetHybridRead(reader, count, 2 ** 31, blocks.alloc(count * 4))
})

rounds('levels become bits at any place, with their number of ones', 200, (t, rng, blocks) => {
  const { bytes, values } = hybrid(rng, 1)
  const reader = open(blocks, bytes, 1)
  const room = Math.ceil(values.length / 64) * 8
  const bitmap = blocks.alloc(room)
  views().u8.fill(0, bitmap, bitmap + room)
  for (let at = 0; at < values.length;) {
    const count = Math.min(values.length - at, 1 + below(rng, 90))
    const piece = values.slice(at, at + count)
    const isAll = kernels().parquetLevelsAllSet(reader, count) === 1
    if (isAll) {
      t.true(piece.every(value => value === 1))
      kernels().bitmapAppend(0, 0, count, bitmap, at)
    } else t.is(kernels().parquetLevels(reader, count, bitmap, at), piece.filter(value => value === 1).length)
    at += count
  }
  const bits = values.map((_, row) => (views().u8[bitmap + (row >> 3)] >> (row & 7)) & 1)
  t.deepEqual(bits, values)
})

rounds('dictionary values of every width are those of the codes', 60, (t, rng, blocks, round) => {
  const width = [1, 2, 4, 8, 16][round % 5]
  const bits = 1 + below(rng, 9)
  const { bytes, values } = hybrid(rng, bits)
  const length = 2 ** bits
  const dictionary = Array.from({ length: length * width }, () => below(rng, 256))
  const out = blocks.alloc(values.length * width)
  const source = blocks.write(dictionary)
  const read = kernels().parquetDictionary(
    open(blocks, bytes, bits), values.length, source, length, width, blocks.alloc(4096), out,
  ) // oxfmt-ignore
  t.is(read, 1)
  const expected = values.flatMap(code => dictionary.slice(code * width, (code + 1) * width))
  t.is(Buffer.compare(views().u8.slice(out, out + expected.length), Buffer.from(expected)), 0)
})

rounds('values are spread over their rows, NULLs become 0', 100, (t, rng, blocks, round) => {
  const width = [1, 2, 4, 8, 16][round % 5]
  const count = below(rng, 200)
  const start = below(rng, 70)
  const share = rng.next()
  const bits = Array.from({ length: start + count }, () => (rng.next() < share ? 1 : 0))
  const bitmap = blocks.alloc(Math.ceil(bits.length / 64) * 8)
  bits.forEach((bit, i) => {
    const { u8 } = views()
    u8[bitmap + (i >> 3)] = (u8[bitmap + (i >> 3)] & ~(1 << (i & 7))) | (bit << (i & 7))
  })
  const rows = bits.slice(start)
  const valid = rows.filter(bit => bit === 1).length
  const values = blocks.alloc(count * width)
  const dense = Array.from({ length: valid }, () => Array.from({ length: width }, () => below(rng, 256)))
  views().u8.set(dense.flat(), values)
  kernels().parquetSpread(values, width, bitmap, start, count, valid)
  const next = dense.values()
  const expected = rows.flatMap(bit => (bit === 1 ? (next.next().value ?? []) : Array.from({ length: width }, () => 0)))
  t.is(Buffer.compare(views().u8.slice(values, values + count * width), Buffer.from(expected)), 0)
})

rounds('big-endian decimals of every size become 128 bits, or are refused', 300, (t, rng, blocks) => {
  const size = 1 + below(rng, 20)
  const bits = below(rng, Math.min(size * 8, 130))
  const magnitude = BigInt(`0x${rng.id()}${rng.id()}`) & ((1n << BigInt(bits)) - 1n)
  const value = bits < size * 8 && rng.next() < 0.5 ? -magnitude : magnitude
  const wide = BigInt.asUintN(size * 8, value)
  const bytes = Array.from({ length: size }, (_, i) => Number((wide >> BigInt(8 * (size - 1 - i))) & 255n))
  const stored = BigInt.asIntN(size * 8, wide)
  const fits = stored === BigInt.asIntN(128, stored)
  const out = blocks.alloc(16)
  t.is(kernels().parquetDecimals(blocks.write(bytes), size, 1, out), fits ? 1 : 0)
  const position = blocks.write([size, 0, 0, 0, ...bytes])
  t.is(kernels().parquetDecimalTexts(position, position + size + 4, out), fits ? 1 : -1)
  if (fits) t.is((views().i64[out / 8 + 1] << 64n) | views().u64[out / 8], stored)
})

rounds('texts keep their rows, whatever the lengths, and damage is refused', 200, (t, rng, blocks) => {
  const texts = Array.from({ length: below(rng, 60) }, () =>
    rng.next() < 0.2 ? undefined : 'x'.repeat(below(rng, [4, 40, 200][below(rng, 3)])),
  )
  const present = texts.filter(text => text !== undefined)
  const bytes = present.flatMap(text => [text.length, 0, 0, 0, ...Buffer.from(text)])
  const isDamaged = bytes.length > 0 && rng.next() < 0.3
  if (isDamaged) bytes[below(rng, bytes.length)] = 0x7f
  const source = blocks.write(bytes)
  const bitmap = blocks.alloc(64)
  const { u8, u32 } = views()
  texts.forEach((text, i) => {
    if (text === undefined) u8[bitmap + (i >> 3)] &= ~(1 << (i & 7))
    else u8[bitmap + (i >> 3)] |= 1 << (i & 7)
  })
  const offsets = blocks.alloc((texts.length + 1) * 4)
  u32[offsets / 4] = 0
  const used = kernels().parquetTextOffsets(source, source + bytes.length, bitmap, 0, texts.length, offsets)
  t.true(used <= bytes.length)
  if (isDamaged) return
  t.is(used, bytes.length)
  t.is(kernels().parquetTextSkip(source, source + bytes.length, present.length) >>> 0, source + bytes.length)
  t.is(kernels().parquetTextSkip(source, source + bytes.length, present.length + 1), 0)
  const total = u32[offsets / 4 + texts.length]
  const target = blocks.alloc(total + 16)
  kernels().parquetTextBytes(source, bitmap, 0, texts.length, offsets, target)
  t.is(Buffer.from(u8.slice(target, target + total)).toString(), present.join(''))
  texts.forEach((text, i) => t.is(u32[offsets / 4 + i + 1] - u32[offsets / 4 + i], text?.length ?? 0))
})

rounds('INT96 timestamps are nanoseconds since 1970', 100, (t, rng, blocks) => {
  const day = below(rng, 2_700_000)
  const nanos = BigInt(below(rng, 86_400)) * 1_000_000_000n + 7n
  const bytes = Buffer.alloc(12)
  bytes.writeBigInt64LE(nanos)
  bytes.writeUInt32LE(day, 8)
  const out = blocks.alloc(8)
  const value = BigInt(day - 2_440_588) * 86_400_000_000_000n + nanos
  const fits = value === BigInt.asIntN(64, value) && Math.abs(day - 2_440_588) < 106_751
  t.is(kernels().parquetInt96(blocks.write(bytes), 1, out), fits ? 1 : 0)
  if (fits) t.is(views().i64[out / 8], value)
})
