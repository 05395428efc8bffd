/** A report as lines of a table on a terminal. */
import type { Report, Side, WorkloadReport } from './report.js'

const COLUMNS = [
  ['', 20],
  ['ms', 9],
  ['cpu ms', 9],
  ['cold', 9],
  ['peak MB', 8],
  ['theirs ms', 10],
  ['cpu ms', 9],
  ['cold', 9],
  ['peak MB', 8],
  ['ratio', 7],
  ['interval', 14],
  ['cpu', 6],
] as const

const line = (cells: readonly string[]): string =>
  cells
    .map((cell, i) => (i === 0 ? cell.padEnd(COLUMNS[i][1]) : cell.padStart(COLUMNS[i][1])))
    .join(' ')
    .trimEnd()

const tenths = (value: number): string => value.toFixed(1)
const hundredths = (value: number): string => value.toFixed(2)
const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0)

export const headerLine = (): string => line(COLUMNS.map(([name]) => name))

export function workloadLine({ name, ours, theirs, ratio, cpuRatio, problem }: WorkloadReport): string {
  const cells = [name, ...sideCells(ours), ...sideCells(theirs)]
  if (ratio !== undefined) cells.push(hundredths(ratio.median), `${hundredths(ratio.low)}-${hundredths(ratio.high)}`)
  if (cpuRatio !== undefined) cells.push(hundredths(cpuRatio))
  return problem === undefined ? line(cells) : `${line(cells)}\n  ${problem}`
}

const sideCells = (side: Side | undefined): string[] =>
  side === undefined
    ? ['-', '-', '-', '-']
    : [
        tenths(side.medianMs),
        tenths(side.userMs + side.systemMs),
        tenths(side.coldMs),
        side.peakBytes === undefined ? '-' : megabytes(side.peakBytes),
      ]

/** What all workloads together say; empty if they were not compared or one failed. */
export function overallLines({ overall }: Report): string {
  if (overall === undefined) return ''
  const { ours, theirs, totalRatio, geometricMean, cpuTotalRatio, cpuGeometricMean, worst } = overall
  const interval = ({ value, low, high }: typeof totalRatio): string =>
    `${hundredths(value)} (95 % ${hundredths(low)}-${hundredths(high)})`
  return [
    `total: ${tenths(ours.ms)} ms and ${tenths(theirs.ms)} ms, ratio ${interval(totalRatio)}`,
    `geometric mean of the ratios: ${interval(geometricMean)}; worst: ${worst.name} ${hundredths(worst.ratio)}`,
    `cpu: ${tenths(ours.cpuMs)} ms and ${tenths(theirs.cpuMs)} ms, ratio ${hundredths(cpuTotalRatio)}, geometric mean ${hundredths(cpuGeometricMean)}`,
    `cold: ${tenths(ours.coldMs)} ms and ${tenths(theirs.coldMs)} ms`,
    '',
  ].join('\n')
}
