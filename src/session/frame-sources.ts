/** Where frames begin: a table, the text of a query, rows. */
import type { Schema } from '../arrow/schema.js'
import { parseQuery } from '../parser/parse.js'
import { quoteIdent } from '../parser/quote.js'
import type { QueryNode } from '../parser/ast.js'
import { checkQuery, type CheckedQuery } from './check.js'
import { unitedUses, type FrameQuery } from './frame-query.js'
import type { Parameters } from './parameters.js'
import type { Registration } from './registration.js'
import type { RunOptions } from './run-options.js'
import type { StatementOptions } from './run-statement.js'
import { selectFrom, type SelectText } from './select-text.js'
import type { HeldRows, Session } from './session.js'
import { functionNamesOf } from './user-functions.js'
import { namedText, stepUses, type SqlText, type TableUses } from './sql-text.js'

/** All rows of a table or view of the catalog, of which only the planner knows the columns. */
export async function sharedFrame(session: Session, name: string, options: RunOptions): Promise<FrameQuery> {
  const sql = `SELECT * FROM ${quoteIdent(name)}`
  const uses: TableUses = new Map()
  // With all names, of which an error may name the nearest.
  const schema = await session.schemaOf(session.statement(sql), options)
  return frame(session, selectFrom([{ body: [sql], schema, uses }], name), schema, uses)
}

/** All rows of a table or view, as it is now. */
export async function tableFrame(session: Session, table: Registration, options: RunOptions): Promise<FrameQuery> {
  const sql = `SELECT * FROM ${quoteIdent(table.name)}`
  const { schema, uses } = check(session, parseQuery(sql), { uses: new Map([[table.name, table]]) })
  if (schema !== undefined) return frame(session, selectFrom([quoteIdent(table.name)], table.name), schema, uses)
  // A view over files without a name: only its planner knows the columns, so it is a query of its own.
  const asked = await session.schemaOf({ ...session.statement(sql), uses }, options)
  return frame(session, selectFrom([{ body: [sql], schema: asked, uses }], table.name), asked, uses)
}

/** A query as written, whose tree is `query`. */
export async function textFrame(
  session: Session,
  body: SqlText,
  { query, options }: { query: QueryNode; options: StatementOptions },
): Promise<FrameQuery> {
  const { parameters } = options
  const { sql, steps } = namedText(body)
  const checked = check(session, query, { steps, parameters })
  const statement = { ...session.statement(sql, parameters), uses: checked.uses }
  const schema = checked.schema ?? (await session.schemaOf(statement, options))
  const uses = unitedUses([...stepUses(body), checked.uses])
  const step = parameters === undefined ? { body, schema, uses } : { body, schema, uses, parameters }
  return frame(session, selectFrom([step]), schema, uses)
}

/** Files that have no name in the session. They must have been opened. */
export function fileFrame(session: Session, table: Registration, schema: Schema): FrameQuery {
  return frame(session, selectFrom([quoteIdent(table.name)]), schema, new Map([[table.name, table]]))
}

/** Rows that are there already, as a table that only the frame knows. */
export function heldFrame(session: Session, { schema, batches }: HeldRows): FrameQuery {
  const name = session.anonymousName('rows')
  return fileFrame(session, { kind: 'memory', name, schema, batches }, schema)
}

const frame = (session: Session, query: SelectText, schema: Schema, uses: TableUses): FrameQuery => ({
  session,
  settings: session.settings,
  query,
  schema,
  uses,
})

const check = (
  session: Session,
  query: QueryNode,
  known: {
    readonly steps?: ReadonlyMap<string, { readonly schema: Schema }>
    readonly uses?: TableUses
    readonly parameters?: Parameters | undefined
  },
): CheckedQuery =>
  checkQuery(
    query,
    {
      step: name => known.steps?.get(name)?.schema,
      table: (name, span) => known.uses?.get(name.at(-1) ?? '') ?? session.find(name, span),
      all: () => session.statement('').uses,
      columns: table => session.columns(table),
      functions: functionNamesOf(session.functions.list()),
    },
    known.parameters,
  )
