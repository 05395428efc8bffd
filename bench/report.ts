/** Measurements as a report: medians, ratios with intervals, totals. The JSON file, and lines for a terminal. */
import { seededRng } from '../src/common/clock.js'
import type { Run } from './engine.js'
import type { Machine } from './machine.js'
import type { Measured, Measurement } from './pairs.js'
import { bootstrapInterval, geometricMean, median, medianEstimate, type Interval } from './statistics.js'

/** Medians over the runs of one engine. */
export interface Side {
  readonly medianMs: number
  readonly userMs: number
  readonly systemMs: number
  readonly coldMs: number
  readonly peakBytes?: number
  /** Sent from process to process, where there are several. */
  readonly exchangedBytes?: number
  readonly cold: Run
  readonly runs: readonly Run[]
}

export interface WorkloadReport {
  readonly name: string
  readonly ours?: Side
  readonly theirs?: Side
  /** Ours divided by theirs, of the runs of a pair; `coverage` is the probability with which the interval holds the true median. */
  readonly ratio?: Interval & { readonly median: number; readonly coverage: number }
  /** The same of user + system CPU time. */
  readonly cpuRatio?: number
  readonly problem?: string
}

/** Estimates over all workloads, with 95 % bootstrap intervals (pairs drawn with replacement, seeded). */
export interface Overall {
  readonly ours: { readonly ms: number; readonly cpuMs: number; readonly coldMs: number; readonly peakBytes: number }
  readonly theirs: Overall['ours']
  /** Sum of our medians divided by that of theirs. */
  readonly totalRatio: Interval & { readonly value: number }
  readonly geometricMean: Interval & { readonly value: number }
  /** Of the CPU times: what other work on the machine disturbs least. */
  readonly cpuTotalRatio: number
  readonly cpuGeometricMean: number
  readonly worst: { readonly name: string; readonly ratio: number }
}

export interface Report {
  readonly mode: string
  /** What is measured beside ours, as it is called. */
  readonly versus: string
  readonly data: string
  readonly threads: number
  readonly pairs: number
  readonly settings: Readonly<Record<string, string>>
  readonly machine: Machine
  readonly versions: Readonly<Record<string, string>>
  readonly workloads: readonly WorkloadReport[]
  /** Absent without another engine, or if a workload failed. */
  readonly overall?: Overall
}

const SEED = 22
const cpuMs = (run: Run): number => run.userMs + run.systemMs
const medianOf = (runs: readonly Run[], value: (run: Run) => number): number => median(runs.map(value))

/** `info` is what does not come from the measurements. */
export function reportOf(info: Omit<Report, 'workloads' | 'overall'>, measurements: readonly Measurement[]): Report {
  const compared = measurements.filter(isCompared)
  const complete = measurements.length > 0 && compared.length === measurements.length
  return { ...info, workloads: measurements.map(workloadReport), ...(complete ? { overall: overallOf(compared) } : {}) }
}

type Compared = Measurement & { readonly ours: Measured; readonly theirs: Measured }
const isCompared = (measurement: Measurement): measurement is Compared =>
  measurement.ours !== undefined && measurement.theirs !== undefined

export function workloadReport({ name, ours, theirs, problem }: Measurement): WorkloadReport {
  return {
    name,
    ...(ours === undefined ? {} : { ours: sideOf(ours) }),
    ...(theirs === undefined ? {} : { theirs: sideOf(theirs) }),
    ...(ours === undefined || theirs === undefined
      ? {}
      : {
          ratio: medianEstimate(ours.runs.map((run, pair) => run.ms / theirs.runs[pair].ms)),
          cpuRatio: medianOf(ours.runs, cpuMs) / medianOf(theirs.runs, cpuMs),
        }),
    ...(problem === undefined ? {} : { problem }),
  }
}

const sideOf = ({ cold, runs, peakBytes }: Measured): Side => ({
  medianMs: medianOf(runs, run => run.ms),
  userMs: medianOf(runs, run => run.userMs),
  systemMs: medianOf(runs, run => run.systemMs),
  coldMs: cold.ms,
  ...(peakBytes === undefined ? {} : { peakBytes }),
  ...(runs.every(({ exchangedBytes }) => exchangedBytes === undefined)
    ? {}
    : { exchangedBytes: medianOf(runs, run => run.exchangedBytes ?? 0) }),
  cold,
  runs,
})

/** Of each workload, the milliseconds of ours and theirs. */
type Pairs = readonly (readonly (readonly [ours: number, theirs: number])[])[]

function overallOf(measurements: readonly Compared[]): Overall {
  const pairs: Pairs = measurements.map(({ ours, theirs }) =>
    ours.runs.map((run, i) => [run.ms, theirs.runs[i].ms] as const),
  )
  const sum = (samples: Pairs, side: 0 | 1): number =>
    samples.reduce((total, sample) => total + median(sample.map(pair => pair[side])), 0)
  const ratioOf = (sample: Pairs[number]): number => median(sample.map(([ours, theirs]) => ours / theirs))
  const estimate = (statistic: (samples: Pairs) => number): Interval & { value: number } => ({
    value: statistic(pairs),
    ...bootstrapInterval(pairs, statistic, { rng: seededRng(SEED) }),
  })
  const [ours, theirs] = [totals(measurements.map(side => side.ours)), totals(measurements.map(side => side.theirs))]
  const ratios = measurements.map(({ name }, i) => ({ name, ratio: ratioOf(pairs[i]) }))
  return {
    ours,
    theirs,
    totalRatio: estimate(samples => sum(samples, 0) / sum(samples, 1)),
    geometricMean: estimate(samples => geometricMean(samples.map(ratioOf))),
    cpuTotalRatio: ours.cpuMs / theirs.cpuMs,
    cpuGeometricMean: geometricMean(
      measurements.map(({ ours: mine, theirs: other }) => medianOf(mine.runs, cpuMs) / medianOf(other.runs, cpuMs)),
    ),
    worst: ratios.reduce((worst, next) => (next.ratio > worst.ratio ? next : worst)),
  }
}

const totals = (sides: readonly Measured[]): Overall['ours'] => {
  const sum = (value: (side: Measured) => number): number => sides.reduce((total, side) => total + value(side), 0)
  return {
    ms: sum(({ runs }) => medianOf(runs, run => run.ms)),
    cpuMs: sum(({ runs }) => medianOf(runs, cpuMs)),
    coldMs: sum(({ cold }) => cold.ms),
    peakBytes: Math.max(...sides.map(({ peakBytes = 0 }) => peakBytes)),
  }
}

export const reportJson = (report: Report): string => `${JSON.stringify(report, rounded, 2)}\n`

/** A ten-thousandth is far below the noise. */
const rounded = (_key: string, value: unknown): unknown =>
  typeof value === 'number' ? Math.round(value * 10_000) / 10_000 : value
