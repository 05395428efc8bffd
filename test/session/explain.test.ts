/** EXPLAIN as a program sees it, here and on a cluster: plans, the rules that made them, counters and boxes. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import { SessionContext } from '../../src/index.js'

const SETTINGS = {
  'ballista.optimizer.repartition_file_min_size': '1',
  'ballista.execution.target_partitions': '2',
}

const MODES: readonly (readonly [name: string, make: () => Promise<SessionContext>])[] = [
  ['in this process', async () => new SessionContext({ settings: SETTINGS })],
  ['standalone', () => SessionContext.standalone({ executors: 2, settings: SETTINGS })],
]

/** `plan_type` and `plan` of every row; times become `T`. */
async function explained(ctx: SessionContext, sql: string): Promise<(readonly [string, string])[]> {
  const rows = await (await ctx.sql(sql)).rows()
  const timeless = (value: unknown): string => String(value).replace(/\d+\.\d+ m?s\b/g, 'T')
  return rows.map(row => [timeless(row.plan_type), timeless(row.plan)])
}

const withBytes = (text: string): string => text.replace(/output_bytes=[^,]*/g, 'output_bytes=B')

for (const [mode, make] of MODES) {
  test.serial(`${mode}: ANALYZE runs the query and sums the counters of all tasks of all stages`, async t => {
    const ctx = await make()
    await ctx.registerCsv('example', 'test/data/example.csv')
    const [[type, plan], duration, ...rest] = await explained(
      ctx,
      // Every row is a group, whichever task reads it.
      'EXPLAIN ANALYZE SELECT a, b, count(*) FROM example WHERE b > 2 GROUP BY a, b',
    )
    t.is(type, 'Plan with Metrics')
    const lines = withBytes(plan)
      .split('\n')
      .map(line =>
        line
          .replace(/output_batches=\d+/, 'output_batches=N')
          .replace(/compute_skew=[\d.]+/, 'compute_skew=S')
          // Which task reads which part of the file is open.
          .replace(/(stage=0.*rows_skew)=[\d.]+/, '$1=S'),
      )
    const counters = (rows: number, skew = ''): string =>
      `metrics=[output_rows=${rows}, output_batches=N, output_bytes=B, elapsed_compute=T, blocked_time=T${skew}]`
    t.deepEqual(lines, [
      `ExchangeSourceExec: edge=1, partitions=1, ${counters(5)}`,
      `  ExchangeSinkExec: stage=1, tasks=2, edge=1, partitioning=single, ${counters(5, ', rows_skew=1.60, compute_skew=S')}`,
      `    AggregateExec: mode=Final, gby=[a@0 as a, b@1 as b], aggr=[count(*)], ${counters(5)}`,
      `      ExchangeSourceExec: edge=0, partitions=2, ${counters(5)}`,
      `        ExchangeSinkExec: stage=0, tasks=2, edge=0, partitioning=hash(a@0, b@1) into 2, ${counters(5, ', rows_skew=S, compute_skew=S')}`,
      `          AggregateExec: mode=Partial, gby=[a@0 as a, b@1 as b], aggr=[count(*)], ${counters(5)}`,
      `            CoalesceExec: ${counters(5)}`,
      `              FilterExec: b@1 > 2, ${counters(5)}`,
      `                DataSourceExec: file_type=csv, files=1, partitions=2, projection=[a, b], pruning=b@1 > 2, ${counters(7)}`,
    ])
    t.deepEqual([duration, rest], [['Duration', 'T'], []])
    await ctx.close()
    t.is(bytesInUse(), 0)
  })
}

const STAGES = `Stage 0: tasks=2
  ExchangeSinkExec: edge=0, partitioning=hash(a@0) into 2WHERE
    AggregateExec: mode=Partial, gby=[a@0 as a], aggr=[]
      DataSourceExec: file_type=csv, files=1, partitions=2, projection=[a]
Stage 1: tasks=2AFTER0
  ExchangeSinkExec: edge=1, partitioning=singleWHERE
    AggregateExec: mode=Final, gby=[a@0 as a], aggr=[]
      ExchangeSourceExec: edge=0, partitions=2
Stage 2: tasks=1AFTER0, 1
  ExchangeSinkExec: edge=2, partitioning=single
    ExchangeSourceExec: edge=1, partitions=1`

test.serial('the stages of a plan: their tasks, edges, and what they wait for', async t => {
  for (const materialize of ['auto', 'always']) {
    const ctx = new SessionContext({ settings: { ...SETTINGS, 'ballista.exchange.materialize': materialize } })
    await ctx.registerCsv('example', 'test/data/example.csv')
    const plans = new Map(await explained(ctx, 'EXPLAIN SELECT DISTINCT a FROM example'))
    const isStored = materialize === 'always'
    const stages = STAGES.replaceAll('WHERE', isStored ? ', materialized' : '')
      .replace('AFTER0, 1', isStored ? ', after stages 1' : '')
      .replace('AFTER0', isStored ? ', after stages 0' : '')
    t.is(plans.get('distributed_plan'), stages)
    const alone = new Map(await explained(ctx, 'EXPLAIN SELECT 1'))
    t.false(alone.has('distributed_plan'))
    await ctx.close()
  }
})

test.serial('VERBOSE shows the plan after every rule that fired, and each task', async t => {
  const ctx = new SessionContext({ settings: SETTINGS })
  await ctx.registerCsv('example', 'test/data/example.csv')
  const verbose = await explained(ctx, 'EXPLAIN VERBOSE SELECT a FROM example WHERE b > 1 + 1')
  t.deepEqual(verbose.slice(0, 5), [
    [
      'initial_logical_plan',
      'Projection: example.a\n  Filter: example.b > 1 + 1\n    TableScan: example projection=[a, b, c]',
    ],
    [
      'logical_plan after simplify_expressions (pass 1, T)',
      'Projection: example.a\n  Filter: example.b > 2\n    TableScan: example projection=[a, b, c]',
    ],
    [
      'logical_plan after push_down_filter (pass 1, T)',
      'Projection: example.a\n  TableScan: example projection=[a, b, c], full_filters=[example.b > 2]',
    ],
    [
      'logical_plan after optimize_projections (pass 1, T)',
      'TableScan: example projection=[a], full_filters=[example.b > 2]',
    ],
    ['logical_plan', 'TableScan: example projection=[a], full_filters=[example.b > 2]'],
  ])
  t.deepEqual(
    verbose.slice(5).map(([type]) => type),
    ['initial_physical_plan', 'physical_rules', 'physical_plan', 'distributed_plan'],
  )
  const analyzed = await explained(ctx, 'EXPLAIN ANALYZE VERBOSE SELECT count(*) FROM example')
  t.is(analyzed.find(([type]) => type === 'Tasks')?.[1].split('\n').length, 3)
  await ctx.close()
})

test.serial('an analyzed COPY writes its file, and FORMAT tree draws boxes', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'ballista-explain-'))
  const ctx = new SessionContext()
  const path = join(directory, 'one.csv')
  const [[, plan]] = await explained(ctx, `EXPLAIN (ANALYZE, FORMAT tree) COPY (SELECT 1 AS n) TO '${path}'`)
  t.is(readFileSync(path, 'utf8'), 'n\n1\n')
  t.regex(plan, /^┌─+┐\n│ +WriteExec +│\n[^]*│ +output_rows=1 +│/)
  await ctx.close()
  rmSync(directory, { recursive: true })
})
