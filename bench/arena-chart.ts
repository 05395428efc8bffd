/** The chart of an arena report: memory over the queries. */
import type { ArenaReport, Sample } from './arena.js'
import { machineText } from './machine.js'
import { label, line, polyline, rect, svgDocument } from './svg.js'

const WIDTH = 760
const HEIGHT = 320
const LEFT = 70
const RIGHT = 20
const TOP = 64
const BOTTOM = 60

/** Resident memory and bytes in use, over the number of queries. */
export function arenaChart(report: ArenaReport): string {
  const { samples, queries, data, machine } = report
  const top = Math.max(...samples.map(({ rssBytes }) => rssBytes)) * 1.1
  const x = (count: number): number => LEFT + (count / queries) * (WIDTH - LEFT - RIGHT)
  const y = (bytes: number): number => HEIGHT - BOTTOM - (bytes / top) * (HEIGHT - TOP - BOTTOM)
  const series = (kind: 'ours' | 'theirs', value: (sample: Sample) => number): string =>
    polyline(
      { class: kind, fill: 'none', 'stroke-width': 2 },
      samples.map(sample => [x(sample.queries), y(value(sample))]),
    )
  const title = `arena: memory of one process over ${queries} mixed queries`
  const foot = `${data}; ${machineText(machine)}; node ${report.versions.node}`
  const lines = [0, 0.25, 0.5, 0.75, 1].map(part => part * top)
  return svgDocument({ width: WIDTH, height: HEIGHT }, title, foot, [
    label(title, { class: 'text title', x: 16, y: 24 }),
    ...legend(['resident', 'arena in use']),
    ...lines.flatMap(bytes => [
      line({ class: 'grid', x1: LEFT, x2: WIDTH - RIGHT, y1: y(bytes), y2: y(bytes) }),
      label(`${(bytes / 1e6).toFixed(0)} MB`, { class: 'quiet', x: LEFT - 8, y: y(bytes) + 4, 'text-anchor': 'end' }),
    ]),
    series('ours', ({ rssBytes }) => rssBytes),
    series('theirs', ({ arenaBytes }) => arenaBytes),
    label('0', { class: 'quiet', x: LEFT, y: HEIGHT - BOTTOM + 18, 'text-anchor': 'middle' }),
    label(`${queries} queries`, { class: 'quiet', x: WIDTH - RIGHT, y: HEIGHT - BOTTOM + 18, 'text-anchor': 'end' }),
    label(foot, { class: 'quiet', x: 16, y: HEIGHT - 12 }),
  ])
}

const legend = (names: readonly [string, string]): string[] =>
  names.flatMap((name, i) => [
    rect({ class: i === 0 ? 'ours' : 'theirs', x: 16 + i * 110, y: 36, width: 10, height: 10, 'stroke-width': 0 }),
    label(name, { class: 'text', x: 31 + i * 110, y: 45 }),
  ])
