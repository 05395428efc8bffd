/** What frames do beside giving rows: EXPLAIN, COPY and CREATE VIEW over their query. */
import { fail } from '../common/errors.js'
import { displayLogical } from '../logical/display.js'
import { parseQuery } from '../parser/parse.js'
import { quoteIdent, quoteString } from '../parser/quote.js'
import { checkQuery, nullParameters } from './check.js'
import { insertRows } from './change-rows.js'
import { frameStatement, inlineSql, type FrameQuery } from './frame-query.js'
import { isAnonymous } from './registration.js'
import type { RunOptions } from './run-options.js'
import { analyzeStatement } from './run-statement.js'
import type { HeldRows, Session } from './session.js'
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

/** Options of the written format, by the keys of `COPY … OPTIONS (…)`: `{ compression: 'zstd' }`. */
export interface WriteOptions extends RunOptions {
  readonly format?: Readonly<Record<string, string | number | boolean>>
}

export interface InsertOptions extends RunOptions {
  /** In place of the rows that a table in memory has. */
  readonly overwrite?: boolean
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
      table: name => uses.get(name.at(-1) ?? '') ?? session.lookup(name),
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
export function copyFrame(frame: FrameQuery, path: string, format: string, options: WriteOptions): Promise<HeldRows> {
  const pairs = Object.entries(options.format ?? {}).map(
    ([key, value]) => `${quoteString(key)} ${quoteString(String(value))}`,
  )
  const clause = pairs.length === 0 ? '' : ` OPTIONS (${pairs.join(', ')})`
  const query = frameStatement(frame)
  const sql = `COPY (\n${query.sql}\n) TO ${quoteString(path)} STORED AS ${format}${clause}`
  return frame.session.write({ ...query, sql }, options)
}

/** Appends the rows to a table; gives one row `count`. */
export function insertFrame(
  frame: FrameQuery,
  name: string,
  { overwrite = false, ...options }: InsertOptions,
): Promise<HeldRows> {
  const { session } = frame
  const query = frameStatement(frame)
  const uses = new Map([[name, session.tables.lookup([name])], ...frame.uses])
  const sql = `INSERT ${overwrite ? 'OVERWRITE' : 'INTO'} ${quoteIdent(name)} ${query.sql}`
  return insertRows(session, { table: [name], overwrite }, { ...query, sql, uses }, options)
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
