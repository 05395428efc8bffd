/** ANALYZE: its statistics answer for the files that it has read, and never for others. */
import { mkdtempSync, mkdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { SharedCatalog } from '../../src/catalog/shared-catalog.js'
import type { Rng } from '../../src/common/clock.js'
import { SessionContext } from '../../src/index.js'
import { MemoryStore } from '../../src/kv/memory-store.js'
import { planStatement } from '../../src/session/plan-statement.js'
import type { PlanRequest } from '../../src/session/registration.js'
import type { SessionCatalog } from '../../src/session/request-names.js'
import { below, testRng } from '../arrow/random-columns.js'
import { LASTING_SESSIONS } from './lasting-sessions.js'

function scratch(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'ballista-analyze-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

const rows = async (ctx: SessionContext, sql: string): Promise<Record<string, unknown>[]> => (await ctx.sql(sql)).rows()

const physical = async (ctx: SessionContext, sql: string): Promise<string> =>
  String((await rows(ctx, `EXPLAIN ${sql}`))[1].plan)

/** A table of CSV files with one column of numbers of three digits, so that most changes keep the size. */
class NumberFiles {
  readonly directory: string
  readonly files = new Map<string, number[]>()
  readonly #rng: Rng
  #made = 0

  constructor(directory: string, rng: Rng) {
    this.directory = directory
    this.#rng = rng
    mkdirSync(directory)
    this.#write('f0.csv', [100, 200])
  }

  /** Changes a file as an editor, a copy that keeps times, or another program would. */
  change(): void {
    const [name, numbers] = [...this.files][below(this.#rng, this.files.size)]
    const other = Array.from(numbers, () => 100 + below(this.#rng, 900))
    const before = statSync(join(this.directory, name))
    switch (below(this.#rng, 5)) {
      case 0:
        return this.#write(name, [...numbers, 100 + below(this.#rng, 900)])
      case 1:
        return this.#write(name, other, before.mtime)
      case 2:
        this.#write('.new', other, before.mtime)
        this.files.delete('.new')
        this.files.set(name, other)
        return renameSync(join(this.directory, '.new'), join(this.directory, name))
      case 3:
        return this.#write(`f${++this.#made}.csv`, other)
      default:
        if (this.files.size < 2) return this.#write(name, other)
        this.files.delete(name)
        return rmSync(join(this.directory, name))
    }
  }

  /** Times of whole milliseconds, so that they can be given again. */
  #write(name: string, numbers: readonly number[], time = new Date()): void {
    const path = join(this.directory, name)
    writeFileSync(path, ['n', ...numbers, ''].join('\n'))
    utimesSync(path, time, time)
    this.files.set(name, [...numbers])
  }
}

const CHANGES = process.env['BALLISTA_TEST_FULL'] === '1' ? 500 : 25

for (const [kind, open] of Object.entries(LASTING_SESSIONS)) {
  test(`${kind}: counts and bounds are those of the files, however they change`, async t => {
    const rng = testRng(message => t.log(message))
    const directory = scratch(t)
    const table = new NumberFiles(join(directory, 'files'), rng)
    const { ctx, close } = await open(join(directory, 'data'))
    t.teardown(close)
    await ctx.sql(`CREATE EXTERNAL TABLE t (n INT) STORED AS CSV LOCATION '${table.directory}/'`)
    const query = 'SELECT count(*) AS count, min(n) AS min, max(n) AS max FROM t'
    let answered = 0
    for (let change = 0; change < CHANGES; change++) {
      if (below(rng, 3) > 0) table.change()
      if (below(rng, 2) > 0) await ctx.sql('ANALYZE t')
      if (below(rng, 3) > 0) table.change()
      const numbers = [...table.files.values()].flat()
      const truth = { count: BigInt(numbers.length), min: Math.min(...numbers), max: Math.max(...numbers) }
      if ((await physical(ctx, query)).includes('ValuesExec')) answered++
      t.deepEqual(await rows(ctx, query), [truth], `after change ${change}`)
    }
    t.true(answered > 0, 'some were answered without a scan')
  })

  test(`${kind}: statistics last with the table`, async t => {
    const directory = scratch(t)
    writeFileSync(join(directory, 't.csv'), 'n\n1\n2\n')
    const first = await open(join(directory, 'data'))
    await first.ctx.sql(`CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '${directory}/t.csv'`)
    await first.ctx.sql('ANALYZE t')
    await first.close()
    const next = await open(join(directory, 'data'))
    t.teardown(() => next.close())
    t.is(await physical(next.ctx, 'SELECT count(*), max(n) FROM t'), 'ValuesExec: (2, 2)')
    t.deepEqual(await rows(next.ctx, 'SHOW STATS FOR t'), [
      {
        column_name: 'n',
        distinct_values_count: 2n,
        nulls_fraction: 0,
        row_count: null,
        low_value: '1',
        high_value: '2',
      },
      {
        column_name: null,
        distinct_values_count: null,
        nulls_fraction: null,
        row_count: 2n,
        low_value: null,
        high_value: null,
      },
    ])
  })
}

test('joins are ordered by the distinct values that ANALYZE has counted', async t => {
  const directory = scratch(t)
  const ctx = new SessionContext()
  t.teardown(() => ctx.close())
  writeFileSync(
    join(directory, 'big.csv'),
    ['k,c', ...Array.from({ length: 1000 }, (_, i) => `${i % 50},${i}`), ''].join('\n'),
  )
  writeFileSync(join(directory, 'small.csv'), ['k', ...Array.from({ length: 50 }, (_, i) => i), ''].join('\n'))
  for (const name of ['big', 'small'])
    await ctx.sql(`CREATE EXTERNAL TABLE ${name} STORED AS CSV LOCATION '${directory}/${name}.csv'`)
  // Which side is built is written first.
  const built = async (): Promise<string | undefined> =>
    /projection=\[(k(?:, c)?)\]/.exec(
      await physical(ctx, 'SELECT count(*) FROM big JOIN small ON big.k = small.k WHERE c = 7'),
    )?.[1]
  t.is(await built(), 'k')
  await ctx.sql('ANALYZE big')
  t.is(await built(), 'k, c')
})

test('a log knows bounds, ANALYZE adds distinct values until the next version', async t => {
  const directory = scratch(t)
  const ctx = new SessionContext()
  t.teardown(() => ctx.close())
  await ctx.sql(`CREATE TABLE d (a BIGINT, b VARCHAR) STORED AS DELTA LOCATION '${directory}/d/'`)
  await ctx.sql("INSERT INTO d VALUES (1, 'x'), (2, NULL)")
  const distinct = async (): Promise<unknown[]> =>
    (await rows(ctx, 'SHOW STATS FOR d')).map(({ distinct_values_count: count }) => count)
  t.deepEqual(await rows(ctx, 'ANALYZE d'), [{ count: 2n }])
  t.deepEqual(await distinct(), [2n, 1n, null])
  await ctx.sql("INSERT INTO d VALUES (3, 'y')")
  t.deepEqual(await distinct(), [null, null, null])
  t.deepEqual(await rows(ctx, 'SELECT count(*) AS c, max(a) AS m, count(b) AS b FROM d'), [{ c: 3n, m: 3n, b: 2n }])
})

test('what was found in other files, or of a table that was replaced, is not kept', async t => {
  const directory = scratch(t)
  writeFileSync(join(directory, 't.csv'), 'n\n1\n2\n')
  const catalog: SessionCatalog = new SharedCatalog(new MemoryStore())
  const run = (sql: string, more: Partial<PlanRequest> = {}): ReturnType<typeof planStatement> =>
    planStatement(
      { sql, settings: {}, registrations: [], baseDirectory: directory, planOnly: true, command: true, ...more },
      { slots: 1, now: 0n, allowsUserCode: false, catalog },
    )
  await run("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION 't.csv'")
  const [[fingerprint]] = (await run('ANALYZE t')).explain?.([]) ?? []
  const analyzed = { fingerprint, rowCount: 2, columns: [] }
  const changed = { code: 'INVALID_ARGUMENT', message: "table 't' changed while it was analyzed; try again" }
  await t.throwsAsync(run('ANALYZE t', { analyzed: { ...analyzed, fingerprint: 'other' } }), changed)
  t.false('analyzed' in catalog.list()[0].entry)
  await run('ANALYZE t', { analyzed })
  t.like(catalog.list()[0].entry, { analyzed })
})
