/** Packed integers against a plain reference, over all widths and bytes, around the lengths where vectors end. */
import test from 'ava'
import { alloc, bytesInUse, kernels, release, views } from '../../src/arrow/memory.js'
import { below, testRng } from '../arrow/random-columns.js'

interface PackKernels {
  packStepBytes(values: number, width: number, count: number): number
  packDifferences(values: number, width: number, count: number, base: bigint, bytes: number, target: number): void
  packSteps(values: number, width: number, count: number, bytes: number, target: number): void
  packedDifferences(at: number, count: number, bytes: number, base: bigint, width: number, target: number): number
  packedSteps(at: number, count: number, bytes: number, base: bigint, width: number, target: number): number
}

const COUNTS = [0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 100]
const SHAPES = [
  [8, 1],
  [8, 2],
  [8, 3],
  [8, 4],
  [4, 1],
  [4, 2],
  [4, 3],
]
const GUARD = 0xa5

function write(at: number, width: number, values: readonly bigint[]): void {
  const memory = new DataView(views().u8.buffer)
  values.forEach((value, i) =>
    width === 8
      ? memory.setBigInt64(at + i * 8, BigInt.asIntN(64, value), true)
      : memory.setInt32(at + i * 4, Number(BigInt.asIntN(32, value)), true),
  )
}

function read(at: number, width: number, count: number): bigint[] {
  const memory = new DataView(views().u8.buffer)
  return Array.from({ length: count }, (_, i) =>
    width === 8 ? memory.getBigInt64(at + i * 8, true) : BigInt(memory.getInt32(at + i * 4, true)),
  )
}

/** Little-endian numbers of so many bytes. */
const bytesOf = (numbers: readonly bigint[], bytes: number): number[] =>
  numbers.flatMap(number => Array.from({ length: bytes }, (_, i) => Number((number >> BigInt(8 * i)) & 0xffn)))

/** Blocks with values, packed bytes that begin anywhere, and unpacked values; bytes behind the two are guarded. */
function withBlocks(use: (values: number, packed: number, unpacked: number) => void): void {
  const before = bytesInUse()
  const blocks = [alloc(2048), alloc(2048), alloc(2048)]
  for (const block of blocks) views().u8.fill(GUARD, block, block + 2048)
  use(blocks[0], blocks[1] + 8, blocks[2])
  blocks.forEach(release)
  if (bytesInUse() !== before) throw new Error('blocks are left behind')
}

for (const [width, bytes] of SHAPES) {
  test.serial(`differences of ${bytes} of ${width} bytes`, t => {
    const rng = testRng(message => t.log(message))
    const bound = 2 ** (8 * bytes)
    for (const count of COUNTS) {
      for (const base of [0n, -1n, 12_345n, -(1n << BigInt(width * 8 - 1)), (1n << BigInt(width * 8 - 1)) - 5n]) {
        const differences = Array.from({ length: count }, (_, i) => BigInt(i === 1 ? bound - 1 : below(rng, bound)))
        const values = differences.map(difference => BigInt.asIntN(width * 8, base + difference))
        withBlocks((from, packed, unpacked) => {
          write(from, width, values)
          kernels<PackKernels>().packDifferences(from, width, count, base, bytes, packed)
          const { u8 } = views()
          t.deepEqual(Array.from(u8.subarray(packed, packed + count * bytes)), bytesOf(differences, bytes))
          t.is(u8[packed + count * bytes], GUARD)
          const largest = kernels<PackKernels>().packedDifferences(packed, count, bytes, base, width, unpacked) >>> 0
          t.is(largest, Math.max(0, ...differences.map(Number)))
          t.deepEqual(read(unpacked, width, count), values)
          t.is(u8[unpacked + count * width], GUARD)
        })
      }
    }
  })

  if (bytes > 2) continue
  test.serial(`steps of ${bytes} of ${width} bytes`, t => {
    const rng = testRng(message => t.log(message))
    for (const count of COUNTS) {
      for (const base of [0n, -100n, 1n << BigInt(width * 8 - 2), (1n << BigInt(width * 8 - 1)) - 5n]) {
        const steps = Array.from({ length: count }, () => BigInt(below(rng, 2 ** (8 * bytes))))
        let sum = 0n
        const values = [base, ...steps.map(step => BigInt.asIntN(width * 8, base + (sum += step)))]
        withBlocks((from, packed, unpacked) => {
          write(from, width, values)
          kernels<PackKernels>().packSteps(from, width, count, bytes, packed)
          const { u8 } = views()
          t.deepEqual(Array.from(u8.subarray(packed, packed + count * bytes)), bytesOf(steps, bytes))
          t.is(u8[packed + count * bytes], GUARD)
          t.is(kernels<PackKernels>().packedSteps(packed, count, bytes, base, width, unpacked), Number(sum))
          t.deepEqual(read(unpacked, width, count + 1), values)
          t.is(u8[unpacked + (count + 1) * width], GUARD)
        })
      }
    }
  })
}

test.serial('bytes of steps, wherever the largest one is', t => {
  const rng = testRng(message => t.log(message))
  const block = alloc(8 * 2000)
  for (const width of [4, 8]) {
    t.is(kernels<PackKernels>().packStepBytes(block, width, 0), 1)
    for (const [step, expected] of [
      [0, 1],
      [255, 1],
      [256, 2],
      [65_535, 2],
      [65_536, 0],
      [-1, 0],
    ]) {
      for (const count of [1, 2, 3, 6, 511, 512, 513, 1024, 2000]) {
        const place = 1 + below(rng, Math.max(1, count - 1))
        let value = -70_000n
        const values = Array.from({ length: count }, (_, i) => (value += BigInt(i === place ? step : below(rng, 2))))
        write(block, width, values)
        t.is(kernels<PackKernels>().packStepBytes(block, width, count), count === 1 ? 1 : expected, `${step}, ${place}`)
      }
    }
  }
  release(block)
})
