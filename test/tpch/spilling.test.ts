/**
 * All 22 queries, and sorts of whole tables, in little memory: the right answers, and who has spilled. The numbers of partitions take the
 * queries by turns. Full: all queries with each, 32 MB at scale 1.
 */
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { columnValues } from '../../src/arrow/column.js'
import { bytesInUse } from '../../src/arrow/memory.js'
import { SessionContext } from '../../src/index.js'
import { ioStats } from '../../src/runtime/io-counters.js'
import { given } from '../../src/session/run-options.js'
import { registerDataFiles, findDataFiles } from '../../tpch/data-files.js'
import { generateTpch } from '../../tpch/generate.js'
import { QUERY_COUNT, readQuery } from '../../tpch/queries.js'
import { runTpch } from '../../tpch/run.js'
import { DAY, IS_FULL, isTurn } from '../helpers/sample.js'

const SCALE = IS_FULL ? 1 : 0.01
/** Small tables are cut to batches that are small beside the limit. */
const LITTLE: Readonly<Record<string, string>> = IS_FULL
  ? { 'ballista.memory.limit': '32MB' }
  : {
      'ballista.memory.limit': '64kB',
      'ballista.execution.batch_size': '1024',
      'ballista.optimizer.repartition_file_min_size': '1',
    }
const SORTS = [
  'SELECT l_orderkey, l_linenumber, l_shipdate FROM lineitem ORDER BY l_shipdate, l_extendedprice DESC, l_comment',
  'SELECT o_comment, o_orderkey FROM orders ORDER BY o_comment DESC',
  'SELECT l_partkey, l_suppkey, l_quantity FROM lineitem ORDER BY l_quantity',
]
const JOINS = [
  'SELECT count(*), max(o_comment), min(l_comment) FROM orders FULL JOIN lineitem ON o_orderkey = l_orderkey AND o_orderdate < l_shipdate',
  'SELECT count(*), max(a.l_comment) FROM lineitem a JOIN lineitem b ON a.l_orderkey = b.l_orderkey AND a.l_partkey < b.l_partkey',
  'SELECT count(*), min(c_comment) FROM orders RIGHT JOIN customer ON o_custkey = c_custkey AND o_comment > c_comment',
]
const AGGREGATES = [
  'SELECT count(*), sum(n) FROM (SELECT l_orderkey, l_partkey, count(*) n FROM lineitem GROUP BY 1, 2)',
  'SELECT count(*), max(l_comment) FROM (SELECT DISTINCT l_comment FROM lineitem)',
  'SELECT l_shipmode, count(DISTINCT l_orderkey), sum(l_tax) FROM lineitem GROUP BY 1 ORDER BY 1',
]
const WHOLE_TABLES = [...SORTS, ...JOINS, ...AGGREGATES]
const KINDS = ['HashJoinExec', 'SortExec', 'AggregateExec']
const queries = Array.from({ length: QUERY_COUNT }, (_, i) => i + 1)
const data = mkdtempSync(join(tmpdir(), 'ballista-spilling-data-'))
const files = mkdtempSync(join(tmpdir(), 'ballista-spilling-files-'))

test.before(async () => {
  await generateTpch({ scale: SCALE, out: data, format: 'parquet' })
})

test.after.always(() => [data, files].forEach(path => rmSync(path, { recursive: true })))

const open = (settings: Readonly<Record<string, string>>, partitions: number): SessionContext =>
  new SessionContext({
    settings: {
      ...settings,
      'ballista.runtime.temp_directory': files,
      'ballista.execution.target_partitions': String(partitions),
    },
  })

for (const partitions of [1, 2]) {
  test.serial(`${partitions} partition(s): the answers are DuckDB's`, async t => {
    const chosen = queries.filter(number => isTurn(number + partitions, 2))
    t.log(IS_FULL ? 'all queries' : `SEED=${DAY}: every other query`)
    const { spillBytesWritten } = ioStats()
    const ctx = open(LITTLE, partitions)
    t.teardown(() => ctx.close())
    const wrong: string[] = []
    for await (const report of runTpch({ ctx, data, queries: chosen, iterations: 1, duckDbThreads: 2 })) {
      if (report.error !== undefined || report.duckDb?.equal !== true)
        wrong.push(`${report.query}: ${report.error ?? report.duckDb?.difference}`)
      t.deepEqual(readdirSync(files), [], report.query)
    }
    await ctx.close()
    t.deepEqual(wrong, [])
    t.true(ioStats().spillBytesWritten > spillBytesWritten)
    t.is(ioStats().tempFiles, 0)
    t.is(bytesInUse(), 0)
  })
}

test.serial('queries of whole tables give the same rows in the same order as with memory', async t => {
  for (const sql of WHOLE_TABLES) {
    const [little, much] = [await digest(open(LITTLE, 1), sql), await digest(open({}, 1), sql)]
    t.is(little, much, sql)
  }
  t.is(bytesInUse(), 0)
})

/** Of all rows, in order. */
async function digest(ctx: SessionContext, sql: string): Promise<string> {
  const columns: ReturnType<typeof createHash>[] = []
  try {
    await registerDataFiles(ctx, findDataFiles(data))
    const { batches } = await (await ctx.sql(sql)).execute()
    for await (const batch of given(batches)) {
      batch.columns.forEach((column, i) => {
        columns[i] ??= createHash('sha256')
        columns[i].update(`${columnValues(column).map(String).join('\n')}\n`)
      })
    }
  } finally {
    await ctx.close()
  }
  return columns.map(column => column.digest('hex')).join(' ')
}

test.serial('at least three joins, sorts and aggregates spill', async t => {
  const ctx = open(LITTLE, 1)
  t.teardown(() => ctx.close())
  await registerDataFiles(ctx, findDataFiles(data))
  const spilled = new Map<string, number>()
  // The statements of one query make and drop a view.
  const alone = queries.map(number => readQuery(number).statements).filter(({ length }) => length === 1)
  const isShown = (): boolean => KINDS.every(kind => (spilled.get(kind) ?? 0) >= 3)
  for (const sql of [...alone.flat(), ...WHOLE_TABLES]) {
    if (isShown()) break
    const rows = await (await ctx.sql(`EXPLAIN ANALYZE ${sql}`)).rows()
    for (const line of rows
      .flatMap(row => Object.values(row))
      .join('\n')
      .split('\n')) {
      const [, kind] = /^\W*(\w+Exec).*spill_count=[1-9]/.exec(line) ?? []
      if (kind !== undefined) spilled.set(kind, (spilled.get(kind) ?? 0) + 1)
    }
  }
  t.log(Object.fromEntries(spilled))
  t.true(isShown())
})
