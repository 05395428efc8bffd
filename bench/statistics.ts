/** Statistics of small samples of times. */
import type { Rng } from '../src/common/clock.js'

export interface Interval {
  readonly low: number
  readonly high: number
}

/** The middle of a sample, and an interval that holds the true median with probability `coverage`. */
export interface MedianEstimate extends Interval {
  readonly median: number
  readonly coverage: number
}

const ascending = (values: readonly number[]): number[] => values.toSorted((left, right) => left - right)

/** Linear between the two nearest ranks, `fraction` in [0, 1]. NaN for an empty sample. */
export function quantile(values: readonly number[], fraction: number): number {
  const sorted = ascending(values)
  const rank = (sorted.length - 1) * fraction
  const below = Math.floor(rank)
  const above = Math.min(below + 1, sorted.length - 1)
  return sorted[below] + (sorted[above] - sorted[below]) * (rank - below)
}

export const median = (values: readonly number[]): number => quantile(values, 0.5)

/** NaN for an empty sample; values are above 0. */
export const geometricMean = (values: readonly number[]): number =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)

/**
 * The median with its narrowest order-statistic interval of at least `confidence`: it assumes nothing of the distribution. A
 * sample too small for that (below 6 values for 95 %) gives its whole range, whose coverage is then lower.
 */
export function medianEstimate(values: readonly number[], confidence = 0.95): MedianEstimate {
  const sorted = ascending(values)
  const count = sorted.length
  // P(fewer than `rank` values lie below the median), a binomial tail.
  let tail = 2 ** -count
  let term = tail
  let rank = 1
  while (rank < count / 2) {
    term *= (count - rank + 1) / rank
    if (1 - 2 * (tail + term) < confidence) break
    tail += term
    rank++
  }
  const coverage = Math.max(0, 1 - 2 * tail)
  return { median: median(sorted), low: sorted[rank - 1], high: sorted[count - rank], coverage }
}

/**
 * A percentile bootstrap: `statistic` is computed `rounds` times on samples drawn with replacement from each of `samples`
 * on its own, and the middle `confidence` of the results is the interval.
 */
export function bootstrapInterval<T>(
  samples: readonly (readonly T[])[],
  statistic: (samples: readonly (readonly T[])[]) => number,
  { rng, rounds = 1_000, confidence = 0.95 }: { rng: Rng; rounds?: number; confidence?: number },
): Interval {
  const draw = (sample: readonly T[]): T[] => sample.map(() => sample[Math.floor(rng.next() * sample.length)])
  const results = Array.from({ length: rounds }, () => statistic(samples.map(draw)))
  const outside = (1 - confidence) / 2
  return { low: quantile(results, outside), high: quantile(results, 1 - outside) }
}

export interface Line {
  readonly slope: number
  readonly intercept: number
  /** Standard error of the slope; 0 for fewer than 3 points. */
  readonly slopeError: number
}

/** Least squares through (x, y); at least two different x. */
export function linearFit(points: readonly (readonly [x: number, y: number])[]): Line {
  const count = points.length
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / count
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / count
  const spread = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0)
  const slope = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / spread
  const intercept = meanY - slope * meanX
  const residual = points.reduce((sum, [x, y]) => sum + (y - intercept - slope * x) ** 2, 0)
  return { slope, intercept, slopeError: count < 3 ? 0 : Math.sqrt(residual / (count - 2) / spread) }
}
