/** The three charts of a report: milliseconds per workload, ratios with their intervals, and the totals. */
import { machineText } from './machine.js'
import type { Report, WorkloadReport } from './report.js'
import { circle, label, line, rect, svgDocument } from './svg.js'

const WIDTH = 760
const LEFT = 140
const RIGHT = 70
const TOP = 64
const ROW = 26
const PLOT = WIDTH - LEFT - RIGHT

type Compared = WorkloadReport & Required<Pick<WorkloadReport, 'ours' | 'theirs' | 'ratio' | 'cpuRatio'>>

const comparedOf = ({ workloads }: Report): Compared[] =>
  workloads.filter((workload): workload is Compared => workload.ratio !== undefined)

/** By name of the file's ending. Empty if nothing was compared. */
export function charts(report: Report): ReadonlyMap<string, string> {
  const compared = comparedOf(report)
  if (compared.length === 0) return new Map()
  return new Map([
    ['per-query', perQuery(report, compared)],
    ['relative', relative(report, compared)],
    ...(report.overall === undefined ? [] : [['overall', overall(report, report.overall)] as const]),
  ])
}

function perQuery(report: Report, compared: readonly Compared[]): string {
  const longest = Math.max(...compared.flatMap(({ ours, theirs }) => [ours.medianMs, theirs.medianMs]))
  const scale = linearScale(longest)
  const rows = compared.flatMap(({ name, ours, theirs }, i) => {
    const y = TOP + i * ROW
    return [
      rowLabel(name, y),
      ...bar('ours', y + 3, scale.at(ours.medianMs), ours.medianMs.toFixed(0)),
      ...bar('theirs', y + 13, scale.at(theirs.medianMs), theirs.medianMs.toFixed(0)),
    ]
  })
  const body = [...grid(scale.ticks, compared.length, tick => scale.at(tick)), ...legend(report.versus), ...rows]
  return drawing(report, 'milliseconds, median', compared.length, body)
}

/** A point is the median ratio of times, the line through it its interval, a ring that of CPU times; the scale is logarithmic, so that twice and half are as far from 1. */
function relative(report: Report, compared: readonly Compared[]): string {
  const values = compared.flatMap(({ ratio, cpuRatio }) => [ratio.low, ratio.high, cpuRatio])
  const ticks = logTicks(Math.min(...values, 0.5), Math.max(...values, 2))
  const [first, last] = [Math.log(ticks[0]), Math.log(ticks[ticks.length - 1])]
  const at = (ratio: number): number => LEFT + ((Math.log(ratio) - first) / (last - first)) * PLOT
  const rows = compared.flatMap(({ name, ratio, cpuRatio }, i) => {
    const y = TOP + i * ROW + ROW / 2
    return [
      rowLabel(name, y - ROW / 2),
      line({ class: 'ours', x1: at(ratio.low), x2: at(ratio.high), y1: y, y2: y, 'stroke-width': 2 }),
      circle({ class: 'ours', cx: at(ratio.median), cy: y, r: 4 }),
      circle({ class: 'theirs', cx: at(cpuRatio), cy: y, r: 4, style: 'fill:none', 'stroke-width': 2 }),
      label(ratio.median.toFixed(2), { class: 'text', x: WIDTH - RIGHT + 12, y: y + 4 }),
    ]
  })
  const even = line({
    class: 'even',
    x1: at(1),
    x2: at(1),
    y1: TOP,
    y2: TOP + compared.length * ROW,
    'stroke-width': 1.5,
  })
  return drawing(report, `ballista / ${report.versus}, below 1 is faster`, compared.length, [
    ...grid(ticks, compared.length, at),
    circle({ class: 'ours', cx: WIDTH - 196, cy: 38, r: 4 }),
    label('time', { class: 'text', x: WIDTH - 186, y: 42 }),
    circle({ class: 'theirs', cx: WIDTH - 116, cy: 38, r: 4, style: 'fill:none', 'stroke-width': 2 }),
    label('CPU time', { class: 'text', x: WIDTH - 106, y: 42 }),
    even,
    ...rows,
  ])
}

function overall(report: Report, { ours, theirs }: NonNullable<Report['overall']>): string {
  const groups = [
    ['total, s', ours.ms / 1000, theirs.ms / 1000],
    ['CPU time, s', ours.cpuMs / 1000, theirs.cpuMs / 1000],
    ['cold total, s', ours.coldMs / 1000, theirs.coldMs / 1000],
    ['peak memory, GB', ours.peakBytes / 1e9, theirs.peakBytes / 1e9],
  ] as const
  const rows = groups.flatMap(([name, mine, other], i) => {
    const y = TOP + i * ROW
    const at = (value: number): number => LEFT + (value / Math.max(mine, other)) * PLOT
    return [
      rowLabel(name, y),
      ...bar('ours', y + 3, at(mine), mine.toFixed(2)),
      ...bar('theirs', y + 13, at(other), other.toFixed(2)),
    ]
  })
  return drawing(report, 'all together', groups.length, [...legend(report.versus), ...rows])
}

function drawing(report: Report, what: string, rows: number, body: readonly string[]): string {
  const { machine, versions, mode, data, threads, pairs } = report
  const title = `${mode}: ${what}`
  const setting = `${data}, ${threads} thread${threads === 1 ? '' : 's'}, ${pairs} pairs`
  const engines = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  const foot = `${machineText(machine)}; ${engines.join(', ')}`
  const height = TOP + rows * ROW + 48
  return svgDocument({ width: WIDTH, height }, title, `${setting}. ${foot}`, [
    label(title, { class: 'text title', x: 16, y: 24 }),
    label(setting, { class: 'quiet', x: 16, y: 43 }),
    ...body,
    label(foot, { class: 'quiet', x: 16, y: height - 12 }),
  ])
}

const rowLabel = (name: string, y: number): string =>
  label(name, { class: 'text', x: LEFT - 10, y: y + ROW / 2 + 4, 'text-anchor': 'end' })

const bar = (side: 'ours' | 'theirs', y: number, end: number, text: string): string[] => [
  rect({ class: side, x: LEFT, y, width: Math.max(1, end - LEFT), height: 9, 'stroke-width': 0 }),
  label(text, { class: 'quiet', x: end + 5, y: y + 8, 'font-size': 10 }),
]

const legend = (versus: string): string[] =>
  (['ours', 'theirs'] as const).flatMap((side, i) => [
    rect({ class: side, x: WIDTH - 190 + i * 90, y: 32, width: 10, height: 10, 'stroke-width': 0 }),
    label(side === 'ours' ? 'ballista' : versus, { class: 'text', x: WIDTH - 175 + i * 90, y: 42 }),
  ])

const grid = (ticks: readonly number[], rows: number, at: (tick: number) => number): string[] =>
  ticks.flatMap(tick => [
    line({ class: 'grid', x1: at(tick), x2: at(tick), y1: TOP, y2: TOP + rows * ROW }),
    label(String(tick), { class: 'quiet', x: at(tick), y: TOP + rows * ROW + 16, 'text-anchor': 'middle' }),
  ])

/** From 0 in about five steps of 1, 2 or 5 times a power of ten. */
function linearScale(longest: number): { ticks: number[]; at(value: number): number } {
  const power = 10 ** Math.floor(Math.log10(longest / 5))
  const step = [1, 2, 5, 10].map(factor => factor * power).find(candidate => longest / candidate <= 6) ?? power * 10
  const ticks = Array.from({ length: Math.floor(longest / step) + 1 }, (_, i) => Number((i * step).toPrecision(6)))
  return { ticks, at: value => LEFT + (value / longest) * PLOT }
}

/** 1, 2, 5 in every decade, from the last one at or below `low` to the first at or above `high`. */
function logTicks(low: number, high: number): number[] {
  const all = Array.from({ length: 21 }, (_, i) => i - 10).flatMap(decade =>
    [1, 2, 5].map(factor => Number((factor * 10 ** decade).toPrecision(3))),
  )
  const from = all.findLastIndex(tick => tick <= low)
  const to = all.findIndex(tick => tick >= high)
  return all.slice(Math.max(0, from), to < 0 ? all.length : to + 1)
}
