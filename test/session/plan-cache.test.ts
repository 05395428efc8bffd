/** Which plans a scheduler takes for a query that comes again: those of the same query over the same files, and no others. */
import { mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { INT64 } from '../../src/arrow/types.js'
import type { PlannedQuery } from '../../src/cluster/scheduler/planned-query.js'
import { encodeWireText } from '../../src/common/wire.js'
import { literal } from '../../src/expr/expr.js'
import { openListingTable } from '../../src/formats/listing-table.js'
import { oneRowPlan } from '../../src/logical/build.js'
import { PlanCache, type PlanSteps } from '../../src/session/plan-cache.js'
import { clusterPlanner } from '../../src/session/plan-for-cluster.js'
import { thisHost } from '../../src/storage/this-host.js'
import type { PlanRequest, Registration } from '../../src/session/registration.js'

const directory = mkdtempSync(join(tmpdir(), 'ballista-plans-'))
test.after.always(() => rmSync(directory, { recursive: true, force: true }))

/** Longer than versions of a file count as new. */
const SETTLE_MS = 150

const listing = (path: string, name = 't'): Registration => ({
  kind: 'listing',
  name,
  path,
  format: 'csv',
  options: {},
})

type Plan = (sql: string, more?: Partial<PlanRequest>, slots?: number) => Promise<PlannedQuery>

/** Plans with a cache of its own; each query twice, after which it may be kept. */
function planner(): Plan {
  const plan = onePlanner()
  return async (...query) => {
    await plan(...query)
    return plan(...query)
  }
}

function onePlanner(): Plan {
  const plan = clusterPlanner({ allowsUserCode: true })
  const request = { settings: {}, registrations: [], baseDirectory: directory }
  return (sql, more = {}, slots = 2) => plan({ ...request, sql, ...more }, { slots, wallMs: Date.now() })
}

let files = 0
function file(text: string): string {
  const path = join(directory, `${++files}.csv`)
  writeFileSync(path, text)
  return path
}

test('the same query over the same file has the same plan, and what people read of it is made once', async t => {
  const plan = planner()
  const registrations = [listing(file('a,b\n1,2\n'))]
  await sleep(SETTLE_MS)
  const first = await plan('SELECT a FROM t', { registrations })
  const second = await plan('SELECT a FROM t', { registrations: [...registrations, listing('nowhere.csv', 'other')] })
  t.is(second.stages, first.stages)
  t.is(second.schema, first.schema)
  t.is(second.describe?.(), first.describe?.())
  t.true(first.describe?.().logical.includes('TableScan: t'))
})

test('a file that has changed is planned anew, though its size and time of modification are the same', async t => {
  const plan = planner()
  const path = file('a\n1\n')
  const registrations = [listing(path)]
  await sleep(SETTLE_MS)
  const first = await plan('SELECT * FROM t', { registrations })
  const { atime, mtime } = statSync(path)
  writeFileSync(path, 'b\n1\n')
  utimesSync(path, atime, mtime)
  await sleep(SETTLE_MS)
  const second = await plan('SELECT * FROM t', { registrations })
  t.deepEqual(
    [first, second].map(({ schema }) => schema.fields[0].name),
    ['a', 'b'],
  )
})

test.serial('a file that has just changed is planned anew: another change might not show', async t => {
  const plan = planner()
  const path = file('a\n1\n')
  const registrations = [listing(path)]
  for (let i = 0; i < 100; i++) {
    writeFileSync(path, 'a\n2\n')
    const first = await plan('SELECT * FROM t', { registrations })
    const second = await plan('SELECT * FROM t', { registrations })
    // On a machine that took longer it need not be new any more.
    if (Date.now() - statSync(path).ctimeMs >= SETTLE_MS / 2) continue
    t.not(second.stages, first.stages)
    return
  }
  t.fail('two plans never take less than 75 ms')
})

test('a file that is gone is an error, and one that is new in a directory is read', async t => {
  const plan = planner()
  const inside = mkdtempSync(join(directory, 'dir-'))
  const registrations = [listing(`${inside}/`)]
  const pathsOf = ({ stages }: PlannedQuery): number => encodeWireText(stages).split('.csv"').length - 1
  writeFileSync(join(inside, 'one.csv'), 'a\n1\n')
  await sleep(SETTLE_MS)
  const first = await plan('SELECT * FROM t', { registrations })
  t.is((await plan('SELECT * FROM t', { registrations })).stages, first.stages)
  writeFileSync(join(inside, 'two.csv'), 'a\n1\n')
  await sleep(SETTLE_MS)
  const second = await plan('SELECT * FROM t', { registrations })
  t.deepEqual([first, second].map(pathsOf), [1, 2])
  rmSync(inside, { recursive: true })
  t.is(pathsOf(await plan('SELECT 1 AS a')), 0)
  await t.throwsAsync(plan(`SELECT * FROM '${join(inside, 'one.csv')}'`), { code: 'FILE_NOT_READABLE' })
})

test('what a plan depends on makes another one', async t => {
  const plan = planner()
  const table = { kind: 'listing', name: 't', path: file('a\n1\n'), format: 'csv', options: {} } as const
  const base = { registrations: [table], parameters: { x: literal(1n, INT64) } }
  const copy = file('a\n1\n')
  await sleep(SETTLE_MS)
  const sql = 'SELECT a + $x AS b FROM t'
  const first = await plan(sql, base)
  t.is((await plan(sql, base)).stages, first.stages)
  const others = [
    await plan(sql, { ...base, parameters: { x: literal(2n, INT64) } }),
    await plan(sql, { ...base, settings: { 'ballista.execution.batch_size': '100' } }),
    await plan(sql, { ...base, registrations: [{ ...table, path: copy }] }),
    await plan(sql, { ...base, registrations: [{ ...table, options: { null_value: 'x' } }] }),
    await plan(sql, base, 3),
    await plan(`${sql} `, base),
  ]
  for (const other of others) t.not(other.stages, first.stages)
})

test('a view means what it means now', async t => {
  const plan = planner()
  const view = (text: string): Promise<PlannedQuery> =>
    plan(`CREATE OR REPLACE VIEW v AS ${text}`, { command: true, planOnly: true })
  await view('SELECT 1 AS a')
  const first = await plan('SELECT * FROM v')
  t.is((await plan('SELECT * FROM v')).stages, first.stages)
  await view('SELECT 2 AS a')
  const second = await plan('SELECT * FROM v')
  t.not(second.stages, first.stages)
  t.is((await plan('SELECT * FROM v')).stages, second.stages)
})

for (const sql of [
  'SELECT now() AS n',
  'SELECT * FROM (SELECT current_date AS d) q',
  'SELECT a FROM rows',
  'SELECT * FROM information_schema.tables',
  'SELECT * FROM generate_series(1, 3)',
  'EXPLAIN SELECT 1',
]) {
  test(`planned each time: ${sql}`, async t => {
    const plan = planner()
    const schema = { fields: [{ name: 'a', type: INT64, nullable: true }] }
    const registrations: Registration[] = [{ kind: 'memory', name: 'rows', schema, batches: [] }]
    const first = await plan(sql, { registrations })
    t.not((await plan(sql, { registrations })).stages, first.stages)
  })
}

test('a query is kept when it comes for the second time', async t => {
  const plan = onePlanner()
  const [first, second, third] = [await plan('SELECT 1'), await plan('SELECT 1'), await plan('SELECT 1')]
  t.not(second.stages, first.stages)
  t.is(third.stages, second.stages)
})

test('who asks for a schema and then runs the query has it bound once', async t => {
  const plan = onePlanner()
  const registrations = [listing(file('a\n1\n'))]
  await sleep(SETTLE_MS)
  const asked = await plan('SELECT a FROM t', { registrations, planOnly: true })
  t.deepEqual(asked.stages, [])
  const run = await plan('SELECT a FROM t', { registrations })
  t.is(run.schema, asked.schema)
  t.true(run.stages.length > 0)
  t.deepEqual((await plan('SELECT a FROM t', { registrations, planOnly: true })).stages, [])
  t.is((await plan('SELECT a FROM t', { registrations })).stages, run.stages)
})

test('what was planned while a file changed is not kept', async t => {
  const plans = new PlanCache()
  const key = { digest: 'x', characters: 1 }
  const schema = { fields: [] }
  const steps = (isCurrent: boolean): PlanSteps => ({
    bind: () => ({ bound: oneRowPlan(), schema, isOfItsTime: false }),
    plan: async () => ({ stages: [] }),
    isCurrent: async () => isCurrent,
  })
  await plans.planned(key, false, steps(true))
  const first = await plans.planned(key, false, steps(false))
  const second = await plans.planned(key, false, steps(true))
  t.not(second, first)
  t.is(await plans.planned(key, false, steps(false)), second)

  const path = file('a\n1\n')
  const table = await openListingTable({ path, host: thisHost() })
  t.true(await table.isAsOpened())
  rmSync(path)
  t.false(await table.isAsOpened())
})

test('the plans that were used last are kept', async t => {
  const plan = planner()
  const first = await plan('SELECT 0')
  const second = await plan('SELECT 1')
  for (let i = 2; i < 64; i++) await plan(`SELECT ${i}`)
  t.is((await plan('SELECT 0')).stages, first.stages)
  await plan('SELECT 64')
  t.is((await plan('SELECT 0')).stages, first.stages)
  t.not((await plan('SELECT 1')).stages, second.stages)
  // Two that are as long as all together may be.
  for (const i of [1, 2]) await plan(`SELECT '${String(i).repeat(600_000)}'`)
  t.not((await plan('SELECT 0')).stages, first.stages)
})
