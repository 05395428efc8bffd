/** What frames do beside giving rows: EXPLAIN, COPY and CREATE VIEW over their query. */
import { fail } from '../common/errors.js'
import type { WriteMode } from '../catalog/table-write.js'
import { displayLogical } from '../logical/display.js'
import { parseQuery } from '../parser/parse.js'
import { quoteIdent, quoteString } from '../parser/quote.js'
import { checkQuery, nullParameters } from './check.js'
import { insertRows } from './change-rows.js'
import { frameStatement, inlineSql, type FrameQuery } from './frame-query.js'
import { isAnonymous } from './registration.js'
import type { RunOptions } from './run-options.js'
import { analyzeStatement } from './run-statement.js'
import { fileFrame } from './frame-sources.js'
import type { StreamInput } from './input-stream.js'
import { withoutRows, type HeldRows, type Session, type Statement } from './session.js'
import { idempotencyKey } from './options.js'
import { functionNamesOf } from './user-functions.js'

export interface ExplainOptions extends RunOptions {
  /** Also the plan after every rule. */
  readonly verbose?: boolean
  /** Runs the query, and shows what its operators counted. */
  readonly analyze?: boolean
  /** Runs the query in several tasks and in one, and gives rows `check`, `result` and `detail`. */
  readonly verify?: boolean
  /** Default: indent. */
  readonly format?: 'indent' | 'tree'
}

export interface WriteOptions extends RunOptions, KeyedWrite {
  /** What becomes of what is there. Default: a file is replaced, a directory gets more files. */
  readonly mode?: WriteMode
  /** Columns by whose values rows go to directories `column=value/`; the path is a directory then. */
  readonly partitionBy?: readonly string[]
  /** Order of the rows in each file: `['a', 'b DESC']`. */
  readonly sortBy?: readonly string[]
  /** False: a directory of files, also where the path does not end in `/`. */
  readonly singleFile?: boolean
  /** Of the format: Parquet `snappy`, `zstd`, …; CSV and JSON `gzip`, `zstd`. */
  readonly compression?: string
  /** More options of the format, by the keys of `COPY … OPTIONS (…)`: `{ has_header: false }`. */
  readonly format?: Readonly<Record<string, string | number | boolean>>
}

export interface InsertOptions extends RunOptions, KeyedWrite {
  /** In place of the rows that the table has. */
  readonly overwrite?: boolean
}

interface KeyedWrite {
  /** Writes to one target with the same key, within a day, are one: a write whose answer was lost can be sent again. Not for tables in memory. */
  readonly idempotencyKey?: string
}

export interface ViewOptions {
  /** Replaces a table or view of this name instead of DUPLICATE_NAME. */
  readonly orReplace?: boolean
}

/** Rows `plan_type` and `plan`; with `verify`, other ones. */
export async function explainFrame(
  frame: FrameQuery,
  { verbose, analyze, verify, format, ...options }: ExplainOptions,
): Promise<HeldRows> {
  const words = [analyze === true ? 'ANALYZE' : '', verbose === true ? 'VERBOSE' : '', `FORMAT ${format ?? 'indent'}`]
  const query = frameStatement(frame)
  if (verify === true) {
    const { verifyQuery } = await import('./verify.js')
    return verifyQuery(frame.session, parseQuery(query.sql), query, options)
  }
  const statement = { ...query, sql: `EXPLAIN ${words.filter(word => word !== '').join(' ')} ${query.sql}` }
  return analyze === true
    ? analyzeStatement(frame.session, statement, options)
    : frame.session.collect(statement, options)
}

/** The plan as it is bound, before any rule; parameters without a value are NULL. */
export function boundPlanText(frame: FrameQuery): string {
  const { session, uses } = frame
  const { sql, parameters } = frameStatement(frame)
  const query = parseQuery(sql)
  const { plan } = checkQuery(
    query,
    {
      step: () => undefined,
      table: name => uses.get(name.at(-1) ?? '') ?? session.find(name),
      all: () => session.statement('').uses,
      columns: table => session.columns(table),
      functions: functionNamesOf(session.functions.list()),
    },
    { ...nullParameters(query), ...parameters },
  )
  if (plan !== undefined) return displayLogical(plan)
  throw fail('NOT_SUPPORTED', ['the logical plan of a query over a file without a name; register it'])
}

/** Writes the rows into a file, or into a directory whose path ends in `/`; gives one row `count`. */
export function copyFrame(
  frame: FrameQuery,
  path: string,
  format: string,
  {
    compression,
    format: more = {},
    idempotencyKey: key,
    mode,
    partitionBy = [],
    singleFile,
    sortBy,
    ...run
  }: WriteOptions,
): Promise<HeldRows> {
  const options = { compression, mode, single_file: singleFile, sort_by: sortBy?.join(', '), ...more }
  const pairs = Object.entries(options).flatMap(([name, value]) =>
    value === undefined ? [] : [`${quoteString(name)} ${quoteString(String(value))}`],
  )
  const partitions = partitionBy.length === 0 ? '' : ` PARTITIONED BY (${partitionBy.map(quoteIdent).join(', ')})`
  const clause = pairs.length === 0 ? '' : ` OPTIONS (${pairs.join(', ')})`
  const query = frameStatement(frame)
  const sql = `COPY (\n${query.sql}\n) TO ${quoteString(path)} STORED AS ${format}${partitions}${clause}`
  return frame.session.write({ ...keyed(query, key), sql }, run)
}

const keyed = (statement: Statement, key: string | undefined): Statement =>
  key === undefined ? statement : { ...statement, settings: { ...statement.settings, [idempotencyKey.key]: key } }

/** Appends the rows to a table; gives one row `count`. */
export function insertFrame(
  frame: FrameQuery,
  name: string,
  { idempotencyKey: key, overwrite = false, ...options }: InsertOptions,
): Promise<HeldRows> {
  const { session } = frame
  const query = frameStatement(frame)
  const own = session.find([name])
  // For the planner to find, or to name the nearest.
  const targets = own === undefined ? session.tables.list().map(({ entry }) => withoutRows(entry)) : [own]
  const uses = new Map([...targets.map(target => [target.name, target] as const), ...frame.uses])
  const sql = `INSERT ${overwrite ? 'OVERWRITE' : 'INTO'} ${quoteIdent(name)} ${query.sql}`
  return insertRows(session, { table: [name], overwrite }, { ...keyed(query, key), sql, uses }, options)
}

/** Appends the rows of a stream to the table of the frame, columns by name; gives one row `count`. */
export async function insertStream(frame: FrameQuery, rows: StreamInput, options: InsertOptions): Promise<HeldRows> {
  const { session, uses } = frame
  const [name = ''] = uses.keys()
  if (uses.size !== 1 || frameStatement(frame).sql !== `SELECT * FROM ${quoteIdent(name)}`)
    throw fail('INVALID_ARGUMENT', ['rows are inserted into a table, not into a query; use ctx.table(name)'])
  const source = await session.streamTable(frame.schema, rows)
  return insertFrame(fileFrame(session, source, frame.schema), name, options)
}

/** Makes held rows a table. */
export function nameRows({ session }: FrameQuery, name: string, rows: HeldRows, options: ViewOptions): void {
  checkFree(session, name, options)
  session.register([name], { kind: 'memory', name, ...rows })
}

/** Makes the query a view; tables without a name that it reads stay with the session. */
export function nameFrame(frame: FrameQuery, name: string, options: ViewOptions): void {
  const { session } = frame
  checkFree(session, name, options)
  const changed = [...frame.uses].find(
    ([used, table]) => used === name || (!isAnonymous(used) && session.tables.get([used]) !== table),
  )
  if (changed !== undefined) {
    const why = changed[0] === name ? 'a view cannot read what it replaces' : 'it was changed since the frame was made'
    throw fail('INVALID_ARGUMENT', [`table '${changed[0]}': ${why}; make the frame anew, or cache() it`])
  }
  for (const [used, table] of frame.uses) if (isAnonymous(used)) session.hide(table)
  session.register([name], { kind: 'view', name, sql: inlineSql(frame), columns: [] })
}

function checkFree({ tables }: Session, name: string, { orReplace = false }: ViewOptions): void {
  if (!orReplace && tables.get([name]) !== undefined) throw fail('DUPLICATE_NAME', [`table or view '${name}'`])
}
