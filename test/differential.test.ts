/**
 * Random queries through the whole engine give DuckDB's rows. The modes take the queries by turns; BALLISTA_TEST_FULL=1 runs many more,
 * and every one in every mode. SEED=n with FIRST=m replays.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { bytesInUse } from '../src/arrow/memory.js'
import { seededRng } from '../src/common/clock.js'
import type { Settings } from '../src/common/option.js'
import { SessionContext } from '../src/index.js'
import { given } from '../src/session/dataframe.js'
import { compareRows, type Rows } from '../tpch/compare.js'
import { openDuckDb, type DuckDb } from '../tpch/duckdb.js'
import { batchCells } from '../tpch/run.js'
import { RandomSql, type RandomQuery } from './helpers/random-sql.js'
import { RANDOM_TABLES } from './helpers/random-tables.js'
import { IS_FULL, isTurn } from './helpers/sample.js'

const SEED = Number(process.env['SEED'] ?? 1)
const QUERIES = Number(process.env['QUERIES'] ?? (IS_FULL ? 3000 : 150))
/** The first query to compare, to replay a failure without those before it. */
const FIRST = Number(process.env['FIRST'] ?? 0)
/** A replay finds its query whatever the day. */
const IN_EVERY_MODE = IS_FULL || process.env['FIRST'] !== undefined

const MODES: Readonly<Record<string, { readonly format: 'parquet' | 'csv'; readonly settings: Settings }>> = {
  'Parquet, 3 partitions': {
    format: 'parquet',
    settings: {
      'ballista.optimizer.repartition_file_min_size': '1',
      'ballista.execution.target_partitions': '3',
    },
  },
  'CSV, 2 partitions, batches of 7 rows': {
    format: 'csv',
    settings: {
      'ballista.optimizer.repartition_file_min_size': '1',
      'ballista.execution.target_partitions': '2',
      'ballista.execution.batch_size': '7',
    },
  },
}

/** DuckDB with the tables; the same rows whenever it is called. */
async function openFilled(): Promise<DuckDb> {
  const duckDb = await openDuckDb(1)
  await duckDb.run([
    "SET default_null_order = 'nulls_last_on_asc_first_on_desc'",
    'SET integer_division = true',
    `SELECT setseed(${1 / (1 + SEED)})`,
    ...RANDOM_TABLES.map(({ name, rows }) => `CREATE TABLE ${name} AS ${rows}`),
  ])
  return duckDb
}

/** The tables as Parquet in three files each, and as CSV in one. */
async function writeFiles(duckDb: DuckDb, directory: string): Promise<void> {
  for (const { name } of RANDOM_TABLES) {
    mkdirSync(join(directory, name))
    const parts = [0, 1, 2].map(part => {
      const path = join(directory, name, `${part}.parquet`)
      return `COPY (SELECT * FROM ${name} WHERE rowid % 3 = ${part}) TO '${path}'`
    })
    await duckDb.run([...parts, `COPY ${name} TO '${join(directory, `${name}.csv`)}' (HEADER, FORCE_QUOTE *)`])
  }
}

/** DuckDB's rows; undefined if it failed by a fault of its own, after which it cannot be used any more. */
async function duckRows(duckDb: DuckDb, sql: string): Promise<Rows | undefined> {
  try {
    return (await duckDb.run([sql.replaceAll('LEFT SEMI', 'SEMI').replaceAll('LEFT ANTI', 'ANTI')])).rows
  } catch (error) {
    if (String(error).includes('INTERNAL Error')) return undefined
    throw new Error(`DuckDB refuses ${sql}`, { cause: error })
  }
}

async function openSession(mode: string, directory: string): Promise<SessionContext> {
  const { format, settings } = MODES[mode]
  const ctx = new SessionContext({ settings })
  for (const { name, columns } of RANDOM_TABLES) {
    const types = columns.map(column => `${column.name} ${column.type}`).join(', ')
    const csv = `(${types}) STORED AS CSV LOCATION '${join(directory, `${name}.csv`)}' OPTIONS (has_header true)`
    const parquet = `STORED AS PARQUET LOCATION '${join(directory, name)}/'`
    await ctx.sql(`CREATE EXTERNAL TABLE ${name} ${format === 'csv' ? csv : parquet}`)
  }
  return ctx
}

async function ourRows(ctx: SessionContext, sql: string): Promise<Rows> {
  const rows: Rows[number][] = []
  const { batches } = await (await ctx.sql(sql)).execute()
  for await (const batch of given(batches)) rows.push(...batchCells(batch))
  return rows
}

/** What is wrong with our answer; undefined if nothing. */
async function differenceOf(ctx: SessionContext, query: RandomQuery, expected: Rows): Promise<string | undefined> {
  try {
    const compared = compareRows(await ourRows(ctx, query.sql), expected)
    if (!compared.equal) return compared.difference
    return query.ordered && !compared.sameOrder ? 'rows in another order' : undefined
  } catch (error) {
    return String(error)
  }
}

for (const [m, mode] of Object.keys(MODES).entries()) {
  const which = IN_EVERY_MODE ? `${QUERIES}` : `every other one of ${QUERIES}`
  test.serial(`${which} random queries give DuckDB's rows: ${mode} (SEED=${SEED})`, async t => {
    t.timeout(30 * 60_000)
    const directory = mkdtempSync(join(tmpdir(), 'ballista-differential-'))
    let duckDb = await openFilled()
    await writeFiles(duckDb, directory)
    const ctx = await openSession(mode, directory)
    const queries = new RandomSql(seededRng(SEED))
    const differences: string[] = []
    let skipped = 0
    for (let i = 0; i < QUERIES; i++) {
      const query = queries.query()
      if (i < FIRST || !(IN_EVERY_MODE || isTurn(i + m, 2))) continue
      const rows = await duckRows(duckDb, query.sql)
      if (rows === undefined) {
        duckDb.close()
        duckDb = await openFilled()
        skipped++
        continue
      }
      const difference = await differenceOf(ctx, query, rows)
      if (difference !== undefined) differences.push(`SEED=${SEED} FIRST=${i}: ${difference}\n${query.sql}`)
      if (differences.length >= 10) break
    }
    await ctx.close()
    duckDb.close()
    rmSync(directory, { recursive: true, force: true })
    t.is(differences.join('\n\n'), '')
    t.true(skipped <= 2 + QUERIES / 50, `DuckDB could not run ${skipped} queries`)
    t.is(bytesInUse(), 0)
  })
}
