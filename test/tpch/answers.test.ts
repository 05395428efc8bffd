/**
 * All 22 queries equal DuckDB's answers on the same files: in the local mode all, in each other one every other query, by turns.
 * BALLISTA_TEST_FULL=1: all queries in every mode, at scale 1.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import { seededRng } from '../../src/common/clock.js'
import { SessionContext } from '../../src/index.js'
import { generateTpch } from '../../tpch/generate.js'
import { QUERY_COUNT } from '../../tpch/queries.js'
import { runTpch } from '../../tpch/run.js'
import { startCluster } from '../helpers/cluster.js'
import { DAY, IS_FULL, isTurn } from '../helpers/sample.js'

const SCALE = IS_FULL ? 1 : 0.01
const ALL = Array.from({ length: QUERY_COUNT }, (_, i) => i + 1)
/** Of mode number `mode`. */
const someOf = (mode: number): number[] => ALL.filter(query => isTurn(query + mode, 2))
const directory = mkdtempSync(join(tmpdir(), 'ballista-answers-'))
const parquet = join(directory, 'parquet')
const csv = join(directory, 'csv')
/** For batches of 3 rows, of which there are very many. */
const SMALL_SCALE = SCALE < 1 ? 0.001 : 0.01
const small = join(directory, 'small')

test.before(async () => {
  await generateTpch({ scale: SCALE, out: parquet, format: 'parquet' })
  await generateTpch({ scale: SCALE, out: csv, format: 'csv' })
  await generateTpch({ scale: SMALL_SCALE, out: small, format: 'parquet' })
})

test.after.always(() => rmSync(directory, { recursive: true }))

/** Every query that differs or fails, with the reason. */
async function differences(
  t: ExecutionContext,
  ctx: SessionContext,
  queries: readonly number[],
  data = parquet,
): Promise<string[]> {
  t.teardown(() => ctx.close())
  t.log(IS_FULL ? 'all queries' : `SEED=${DAY}: ${queries.length} queries`)
  const wrong: string[] = []
  for await (const report of runTpch({ ctx, data, queries, iterations: 1, duckDbThreads: 2 })) {
    if (report.error !== undefined) wrong.push(`${report.query}: ${report.error}`)
    else if (report.duckDb?.equal !== true)
      wrong.push(`${report.query}: ${report.duckDb?.difference ?? 'not compared'}`)
  }
  await ctx.close()
  return wrong
}

// Even small tables are split, so that every exchange is taken.
const settings: Readonly<Record<string, string>> =
  SCALE < 1 ? { 'ballista.optimizer.repartition_file_min_size': '1' } : {}

test.serial('local', async t => {
  t.deepEqual(await differences(t, new SessionContext({ settings }), ALL), [])
  t.is(bytesInUse(), 0)
})

test.serial('local, CSV', async t => {
  t.deepEqual(await differences(t, new SessionContext({ settings }), someOf(1), csv), [])
  t.is(bytesInUse(), 0)
})

test.serial(`local, scale ${SMALL_SCALE} in batches of 3 rows`, async t => {
  const tiny = { 'ballista.execution.batch_size': '3', 'ballista.execution.target_partitions': '1' }
  t.deepEqual(await differences(t, new SessionContext({ settings: tiny }), someOf(0), small), [])
  t.is(bytesInUse(), 0)
})

test.serial('standalone: two executors in this process', async t => {
  t.deepEqual(await differences(t, await SessionContext.standalone({ settings }), someOf(1)), [])
  t.is(bytesInUse(), 0)
})

test.serial('standalone, exchanges store all rows before they are read', async t => {
  const stored = { ...settings, 'ballista.exchange.materialize': 'always' }
  t.deepEqual(await differences(t, await SessionContext.standalone({ settings: stored }), someOf(0)), [])
  t.is(bytesInUse(), 0)
})

const SEED = Number(process.env['SEED'] ?? 1)

test.serial(`standalone, scale ${SMALL_SCALE} in batches of 3 rows with tiny credits (SEED=${SEED})`, async t => {
  const rng = seededRng(SEED)
  const bytesBelow = (bound: number): string => String(1 + Math.floor(rng.next() * bound))
  const tiny = {
    'ballista.optimizer.repartition_file_min_size': '1',
    'ballista.execution.batch_size': '3',
    'ballista.exchange.read_window': bytesBelow(2000),
    'ballista.exchange.write_buffer': bytesBelow(2000),
  }
  t.log(tiny)
  t.deepEqual(await differences(t, await SessionContext.standalone({ settings: tiny }), someOf(1), small), [])
  t.is(bytesInUse(), 0)
})

for (const executors of SCALE < 1 ? [2] : [1, 2, 3]) {
  test.serial(`remote, executor processes: ${executors}`, async t => {
    const cluster = await startCluster(executors)
    t.teardown(() => cluster.close())
    t.deepEqual(await differences(t, await SessionContext.remote(cluster.url, { settings }), someOf(executors)), [])
    t.is(bytesInUse(), 0)
  })
}
