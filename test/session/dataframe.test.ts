/** Every operation of a frame means what its SQL means, in this process and on a cluster. */
import test, { type ExecutionContext } from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import { SessionContext, type Row } from '../../src/index.js'
import { given } from '../../src/session/run-options.js'
import { EXPRESSION_CASES } from './expression-cases.js'
import { OPERATION_CASES, type FrameCase, type Frames } from './frame-cases.js'

const SETUP = [
  `CREATE TABLE t AS SELECT column1 AS id, column2 AS name, CAST(column3 AS DECIMAL(10, 2)) AS price, column4 AS day, column5 AS score
   FROM (VALUES (1, 'ann', 1.50, DATE '2020-02-29', 1.5e0), (2, 'bob', 20.25, DATE '2021-01-01', CAST('NaN' AS DOUBLE)),
   (3, NULL, NULL, NULL, NULL), (4, 'o''neil', 7.00, DATE '1969-12-31', -0.5e0), (2, 'bob', 20.25, DATE '2021-01-01',
   CAST('NaN' AS DOUBLE)), (5, 'ann', 3.00, DATE '2020-02-29', 2e0)) AS v`,
  `CREATE TABLE u AS SELECT column1 AS id, column2 AS label FROM (VALUES (1, 'one'), (2, 'two'), (2, 'zwei'), (9, 'nine'), (NULL, 'none')) AS v`,
]

const text = (row: Row): string =>
  JSON.stringify(row, (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : Number.isNaN(value) ? 'NaN' : value,
  )

async function checkCase(
  t: ExecutionContext,
  frames: Frames,
  { name, frame, sql: query, ordered }: FrameCase,
): Promise<void> {
  const built = frame(frames)
  const written = await frames.ctx.sql(query)
  const [got, expected] = await Promise.all([built.rows(), written.rows()])
  const sorted = (rows: readonly Row[]): string[] => (ordered === true ? rows.map(text) : rows.map(text).sort())
  t.deepEqual(sorted(got), sorted(expected), `${name}: ${built.toSql()}`)
  t.deepEqual(
    built.schema().fields.map(field => field.name),
    written.schema().fields.map(field => field.name),
    name,
  )
  // The schema that was known before anything ran is that of the rows.
  const { schema, batches } = await built.execute()
  t.deepEqual(built.schema(), schema, name)
  // A result that nobody reads keeps its place among the queries that a scheduler runs.
  for await (const _ of given(batches)) continue
}

/** Tables of several batches, so that scans have several partitions and batches are tiny. */
const SPLIT = {
  'ballista.execution.target_partitions': '3',
  'ballista.execution.batch_size': '2',
  'ballista.optimizer.repartition_file_min_size': '1',
}

async function splitTables(ctx: SessionContext): Promise<void> {
  for (const name of ['t', 'u']) {
    await ctx.sql(`CREATE TABLE all_${name} AS SELECT * FROM ${name}`)
    await ctx.sql(`CREATE OR REPLACE TABLE ${name} AS SELECT * FROM all_${name} LIMIT 0`)
    const rows = await (await ctx.table(`all_${name}`)).count()
    for (let i = 0; i < rows; i++) await ctx.sql(`INSERT INTO ${name} SELECT * FROM all_${name} LIMIT 1 OFFSET ${i}`)
  }
}

for (const [mode, make] of [
  ['in this process', async () => new SessionContext()],
  ['three partitions', async () => new SessionContext({ settings: SPLIT })],
  ['standalone, three partitions', () => SessionContext.standalone({ executors: 2, settings: SPLIT })],
] as const) {
  test.serial(`${mode}: frames and their SQL give equal rows`, async t => {
    const before = bytesInUse()
    const ctx = await make()
    t.teardown(() => ctx.close())
    for (const statement of SETUP) await ctx.sql(statement)
    if (mode !== 'in this process') await splitTables(ctx)
    const frames = { ctx, t: await ctx.table('t'), u: await ctx.table('u') }
    for (const one of [...OPERATION_CASES, ...EXPRESSION_CASES]) await checkCase(t, frames, one)
    await ctx.close()
    t.is(bytesInUse(), before)
  })
}
