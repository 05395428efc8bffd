/** Whether a series of samples stays where it is. */
import { linearFit } from './statistics.js'

export interface Trend {
  readonly first: number
  readonly last: number
  /** Of all samples. */
  readonly max: number
  readonly min: number
  /** What the line through the last half says was gained from its first to its last sample. */
  readonly change: number
  /** Of the change. */
  readonly standardError: number
}

/** At least two samples, in order. */
export function trendOf(samples: readonly number[]): Trend {
  const half = samples.slice(Math.floor(samples.length / 2))
  const { slope, slopeError } = linearFit(half.map((value, i) => [i, value] as const))
  const steps = half.length - 1
  return {
    first: samples[0],
    last: samples[samples.length - 1],
    max: Math.max(...samples),
    min: Math.min(...samples),
    change: slope * steps,
    standardError: slopeError * steps,
  }
}

/**
 * Flat: the change is within `tolerance`, or no more than chance makes of such samples (two standard errors) beyond it. With the sign
 * of `tolerance` negative, the series must not fall.
 */
export function isFlat({ change, standardError }: Trend, tolerance: number): boolean {
  const grown = tolerance < 0 ? -change : change
  return grown - 2 * standardError <= Math.abs(tolerance)
}
