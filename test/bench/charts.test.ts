/** The charts of a report: well-formed, with every workload in them, and no text that could break out of its element. */
import test from 'ava'
import { charts } from '../../bench/charts.js'
import type { Run } from '../../bench/engine.js'
import type { Measured } from '../../bench/pairs.js'
import { reportOf, type Report } from '../../bench/report.js'

const run = (ms: number): Run => ({ ms, userMs: ms, systemMs: ms / 10, rowCount: 1 })
const measured = (...ms: number[]): Measured => ({ cold: run(2 * ms[0]), runs: ms.map(run), peakBytes: 1e8 })

const info: Omit<Report, 'workloads' | 'overall'> = {
  mode: 'tpch',
  versus: 'DuckDB',
  data: 'TPC-H scale 1',
  threads: 1,
  pairs: 3,
  settings: {},
  machine: { cpu: 'A <fast> & "quiet" one', cores: 2, memoryGiB: 8, platform: 'linux x64', load: 0 },
  versions: { node: '20.20.0' },
}

test('the report divides run by run, and adds the medians', t => {
  const { workloads, overall } = reportOf(info, [
    { name: 'a', ours: measured(10, 40, 20), theirs: measured(10, 20, 40) },
    { name: 'b', ours: measured(30, 30, 30), theirs: measured(10, 10, 10) },
  ])
  t.deepEqual(workloads[0].ratio, { median: 1, low: 0.5, high: 2, coverage: 0.75 })
  t.is(workloads[1].ratio?.median, 3)
  t.is(overall?.ours.ms, 50)
  t.is(overall?.theirs.ms, 30)
  t.is(overall?.totalRatio.value, 50 / 30)
  t.true(Math.abs((overall?.geometricMean.value ?? 0) - Math.sqrt(3)) < 1e-12)
  t.deepEqual(overall?.worst, { name: 'b', ratio: 3 })
})

test('three charts, each a closed document that names its workloads', t => {
  const report = reportOf(info, [
    { name: 'q01', ours: measured(10, 40, 20), theirs: measured(10, 20, 40) },
    { name: '<q02> & "more"', ours: measured(300), theirs: measured(1) },
  ])
  const drawn = charts(report)
  t.deepEqual([...drawn.keys()], ['per-query', 'relative', 'overall'])
  for (const [kind, svg] of drawn) {
    t.deepEqual(unbalanced(svg), [], kind)
    t.true(svg.startsWith('<svg xmlns="http://www.w3.org/2000/svg" '), kind)
    t.false(/NaN|Infinity|undefined/.test(svg), kind)
    t.true(svg.includes('prefers-color-scheme: dark'), kind)
    t.true(svg.includes('A &lt;fast&gt; &amp; &quot;quiet&quot; one'), kind)
  }
  t.true(drawn.get('per-query')?.includes('>&lt;q02&gt; &amp; &quot;more&quot;</text>'))
  t.true(drawn.get('relative')?.includes('>300.00</text>'))
})

test('what was not compared has no chart', t => {
  t.is(charts(reportOf(info, [{ name: 'q01', ours: measured(10) }])).size, 0)
  const half = reportOf(info, [
    { name: 'q01', ours: measured(10), theirs: measured(10) },
    { name: 'q02', problem: 'no' },
  ])
  t.deepEqual([...charts(half).keys()], ['per-query', 'relative'])
})

/** Elements that are not closed in the order in which they were opened. */
function unbalanced(svg: string): string[] {
  const open: string[] = []
  for (const [, closing, name, empty] of svg.matchAll(/<(\/?)([a-z]+)(?:\s[^<>]*?)?(\/?)>/g)) {
    if (closing === '/') {
      if (open.pop() !== name) return [name]
    } else if (empty === '') open.push(name)
  }
  return open
}
