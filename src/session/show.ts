/** SHOW: what the session knows. */
import type { Schema } from '../arrow/schema.js'
import { DEFAULT_CATALOG, DEFAULT_SCHEMA } from '../catalog/catalog.js'
import { fail } from '../common/errors.js'
import { AGGREGATES } from '../expr/functions/aggregate/index.js'
import { SCALARS } from '../expr/functions/index.js'
import { likeMatcher } from '../expr/like-pattern.js'
import type { ObjectName, StatementNode } from '../parser/ast.js'
import { quoteIdent, quoteString } from '../parser/quote.js'
import { sqlType } from './expr/literal.js'
import { textRows } from './held-rows.js'
import { settingRows } from './options.js'
import type { Registration } from './registration.js'
import type { HeldRows, Session } from './session.js'
import { TABLE_FUNCTION_NAMES } from './table-functions.js'

type ShowNode = Extract<StatementNode, { kind: 'show' | 'showCreate' | 'showFunctions' }>

export function show(session: Session, statement: ShowNode): HeldRows {
  switch (statement.kind) {
    case 'showFunctions':
      return textRows(['function_name', 'function_type', 'description'], functionRows(statement.like ?? '%'))
    case 'showCreate':
      return textRows(['table_name', 'definition'], [createRow(session, statement.name)])
    case 'show':
      return showNamed(session, statement)
  }
}

function showNamed(session: Session, statement: Extract<ShowNode, { kind: 'show' }>): HeldRows {
  switch (statement.what) {
    case 'tables':
      return textRows(
        ['table_catalog', 'table_schema', 'table_name', 'table_type'],
        session.tables
          .list()
          .map(({ entry }) => [
            DEFAULT_CATALOG,
            DEFAULT_SCHEMA,
            entry.name,
            entry.kind === 'view' ? 'VIEW' : 'BASE TABLE',
          ]),
      )
    case 'all':
    case 'option': {
      const key = statement.what === 'all' ? undefined : statement.name
      return textRows(['name', 'value'], settingRows(session.settings, key, statement.span))
    }
  }
}

/** Functions under each of their names, in alphabetical order. */
function functionRows(pattern: string): readonly (readonly string[])[] {
  const matches = likeMatcher(pattern, undefined, true)
  const rows = [
    ...SCALARS.flatMap(({ name, aliases, description }) =>
      [name, ...(aliases ?? [])].map(called => [called, 'scalar', description]),
    ),
    ...AGGREGATES.flatMap(({ name, aliases, description }) =>
      [name, ...(aliases ?? [])].map(called => [called, 'aggregate', description]),
    ),
    ...TABLE_FUNCTION_NAMES.map(name => [name, 'table', 'Rows of a file, or of a series.']),
  ]
  return rows.filter(([name]) => matches(name)).sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0))
}

function createRow(session: Session, name: ObjectName): readonly string[] {
  const path = name.map(ident => ident.name)
  const entry = session.lookup(path, name[0].span)
  return [entry.name, definitionOf(entry)]
}

function definitionOf(entry: Registration): string {
  const name = quoteIdent(entry.name)
  switch (entry.kind) {
    case 'view': {
      const columns = entry.columns.length === 0 ? '' : ` (${entry.columns.map(quoteIdent).join(', ')})`
      return `CREATE VIEW ${name}${columns} AS ${entry.sql}`
    }
    case 'listing': {
      const options = Object.entries(entry.options).map(([key, value]) => `${quoteString(key)} ${quoteString(value)}`)
      const written = options.length === 0 ? '' : ` OPTIONS (${options.join(', ')})`
      const location = `LOCATION ${quoteString(entry.path)}`
      return `CREATE EXTERNAL TABLE ${name}${columnList(entry.schema)} STORED AS ${entry.format.toUpperCase()} ${location}${written}`
    }
    default:
      throw fail('NOT_SUPPORTED', [`SHOW CREATE of '${entry.name}', whose rows live in the session,`])
  }
}

/** The columns that were declared; nothing where they were inferred. */
function columnList(schema: Schema | undefined): string {
  if (schema === undefined) return ''
  const columns = schema.fields.map(
    ({ name, type, nullable }) => `${quoteIdent(name)} ${sqlType(type)}${nullable ? '' : ' NOT NULL'}`,
  )
  return ` (${columns.join(', ')})`
}
