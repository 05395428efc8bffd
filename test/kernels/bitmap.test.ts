/** The bitmap kernels against arrays of booleans. */
import test from 'ava'
import { alloc, bytesInUse, kernels, release, views } from '../../src/arrow/memory.js'
import type { Rng } from '../../src/common/clock.js'
import { below, testRng } from '../arrow/random-columns.js'

const LENGTHS = [0, 1, 7, 8, 63, 64, 65, 127, 128, 129, 1000]

interface Bitmap {
  readonly position: number
  readonly bits: readonly boolean[]
}

/** Random bits of one of three densities, with noise behind the last one. */
function randomBitmap(rng: Rng, length: number): Bitmap {
  const share = [0.5, 0.98, 0][below(rng, 3)]
  const bits = Array.from({ length }, () => rng.next() < share)
  const position = alloc(length / 8 + 16)
  const { u8 } = views()
  u8.fill(below(rng, 256), position, position + length / 8 + 16)
  bits.forEach((bit, i) => {
    const mask = 1 << (i & 7)
    u8[position + (i >>> 3)] = (u8[position + (i >>> 3)] & ~mask) | (bit ? mask : 0)
  })
  return { position, bits }
}

const readBits = (position: number, start: number, length: number): boolean[] =>
  Array.from({ length }, (_, i) => ((views().u8[position + ((start + i) >>> 3)] >>> ((start + i) & 7)) & 1) === 1)

function forLengths(title: string, check: (t: import('ava').ExecutionContext, rng: Rng, bitmap: Bitmap) => void): void {
  test.serial(title, t => {
    const rng = testRng(message => t.log(message))
    const before = bytesInUse()
    for (const length of [...LENGTHS, ...LENGTHS, ...LENGTHS]) {
      const bitmap = randomBitmap(rng, length)
      check(t, rng, bitmap)
      release(bitmap.position)
    }
    t.is(bytesInUse(), before)
  })
}

forLengths('count gives the number of ones', (t, _, { position, bits }) => {
  t.is(kernels().bitmapCount(position, bits.length), bits.filter(Boolean).length)
})

forLengths('indices gives the rows of the ones', (t, _, { position, bits }) => {
  const target = alloc(bits.length * 4)
  const count = kernels().bitmapIndices(position, bits.length, target)
  const rows = bits.flatMap((bit, row) => (bit ? [row] : []))
  t.deepEqual([...views().i32.subarray(target / 4, target / 4 + count)], rows)
  release(target)
})

forLengths('append copies bits from any bit to any bit and touches no other', (t, rng, { position, bits }) => {
  const start = below(rng, bits.length + 1)
  const length = below(rng, bits.length - start + 1)
  const index = below(rng, 200)
  const size = 64 * Math.ceil((index + length) / 64 + 1)
  for (const source of [position, 0]) {
    const target = alloc(size / 8)
    views().u8.fill(0, target, target + size / 8)
    kernels().bitmapAppend(source, start, length, target, index)
    const copied = source === 0 ? Array.from({ length }, () => true) : bits.slice(start, start + length)
    const rest = Array.from({ length: size - index - length }, () => false)
    t.deepEqual(readBits(target, 0, size), [...Array.from({ length: index }, () => false), ...copied, ...rest])
    release(target)
  }
})

forLengths('and combines two bitmaps, either of which may stand for all ones', (t, rng, left) => {
  const length = left.bits.length
  const right = randomBitmap(rng, length)
  const target = alloc(length / 8 + 8)
  const cases: [left: number, right: number, expected: boolean[]][] = [
    [left.position, right.position, left.bits.map((bit, i) => bit && right.bits[i])],
    [left.position, 0, [...left.bits]],
    [0, right.position, [...right.bits]],
    [0, 0, Array.from({ length }, () => true)],
  ]
  for (const [first, second, expected] of cases) {
    kernels().bitmapAnd(first, second, length, target)
    const size = 64 * Math.ceil(length / 64)
    t.deepEqual(readBits(target, 0, size), [...expected, ...Array.from({ length: size - length }, () => false)])
  }
  ;[target, right.position].forEach(release)
})
