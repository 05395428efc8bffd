/** The statistics of the benchmark, against values that are known. */
import test from 'ava'
import {
  bootstrapInterval,
  geometricMean,
  linearFit,
  median,
  medianEstimate,
  quantile,
} from '../../bench/statistics.js'
import { isFlat, trendOf } from '../../bench/flatness.js'
import { seededRng } from '../../src/common/clock.js'

test('median and quantiles lie between the nearest ranks', t => {
  t.is(median([3, 1, 2]), 2)
  t.is(median([4, 1, 3, 2]), 2.5)
  t.is(quantile([10, 20, 30, 40, 50], 0.25), 20)
  t.is(quantile([1, 2], 0.75), 1.75)
  t.is(median([7]), 7)
  t.true(Number.isNaN(median([])))
})

test('the geometric mean of twice and half is 1', t => {
  t.true(Math.abs(geometricMean([2, 0.5]) - 1) < 1e-12)
  t.true(Math.abs(geometricMean([1, 10, 100]) - 10) < 1e-12)
})

test('the interval of a median has the ranks of the binomial tables', t => {
  const ranks = (count: number): [number, number] => {
    const { low, high } = medianEstimate(Array.from({ length: count }, (_, i) => count - i))
    return [low, high]
  }
  t.deepEqual(ranks(6), [1, 6])
  t.deepEqual(ranks(9), [2, 8])
  t.deepEqual(ranks(15), [4, 12])
  t.deepEqual(ranks(25), [8, 18])
  t.true(Math.abs(medianEstimate([1, 2, 3, 4, 5, 6, 7, 8, 9]).coverage - 0.9609375) < 1e-12)
})

test('a sample too small for 95 % says what its range covers', t => {
  t.deepEqual(medianEstimate([5, 1, 3]), { median: 3, low: 1, high: 5, coverage: 0.75 })
  t.deepEqual(medianEstimate([2]), { median: 2, low: 2, high: 2, coverage: 0 })
})

test('the order-statistic interval holds the true median as often as it says', t => {
  const rng = seededRng(7)
  let held = 0
  for (let round = 0; round < 4_000; round++) {
    // Skewed, with a median of 0.25.
    const { low, high } = medianEstimate(Array.from({ length: 9 }, () => rng.next() ** 2))
    if (low <= 0.25 && high >= 0.25) held++
  }
  t.true(Math.abs(held / 4_000 - 0.961) < 0.015, String(held / 4_000))
})

test('a bootstrap interval surrounds the statistic and is repeatable', t => {
  const sample = Array.from({ length: 50 }, (_, i) => i)
  const mean = ([values]: readonly (readonly number[])[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length
  const interval = bootstrapInterval([sample], mean, { rng: seededRng(1) })
  t.deepEqual(bootstrapInterval([sample], mean, { rng: seededRng(1) }), interval)
  // The standard error is 2.04.
  t.true(interval.low > 19 && interval.low < 22.5, String(interval.low))
  t.true(interval.high > 26.5 && interval.high < 30, String(interval.high))
})

test('a line through points', t => {
  const exact = linearFit([0, 1, 2, 3].map(x => [x, 5 - 2 * x] as const))
  t.deepEqual(exact, { slope: -2, intercept: 5, slopeError: 0 })
  const noisy = linearFit([0, 1, 2, 3, 4, 5].map(x => [x, x % 2] as const))
  t.true(Math.abs(noisy.slope - 3 / 35) < 1e-12)
  t.true(noisy.slopeError > 0.1)
})

test('growth is seen through noise, and noise is no growth', t => {
  const rng = seededRng(3)
  const noisy = (slope: number): number[] => Array.from({ length: 200 }, (_, i) => 1_000 + slope * i + 100 * rng.next())
  t.true(isFlat(trendOf(noisy(0)), 50))
  t.false(isFlat(trendOf(noisy(2)), 50))
  t.true(isFlat(trendOf(noisy(-2)), 50), 'less is no growth')
  t.false(isFlat(trendOf(noisy(-2)), -50), 'unless it must not fall')
  // What is gained at the beginning is warming up.
  t.true(isFlat(trendOf([...Array.from({ length: 50 }, (_, i) => i * 100), ...Array<number>(150).fill(5_000)]), 50))
  const { first, last, min, max, change } = trendOf([5, 1, 2, 3, 4])
  t.deepEqual([first, last, min, max, Math.round(change)], [5, 4, 1, 5, 2])
})
