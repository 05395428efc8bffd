/** Random queries, with subqueries, mean what DuckDB says: bound and optimized here, run by the naive interpreter. */
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import test from 'ava'
import { isView } from '../../src/catalog/catalog.js'
import { seededRng, type Rng } from '../../src/common/clock.js'
import { BallistaError } from '../../src/common/errors.js'
import { literalText } from '../../src/expr/display.js'
import { displayLogical } from '../../src/logical/display.js'
import { optimize } from '../../src/optimizer/optimizer.js'
import { planOf, smallCatalog } from '../helpers/catalog.js'
import { QueryMaker } from '../helpers/random-query.js'
import { randomRows, runPlan, type Data, type Row } from '../helpers/run-plan.js'

const SEED = Number(process.env.SEED ?? 1)
const ROUNDS = process.env.BALLISTA_TEST_FULL === '1' ? 60 : 3
const QUERIES_A_ROUND = 50
const ROWS = 8
const catalog = smallCatalog()
const tables = catalog.list().flatMap(({ name, entry }) => (isView(entry) ? [] : [{ name, entry }]))

const sqlTypes = { int: 'BIGINT', utf8: 'VARCHAR', date: 'DATE', decimal: 'DECIMAL(15, 2)' } as Readonly<
  Record<string, string>
>

/** Fills DuckDB and the oracle with the same random rows. */
async function fill(duckdb: DuckDBConnection, rng: Rng): Promise<Data> {
  const data = new Map<(typeof tables)[number]['entry'], readonly Row[]>()
  for (const { name, entry } of tables) {
    const rows = randomRows(entry, ROWS, rng)
    data.set(entry, rows)
    const { fields } = entry.schema
    const columns = fields.map(field => `"${field.name}" ${sqlTypes[field.type.kind]}`)
    const values = rows.map(row => `(${row.map((value, i) => literalText(value, fields[i].type)).join(', ')})`)
    await duckdb.run(`CREATE OR REPLACE TABLE ${name} (${columns.join(', ')})`)
    await duckdb.run(`INSERT INTO ${name} VALUES ${values.join(', ')}`)
  }
  return data
}

/** Both sides give numbers as bigint and text as string. */
const sortedRows = (rows: readonly (readonly unknown[])[]): string =>
  rows
    .map(row => row.map(value => (typeof value === 'bigint' ? value.toString() : JSON.stringify(value))).join('|'))
    .sort()
    .join('\n')

/** undefined: this query is refused here as not supported. */
async function ourRows(sql: string, data: Data): Promise<{ rows: string; plan: string } | undefined> {
  try {
    const plan = optimize(await planOf(sql, catalog))
    return { rows: sortedRows(runPlan(plan, data)), plan: displayLogical(plan) }
  } catch (error) {
    if (error instanceof BallistaError && error.code === 'NOT_SUPPORTED') return undefined
    throw error
  }
}

test(`random queries with subqueries give DuckDB's rows (SEED=${SEED})`, async t => {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  const duckdb = await instance.connect()
  const rng = seededRng(SEED)
  let compared = 0
  for (let round = 0; round < ROUNDS; round++) {
    const data = await fill(duckdb, rng)
    for (let i = 0; i < QUERIES_A_ROUND; i++) {
      const sql = new QueryMaker(rng, { subqueries: true }).query()
      const ours = await ourRows(sql, data)
      if (ours === undefined) continue
      const theirs = await duckdb.runAndReadAll(sql.replaceAll('LEFT SEMI', 'SEMI').replaceAll('LEFT ANTI', 'ANTI'))
      t.is(ours.rows, sortedRows(theirs.getRows()), `SEED=${SEED}, round ${round}, query ${i}: ${sql}\n${ours.plan}`)
      compared++
    }
  }
  t.true(compared >= ROUNDS * QUERIES_A_ROUND * 0.8, `only ${compared} queries were supported`)
  duckdb.closeSync()
  instance.closeSync()
})
