/** The sketches of approximate aggregates: exact while small, within their error when large, and mergeable. */
import test from 'ava'
import { seededRng } from '../../src/common/clock.js'
import { HyperLogLog } from '../../src/expr/functions/aggregate/hyper-log-log.js'
import { TDigest } from '../../src/expr/functions/aggregate/t-digest.js'

const SEED = Number(process.env.SEED ?? 7)

test('distinct hashes are counted exactly up to a thousand, then within 3 %, whole or merged', t => {
  for (const distinct of [0, 1, 15, 16, 17, 1000, 5000, 200_000]) {
    const rng = seededRng(SEED + distinct)
    const hashes = Array.from({ length: distinct }, () => Math.floor(rng.next() * 2 ** 32))
    const [whole, left, right] = [new HyperLogLog(), new HyperLogLog(), new HyperLogLog()]
    for (const [i, hash] of [...hashes, ...hashes.slice(0, 100)].entries()) {
      whole.add(hash)
      ;(i % 3 === 0 ? left : right).add(hash)
    }
    left.merge(right.toBytes())
    const exact = new Set(hashes).size
    t.is(left.estimate(), whole.estimate(), `SEED=${SEED}: ${distinct} merged`)
    if (exact <= 1000) t.is(whole.estimate(), exact)
    else t.true(Math.abs(whole.estimate() / exact - 1) < 0.03, `SEED=${SEED}: ${whole.estimate()} instead of ${exact}`)
  }
})

test('quantiles are exact for a hundred numbers, then near in rank, whole or merged', t => {
  for (const count of [1, 2, 100, 30_000]) {
    const rng = seededRng(SEED + count)
    const numbers = Array.from({ length: count }, () => rng.next() ** 3 * 1000)
    const [whole, left, right] = [new TDigest(), new TDigest(), new TDigest()]
    numbers.forEach((number, i) => {
      whole.add(number)
      ;(i % 2 === 0 ? left : right).add(number)
    })
    left.merge(right.toBytes())
    const sorted = numbers.toSorted((a, b) => a - b)
    for (const fraction of [0, 0.01, 0.5, 0.9, 0.999, 1]) {
      for (const digest of [whole, left]) {
        const found = digest.quantile(fraction) ?? NaN
        const place = fraction * (count - 1)
        const [low, high] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]]
        if (count <= 100) {
          t.true(Math.abs(found - (low + (high - low) * (place % 1))) < 1e-9, `SEED=${SEED}: ${count} at ${fraction}`)
          continue
        }
        const rank = sorted.filter(number => number < found).length / count
        t.true(Math.abs(rank - fraction) < 0.01, `SEED=${SEED}: rank ${rank} at ${fraction}`)
      }
    }
  }
})

test('a digest orders infinities and NaN as SQL does', t => {
  const digest = new TDigest()
  for (const value of [NaN, 1, -Infinity, Infinity]) digest.add(value)
  t.deepEqual(
    [0, 1 / 3, 2 / 3, 1].map(fraction => digest.quantile(fraction)),
    [-Infinity, 1, Infinity, NaN],
  )
  t.is(new TDigest().quantile(0.5), undefined)
})
