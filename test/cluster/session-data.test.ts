/** What a session holds reaches the cluster: its tables in memory, however large, and its settings. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import { startStandalone, type Standalone } from '../../src/cluster/standalone.js'
import { SessionContext, type QueryProgress } from '../../src/index.js'
import { planForCluster } from '../../src/session/plan-for-cluster.js'

const rowsOf = async (ctx: SessionContext, sql: string): Promise<unknown> => (await ctx.sql(sql)).rows()

let cluster: Standalone
test.before(async () => {
  cluster = await startStandalone({ executors: 2, slots: 1, planner: planForCluster })
})
test.after.always(() => cluster.close())

const open = (settings = {}): Promise<SessionContext> => SessionContext.remote(`df://${cluster.address}`, { settings })

const MB = 1_000_000

test.serial('a table of 100 MB in memory', async t => {
  t.timeout(120_000)
  await using ctx = await open({ 'ballista.execution.target_partitions': '4' })
  const letters = 'abcdefghij'
  const rows = Array.from({ length: 100 }, (_, i) => ({ id: i, text: letters[i % 10].repeat(MB) }))
  ctx.registerTable('big', ctx.fromRows(rows))
  const [{ n, bytes, last }] = await (
    await ctx.sql('SELECT count(*) AS n, sum(length(text)) AS bytes, max(id) AS last FROM big')
  ).rows({ bigint: 'number' })
  t.deepEqual({ n, bytes: Number(bytes), last }, { n: 100, bytes: 100 * MB, last: 99 })
  t.deepEqual(
    await rowsOf(ctx, "SELECT id, length(text) AS l FROM big WHERE text LIKE 'j%' AND id > 80 ORDER BY id LIMIT 1"),
    [{ id: 89n, l: MB }],
  )
  await ctx.close()
})

test.serial("tables in memory are joined with others, change, and are the session's own", async t => {
  await using ctx = await open({ 'ballista.optimizer.repartition_file_min_size': '1' })
  await using other = await open()
  await ctx.registerCsv('example', 'test/data/example.csv')
  await rowsOf(ctx, "CREATE TABLE names AS SELECT * FROM (VALUES (1, 'one'), (2, 'two')) AS t(a, name)")
  await rowsOf(ctx, "INSERT INTO names VALUES (3, 'three')")
  await rowsOf(ctx, 'UPDATE names SET name = upper(name) WHERE a = 2')
  t.deepEqual(
    await rowsOf(ctx, 'SELECT name, sum(b) AS b FROM example JOIN names USING (a) GROUP BY name ORDER BY name'),
    [
      { name: 'TWO', b: 13n },
      { name: 'one', b: 12n },
      { name: 'three', b: 3n },
    ],
  )
  await t.throwsAsync(rowsOf(other, 'SELECT * FROM names'), { code: 'TABLE_NOT_FOUND' })
})

test.serial('files that appear, change or go are seen by the next query', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'session-data-'))
  const write = (name: string, text: string): Promise<void> => writeFile(join(directory, name), text)
  try {
    await write('one.csv', 'a\n1\n2\n')
    await using local = new SessionContext()
    await using remote = await open()
    for (const ctx of [local, remote]) await ctx.registerCsv('changing', `${directory}/`)
    // Each reads the table twice: both times the same files.
    const sql = 'SELECT count(*) AS n, sum(x.a) AS s FROM changing AS x JOIN changing AS y USING (a)'
    const expect = async (n: bigint, s: bigint): Promise<void> => {
      for (const ctx of [local, remote]) t.deepEqual(await rowsOf(ctx, sql), [{ n, s }])
    }
    await expect(2n, 3n)
    await write('two.csv', 'a\n5\n')
    await expect(3n, 8n)
    await write('one.csv', 'a\n7\n8\n9\n')
    await expect(4n, 29n)
    await rm(join(directory, 'two.csv'))
    await expect(3n, 24n)
  } finally {
    await rm(directory, { recursive: true })
  }
})

test.serial('settings reach every task', async t => {
  await using ctx = await open({
    'ballista.optimizer.repartition_file_min_size': '1',
    'ballista.execution.target_partitions': '3',
  })
  await ctx.registerCsv('example', 'test/data/example.csv')
  const batches = async (): Promise<{ rows: number; batches: number }[]> => {
    const rows = await (await ctx.sql('EXPLAIN ANALYZE VERBOSE SELECT a, count(*) FROM example GROUP BY a')).rows()
    const text = rows.map(row => String(row['plan'])).join('\n')
    return [...text.matchAll(/^stage \d+, task \d+: output_rows=(\d+), output_batches=(\d+)/gm)].map(
      ([, count, parts]) => ({
        rows: Number(count),
        batches: Number(parts),
      }),
    )
  }
  await rowsOf(ctx, 'SET ballista.execution.batch_size = 1')
  const single = await batches()
  t.is(single.length, 7, 'three tasks, three tasks, and one that gathers')
  for (const task of single) t.is(task.batches, task.rows)
  await rowsOf(ctx, 'RESET ballista.execution.batch_size')
  const whole = await batches()
  t.true(whole.some(task => task.batches < task.rows))
})

test.serial('a session hears how far its query has come', async t => {
  await using ctx = await open({
    'ballista.optimizer.repartition_file_min_size': '1',
    'ballista.execution.target_partitions': '3',
  })
  await ctx.registerCsv('example', 'test/data/example.csv')
  const heard: QueryProgress[] = []
  const frame = await ctx.sql('SELECT a, count(*) FROM example GROUP BY a ORDER BY a')
  await frame.rows({ onProgress: progress => heard.push(progress) })
  const last = heard.at(-1)
  t.true(last !== undefined && last.stages.total > 1 && last.tasks.total >= last.stages.total, JSON.stringify(heard))
  t.true(heard.some(({ tasks }) => tasks.finished > 0))
  const finished = heard.map(({ tasks }) => tasks.finished)
  t.deepEqual(
    finished,
    finished.toSorted((left, right) => left - right),
  )
})

test.serial('a query of several tasks ends, however little memory its executors have', async t => {
  t.timeout(60_000)
  await using own = await SessionContext.standalone({
    settings: { 'ballista.memory.limit': '1', 'ballista.optimizer.repartition_file_min_size': '1' },
  })
  await own.registerCsv('example', 'test/data/example.csv')
  t.deepEqual(await rowsOf(own, 'SELECT count(*) AS n, sum(b) AS b FROM example'), [{ n: 7n, b: 32n }])
})

test.serial('a closed cluster leaves nothing', async t => {
  await cluster.close()
  t.is(bytesInUse(), 0)
})
