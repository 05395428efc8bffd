/** The queries of simulations: small ones of every shape that crosses an exchange, with their answers. */
import type { Batch } from '../../arrow/batch.js'
import { batchFromValues, columnValues, releaseBatch } from '../../arrow/column.js'
import { encodeBatch } from '../../arrow/frame.js'
import { field, type Schema } from '../../arrow/schema.js'
import { INT64, UTF8, type Value } from '../../arrow/types.js'
import { seededRng, systemClock } from '../../common/clock.js'
import { BallistaError, type ErrorCode } from '../../common/errors.js'
import { invariant } from '../../common/invariant.js'
import { configOf, type Settings } from '../../common/option.js'
import { encodeWireText } from '../../common/wire.js'
import { createLocalEngine } from '../../exchange/local-run.js'
import { EXCHANGE_OPERATORS } from '../../exchange/operators.js'
import type { OperatorDefinition } from '../../physical/plan.js'
import { operatorTable } from '../../runtime/run-pipelines.js'
import { spillPlace } from '../../runtime/spill-space.js'
import type { SchedulerOptions } from '../scheduler/server.js'

export type Planner = SchedulerOptions['planner']

/** What may come out of a query: all rows (in this order, if it has one), so many of them, or an error. */
export type Answer =
  | { readonly kind: 'rows'; readonly rows: readonly string[]; readonly isOrdered: boolean }
  | { readonly kind: 'some'; readonly rows: readonly string[]; readonly count: number }
  | { readonly kind: 'error'; readonly code: ErrorCode }

export interface Query {
  readonly sql: string
  readonly answer: Answer
}

export interface Workload {
  readonly queries: readonly Query[]
  readonly operators: readonly OperatorDefinition[]
  /** What a client sends. */
  request(query: Query, settings: Settings): unknown
  /** Plans each query once for each number of slots. */
  readonly planner: Planner
}

/** With a `limit` that any rows may fill, the query without it. */
interface Shape {
  readonly sql: string
  readonly limit?: number
  readonly isOrdered?: boolean
  readonly fails?: ErrorCode
}

/** Over tables t(k, g, v, s) and u(k, w). */
const SHAPES: readonly Shape[] = [
  { sql: 'SELECT 1 AS one' },
  { sql: 'SELECT k, g, v, s FROM t' },
  { sql: 'SELECT k, v * 2 AS d FROM t WHERE g = 3 OR v > 900' },
  { sql: 'SELECT k FROM t WHERE v < 0' },
  { sql: 'SELECT count(*) AS n, sum(v) AS total, min(s) AS least FROM t' },
  { sql: 'SELECT g, count(*) AS n, sum(v) AS total FROM t GROUP BY g' },
  { sql: 'SELECT k, max(v) AS most FROM t GROUP BY k' },
  { sql: 'SELECT count(DISTINCT g) AS n FROM t' },
  { sql: 'SELECT DISTINCT g FROM t' },
  { sql: 'SELECT t.k, t.v, u.w FROM t JOIN u ON t.k = u.k' },
  { sql: 'SELECT t.k, u.w FROM t LEFT JOIN u ON t.k = u.k AND u.w > 6' },
  { sql: 'SELECT count(*) AS n, sum(a.v + b.v) AS total FROM t a JOIN t b ON a.g = b.g' },
  { sql: 'SELECT a.k, b.k AS other FROM t a JOIN t b ON a.g = b.g WHERE a.k <= 10' },
  { sql: 'SELECT k, v FROM t WHERE k IN (SELECT k FROM u WHERE w > 4)' },
  { sql: 'SELECT u.w, sum(t.v) AS total FROM t JOIN u ON t.k = u.k GROUP BY u.w' },
  { sql: 'SELECT k, v, s FROM t ORDER BY v DESC, k', isOrdered: true },
  { sql: 'SELECT t.k, u.w FROM t JOIN u ON t.k = u.k ORDER BY u.w, t.k LIMIT 7', isOrdered: true },
  { sql: 'SELECT g, sum(v) AS total FROM t GROUP BY g ORDER BY total DESC, g LIMIT 3 OFFSET 1', isOrdered: true },
  { sql: 'SELECT k, v FROM t', limit: 5 },
  { sql: 'SELECT t.k, u.w FROM t JOIN u ON t.k = u.k', limit: 4 },
  { sql: 'WITH c AS (SELECT g, sum(v) AS n FROM t GROUP BY g) SELECT a.g, b.n FROM c a JOIN c b ON a.g = b.g + 1' },
  { sql: 'WITH c AS (SELECT k, v FROM t WHERE v > 300) SELECT k FROM c UNION ALL SELECT v FROM c' },
  { sql: 'SELECT k FROM t UNION ALL SELECT w FROM u' },
  { sql: 'SELECT k FROM t EXCEPT SELECT k FROM u' },
  { sql: 'SELECT n, count(*) AS m FROM (SELECT g, count(*) AS n FROM t GROUP BY g, v % 10) GROUP BY n' },
  { sql: 'SELECT k / (k - 31) AS q FROM t', fails: 'DIVIDE_BY_ZERO' },
  { sql: 'SELECT g, sum(v / (k - 35)) AS q FROM t GROUP BY g', fails: 'DIVIDE_BY_ZERO' },
  { sql: 'SELECT t.k, 10 / (u.w - 7) AS q FROM t JOIN u ON t.k = u.k', fails: 'DIVIDE_BY_ZERO' },
]

const T: Schema = {
  fields: [field('k', INT64, false), field('g', INT64, false), field('v', INT64, false), field('s', UTF8, true)],
}
const U: Schema = { fields: [field('k', INT64, false), field('w', INT64, false)] }

/** As few rows as still are several batches in each of four tasks' scans: what a simulation costs is their way through it. */
const T_ROWS = 36
const U_ROWS = 16
const ROWS_A_BATCH = 3

/** Settings that change the plan. */
const PLANNING = ['ballista.exchange.materialize', 'ballista.execution.target_partitions']

/** The answers come from one task in this process. */
export async function prepareWorkload(plan: Planner, operators: readonly OperatorDefinition[]): Promise<Workload> {
  const registrations = tables()
  const request = (sql: string, settings: Settings): object => ({
    sql,
    settings: { 'ballista.optimizer.repartition_file_min_size': '1', ...settings },
    registrations,
    baseDirectory: '/',
  })
  const queries: Query[] = []
  for (const shape of SHAPES) queries.push(await withAnswer(shape, plan, operators, request))
  const plans = new Map<string, ReturnType<Planner>>()
  return {
    queries,
    operators,
    // The planner knows the tables.
    request: (query, settings) => ({ ...request(query.sql, settings), registrations: [] }),
    planner(sent, cluster) {
      const { settings, sql } = sent as { settings: Settings; sql: string }
      const planning = Object.fromEntries(PLANNING.map(name => [name, settings[name]]))
      const key = `${cluster.slots} ${Object.values(planning).join(' ')} ${sql}`
      const planned = plans.get(key) ?? plan(request(sql, planning), { slots: cluster.slots, wallMs: 0 })
      plans.set(key, planned)
      return planned
    },
  }
}

async function withAnswer(
  shape: Shape,
  plan: Planner,
  operators: readonly OperatorDefinition[],
  request: (sql: string, settings: Settings) => object,
): Promise<Query> {
  const { fails, isOrdered = false, limit } = shape
  const sql = limit === undefined ? shape.sql : `${shape.sql} LIMIT ${limit}`
  const engine = createLocalEngine({
    threads: 0,
    operators: operatorTable(operators, EXCHANGE_OPERATORS),
    memoryLimit: 1024 ** 3,
    temp: spillPlace(configOf({})),
    clock: systemClock,
    rng: seededRng(1),
    host: 'oracle',
  })
  try {
    const one = { slots: 1, wallMs: 0 }
    const { stages } = await plan(request(shape.sql, { 'ballista.execution.target_partitions': '1' }), one)
    const rows: string[] = []
    for await (const batch of engine.run({ stages, settings: {} })) rows.push(...takeRows(batch))
    invariant(fails === undefined, `${sql} fails`)
    return {
      sql,
      answer: limit === undefined ? { kind: 'rows', rows, isOrdered } : { kind: 'some', rows, count: limit },
    }
  } catch (error) {
    if (!(error instanceof BallistaError) || error.code !== fails) throw error
    return { sql, answer: { kind: 'error', code: error.code } }
  } finally {
    await engine.close()
  }
}

/** Each row of a batch as text; the batch is given away. */
export function takeRows(batch: Batch): string[] {
  const columns = batch.columns.map(column => columnValues(column))
  const rows = Array.from({ length: batch.rowCount }, (_, row) => encodeWireText(columns.map(column => column[row])))
  releaseBatch(batch)
  return rows
}

/** Why these rows are no answer to the query; undefined: they are. */
export function wrongRows(answer: Answer, rows: readonly string[]): string | undefined {
  if (answer.kind === 'error') return `${rows.length} rows where ${answer.code} was due`
  const left = countsOf(answer.rows)
  for (const row of rows) {
    const count = left.get(row) ?? 0
    if (count === 0) return `row ${row} came once too often`
    left.set(row, count - 1)
  }
  const due = answer.kind === 'some' ? answer.count : answer.rows.length
  if (rows.length !== due) return `${rows.length} of ${due} rows`
  if (answer.kind === 'some' || !answer.isOrdered) return undefined
  const wrong = rows.findIndex((row, i) => row !== answer.rows[i])
  return wrong < 0 ? undefined : `row ${wrong} is ${rows[wrong]} in place of ${answer.rows[wrong]}`
}

function countsOf(rows: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const row of rows) counts.set(row, (counts.get(row) ?? 0) + 1)
  return counts
}

function tables(): object[] {
  const rng = seededRng(2026)
  const below = (end: number): bigint => BigInt(Math.floor(rng.next() * end))
  const t = Array.from({ length: T_ROWS }, (_, i): Value[] => {
    const text = i % 9 === 0 ? null : 'x'.repeat(i % 23)
    return [BigInt(i + 1), below(7), below(1000), text]
  })
  const u = Array.from({ length: U_ROWS }, (): Value[] => [below(T_ROWS) + 1n, below(10)])
  return [memoryTable('t', T, t), memoryTable('u', U, u)]
}

/** A registration of a table whose rows lie in a few batches. */
export function memoryTable(name: string, schema: Schema, rows: readonly Value[][]): object {
  const batches = []
  for (let start = 0; start < rows.length; start += ROWS_A_BATCH) {
    const part = rows.slice(start, start + ROWS_A_BATCH)
    const batch = batchFromValues(
      schema,
      schema.fields.map((_, column) => part.map(row => row[column])),
    )
    batches.push({ bytes: encodeBatch(batch), rowCount: part.length })
    releaseBatch(batch)
  }
  return { kind: 'memory', name, schema, batches }
}
