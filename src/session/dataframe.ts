/** A query that has not run: operations add to it, the methods of Result run it. */
import type { Schema } from '../arrow/schema.js'
import type { QueryResult } from './backend.js'
import {
  countText,
  itemsText,
  keysText,
  orderText,
  predicateText,
  sqlItems,
  type ColumnInput,
  type PredicateInput,
  type SortInput,
} from './columns-argument.js'
import { countRows } from './expr/call.js'
import type { ExprInput } from './expr/expr.js'
import { asStep, Sql, type StepSource } from './expr/sql.js'
import {
  boundPlanText,
  copyFrame,
  explainFrame,
  insertFrame,
  insertStream,
  nameFrame,
  nameRows,
  type ExplainOptions,
  type InsertOptions,
  type ViewOptions,
  type WriteOptions,
} from './frame-actions.js'
import { excluded, extended, filled, renamed } from './frame-columns.js'
import { heldFrame } from './frame-sources.js'
import { columnFacts, FACT_NUMBER, factRows } from './describe-columns.js'
import { derived, inlineSql, frameStatement, frameStep, parameterized, type FrameQuery } from './frame-query.js'
import { heldBatches } from './held-rows.js'
import { joinedFrames, type JoinOptions, type JoinType } from './join-text.js'
import type { ParameterValues } from './parameters.js'
import { Result } from './result.js'
import type { StreamInput } from './input-stream.js'
import { openRun, type RunOptions } from './run-options.js'
import { closed, isBare, isOpenAt, selectFrom, type QueryText, type SelectText } from './select-text.js'
import type { HeldRows } from './session.js'
import { joinText, text, type Step } from './sql-text.js'

export { given } from './run-options.js'

/**
 * Immutable and lazy: an operation gives a new frame and runs nothing, but fails at once for wrong names and types
 * (COLUMN_NOT_FOUND, TYPE_MISMATCH, …). Strings name columns, except in `filter` and `selectExprs`, which take SQL. Columns of a
 * table or an `alias` may be qualified (`t.a`) up to the next `select` or `aggregate` over a join.
 */
export class DataFrame extends Result implements StepSource {
  readonly #frame: FrameQuery
  readonly #held: HeldRows | undefined

  /** `held`: the rows, if they are there already. */
  constructor(frame: FrameQuery, held?: HeldRows) {
    super()
    this.#frame = frame
    this.#held = held
  }

  /** The columns, in this order, and nothing else: names, expressions (named by `alias`), `*`, `t.*`. */
  select(...columns: readonly ColumnInput[]): DataFrame {
    return this.#derive({ ...this.#openAt('items'), items: itemsText(columns) })
  }

  /** `select` with SQL: `selectExprs('a + 1 AS b', 'upper(s)')`. */
  selectExprs(...items: readonly string[]): DataFrame {
    return this.#derive({ ...this.#openAt('items'), items: sqlItems(items) })
  }

  /** Rows for which the predicate is true (not false, not NULL). A string is SQL: `filter('a > 1')`. */
  filter(predicate: PredicateInput): DataFrame {
    const open = this.#openAt('where')
    const added = predicateText(predicate)
    return new DataFrame(
      derived(this.#frame, { ...open, where: [...open.where, added] }, { check: { ...open, where: [added] } }),
    )
  }

  /** The same as `filter`. */
  where(predicate: PredicateInput): DataFrame {
    return this.filter(predicate)
  }

  /** One row for each combination of the group expressions: those, then the aggregates. No groups: one row. */
  aggregate(groups: readonly ColumnInput[], aggregates: readonly ColumnInput[]): DataFrame {
    const items = itemsText([...groups, ...aggregates])
    const grouped = groups.length === 0 ? {} : { groupBy: keysText(groups) }
    return this.#derive({ ...this.#openAt('items'), items, ...grouped })
  }

  /** `groupBy('a').agg(fn.sum(col('b')))` is `aggregate(['a'], [fn.sum(col('b'))])`. */
  groupBy(...groups: readonly ColumnInput[]): { agg(...aggregates: readonly ColumnInput[]): DataFrame } {
    return { agg: (...aggregates) => this.aggregate(groups, aggregates) }
  }

  /** In the order of the keys, ascending with NULLs last unless they say otherwise. */
  sort(...keys: readonly SortInput[]): DataFrame {
    return this.#derive({ ...this.#openAt('items'), orderBy: orderText(keys) })
  }

  /** The same as `sort`. */
  orderBy(...keys: readonly SortInput[]): DataFrame {
    return this.sort(...keys)
  }

  /** At most `count` rows, after the first `offset`. */
  limit(count: number, offset = 0): DataFrame {
    const skip = offset === 0 ? '' : ` OFFSET ${countText('offset', offset)}`
    return this.#derive({ ...this.#openAt('limit'), limit: [`LIMIT ${countText('limit', count)}${skip}`] })
  }

  /** Pairs of rows of both frames; see JoinOptions. Columns of both sides can be qualified: `alias` names a side. */
  join(right: DataFrame, options: JoinOptions): DataFrame {
    const joined = joinedFrames(this.#frame, right.#frame, options)
    return new DataFrame(derived(this.#frame, joined, { others: [right.#frame] }))
  }

  /** A join whose conditions are expressions over the columns of both sides; all must be true. */
  joinOn(right: DataFrame, conditions: readonly PredicateInput[], how: JoinType = 'inner'): DataFrame {
    return this.join(right, { how, filter: new Sql(joinText(conditions.map(predicateText), ' AND ')) })
  }

  /** Rows of both frames, columns by position; types are united. */
  union(other: DataFrame): DataFrame {
    return this.#combine('UNION ALL', other)
  }

  /** `union` without repeated rows. */
  unionDistinct(other: DataFrame): DataFrame {
    return this.#combine('UNION', other)
  }

  /** Rows of both frames, columns by name; NULL where a side has no such column. */
  unionByName(other: DataFrame): DataFrame {
    return this.#combine('UNION ALL BY NAME', other)
  }

  unionByNameDistinct(other: DataFrame): DataFrame {
    return this.#combine('UNION BY NAME', other)
  }

  /** Rows that both frames have, each as often as the frame that has fewer of it. */
  intersect(other: DataFrame): DataFrame {
    return this.#combine('INTERSECT ALL', other)
  }

  intersectDistinct(other: DataFrame): DataFrame {
    return this.#combine('INTERSECT', other)
  }

  /** Rows of this frame less those of the other; of a repeated row, as many as the other has. */
  except(other: DataFrame): DataFrame {
    return this.#combine('EXCEPT ALL', other)
  }

  exceptDistinct(other: DataFrame): DataFrame {
    return this.#combine('EXCEPT', other)
  }

  /** Each row once; NULLs are equal. */
  distinct(): DataFrame {
    return this.#derive({ ...this.#openAt('distinct'), distinct: ['DISTINCT'] })
  }

  /** The first row of each combination of `on`, in the order of `sort` (which must begin with `on`); any row without it. */
  distinctOn(on: readonly ColumnInput[], columns: readonly ColumnInput[], sort: readonly SortInput[] = []): DataFrame {
    const order = sort.length === 0 ? {} : { orderBy: orderText(sort) }
    const distinct = text`DISTINCT ON (${keysText(on)})`
    return this.#derive({ ...this.#openAt('items'), distinct, items: itemsText(columns), ...order })
  }

  /** All columns and one more, last; in the place of a column that has this name. */
  withColumn(name: string, expr: ExprInput): DataFrame {
    return this.#derive(extended(this.#frame, name, expr))
  }

  /** The same columns, one under another name. */
  withColumnRenamed(from: string, to: string): DataFrame {
    return this.#derive(renamed(this.#frame, from, to))
  }

  /** All columns but these. */
  drop(...names: readonly string[]): DataFrame {
    return this.#derive(excluded(this.#frame, names))
  }

  /** The same rows under a name that qualifies columns: `a.x` after `alias('a')`. */
  alias(name: string): DataFrame {
    const { query } = this.#frame
    const source = isBare(query) ? query.source : undefined
    return this.#derive(selectFrom(source ?? [frameStep(this.#frame)], name))
  }

  /** The value in place of NULL, in these columns; by default in all whose type can hold it. Types stay. */
  fillNull(value: ExprInput, columns?: readonly string[]): DataFrame {
    return this.#derive(filled(this.#frame, 'NULL', value, columns))
  }

  /** The value in place of NaN, in these columns; by default in all floating-point columns. */
  fillNan(value: ExprInput, columns?: readonly string[]): DataFrame {
    return this.#derive(filled(this.#frame, 'NaN', value, columns))
  }

  /** Values for `$1`, `$2`, … or `$name`: the same query with them. A value without a parameter is INVALID_ARGUMENT. */
  withParams(parameters: ParameterValues): DataFrame {
    return new DataFrame(parameterized(this.#frame, parameters))
  }

  /**
   * Seven rows about every column, as text, their kind in a column `describe`: count, null_count, mean, std, min, max, median. NULL
   * where a type has no such number.
   */
  describe(): DataFrame {
    const aggregated = this.#derive(columnFacts(this.#frame))
    return aggregated.#derive(factRows(aggregated.#frame, this.#frame.schema)).sort(FACT_NUMBER).drop(FACT_NUMBER)
  }

  schema(): Schema {
    return this.#frame.schema
  }

  /** The query as one SQL statement, values in the place of parameters. */
  toSql(): string {
    return inlineSql(this.#frame)
  }

  /** Starts the query. Read the batches or leave their loop: an unread result keeps its place among those that a cluster runs. */
  async execute(options: RunOptions = {}, onRestart?: () => void): Promise<QueryResult> {
    const held = this.#held
    if (held === undefined) return this.#frame.session.execute(frameStatement(this.#frame), options, onRestart)
    const run = openRun(options)
    return { schema: held.schema, batches: run.until(heldBatches(held, run.signal)) }
  }

  /** The first `limit` rows as a text table; no more are asked for. */
  override toString(limit = Infinity, options: RunOptions = {}): Promise<string> {
    const isWhole = limit === Infinity || this.#held !== undefined
    return isWhole ? super.toString(limit, options) : this.limit(limit).toString(Infinity, options)
  }

  /** The number of rows. Runs the query as far as counting needs. */
  async count(options: RunOptions = {}): Promise<number> {
    if (this.#held !== undefined) return this.#held.batches.reduce((sum, batch) => sum + batch.rowCount, 0)
    const [{ n }] = await this.aggregate([], [countRows().alias('n')]).rows(options)
    return Number(n)
  }

  /** Runs the query once and holds its rows in this process; the frame that is given reads them. */
  async cache(options: RunOptions = {}): Promise<DataFrame> {
    return this.#holding(await this.#frame.session.collect(frameStatement(this.#frame), options))
  }

  /** The plans as rows `plan_type` and `plan`. */
  async explain(options: ExplainOptions = {}): Promise<DataFrame> {
    return this.#holding(await explainFrame(this.#frame, options))
  }

  /** The plan of the query as it is written, before any rule. */
  logicalPlan(): string {
    return boundPlanText(this.#frame)
  }

  /** The plan after the rules. */
  optimizedPlan(options: RunOptions = {}): Promise<string> {
    return this.#planText('logical_plan', options)
  }

  /** The operators that run. */
  physicalPlan(options: RunOptions = {}): Promise<string> {
    return this.#planText('physical_plan', options)
  }

  /** Names the query in the session, for SQL and `ctx.table`. A frame that holds its rows becomes a table. */
  createView(name: string, options: ViewOptions = {}): void {
    if (this.#held === undefined) nameFrame(this.#frame, name, options)
    else nameRows(this.#frame, name, this.#held, options)
  }

  /** Runs the query now and writes its rows into a file (or a directory: `dir/`); gives their number. All or nothing. */
  writeParquet(path: string, options: WriteOptions = {}): Promise<number> {
    return this.#write(path, 'PARQUET', options)
  }

  writeCsv(path: string, options: WriteOptions = {}): Promise<number> {
    return this.#write(path, 'CSV', options)
  }

  /** Newline-delimited JSON. */
  writeJson(path: string, options: WriteOptions = {}): Promise<number> {
    return this.#write(path, 'JSON', options)
  }

  /** An Arrow IPC file. */
  writeArrow(path: string, options: WriteOptions = {}): Promise<number> {
    return this.#write(path, 'ARROW', options)
  }

  #holding(rows: HeldRows): DataFrame {
    return new DataFrame(heldFrame(this.#frame.session, rows), rows)
  }

  /**
   * Of the frame of a table (`ctx.table(name)`): appends the rows of a stream, row objects or record batches, and gives their number. A
   * session of this process takes them with backpressure; others hold them before they send them.
   */
  async insert(rows: StreamInput, options: InsertOptions = {}): Promise<number> {
    return this.#written(await insertStream(this.#frame, rows, options))
  }

  /** Runs the query now and appends its rows, columns by position, to a table in memory or over a directory; gives their number. */
  async insertInto(table: string, options: InsertOptions = {}): Promise<number> {
    return this.#written(await insertFrame(this.#frame, table, options))
  }

  async #write(path: string, format: string, options: WriteOptions): Promise<number> {
    return this.#written(await copyFrame(this.#frame, path, format, options))
  }

  /** What a write says of itself. */
  async #written(rows: HeldRows): Promise<number> {
    const [{ count }] = await this.#holding(rows).rows()
    return Number(count)
  }

  async #planText(which: string, options: RunOptions): Promise<string> {
    const rows = await (await this.explain(options)).rows()
    return String(rows.find(row => row['plan_type'] === which)?.['plan'] ?? '')
  }

  [asStep](): Step {
    return frameStep(this.#frame)
  }

  #derive(query: QueryText): DataFrame {
    return new DataFrame(derived(this.#frame, query))
  }

  /** The SELECT to which a clause may be added: this one, or one over it. */
  #openAt(place: Parameters<typeof isOpenAt>[1]): SelectText {
    const { query, schema, uses } = this.#frame
    return isOpenAt(query, place) ? query : closed(query, schema, uses)
  }

  /** Chains of one operator stay flat, however long, and only the last step of one is checked. */
  #combine(operator: string, other: DataFrame): DataFrame {
    const { query, schema, uses } = this.#frame
    const theirs = frameStep(other.#frame)
    const terms = query.kind === 'set' && query.operator === operator ? query.terms : [frameStep(this.#frame)]
    const check: QueryText = { kind: 'set', operator, terms: [{ body: [], schema, uses }, theirs] }
    const combined: QueryText = { kind: 'set', operator, terms: [...terms, theirs] }
    return new DataFrame(derived(this.#frame, combined, { others: [other.#frame], check }))
  }
}
