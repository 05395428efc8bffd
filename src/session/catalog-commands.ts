/** Statements about the catalog, done where it is while they are planned: CREATE, DROP, ANALYZE, SHOW. */
import type { Schema } from '../arrow/schema.js'
import { DEFAULT_CATALOG, DEFAULT_SCHEMA, TEMP_SCHEMA } from '../catalog/catalog.js'
import { placeOf, type Place } from '../catalog/shared-catalog.js'
import type { TableProvider } from '../catalog/table-provider.js'
import { addStatistics } from '../catalog/table-statistics.js'
import { didYouMean, fail, type Span } from '../common/errors.js'
import type { ObjectName, StatementNode } from '../parser/ast.js'
import { quoteIdent, quoteString } from '../parser/quote.js'
import { changed } from './analyze.js'
import { defaultOf } from './column-defaults.js'
import { inlineParameters, sqlType } from './expr/literal.js'
import { tableType } from './information-schema.js'
import { absolutePath, type PlanRequest, type Registration, type StoredObject } from './registration.js'
import { qualified, type NamedTable, type RequestNames, type SessionCatalog } from './request-names.js'
import { listingFormat } from './tables.js'
import type { Warehouse } from './warehouse.js'

type Node<Kind extends StatementNode['kind']> = Extract<StatementNode, { kind: Kind }>
type TextRows = readonly (readonly string[])[]

export interface CommandContext {
  readonly request: PlanRequest
  readonly catalog: SessionCatalog
  readonly names: RequestNames
  readonly warehouse: Warehouse | undefined
  /** Opens a table's files; throws what is wrong with them. */
  open(table: StoredObject & { kind: 'listing' }): Promise<TableProvider>
  /** The columns that a view's query gives. */
  columns(view: Node<'createView'>): Promise<Schema>
}

/** The columns of what SHOW gives. */
export const SHOWN = {
  tables: ['table_catalog', 'table_schema', 'table_name', 'table_type'],
  schemas: ['catalog_name', 'schema_name'],
  catalogs: ['catalog_name', 'keeps_tables'],
  create: ['table_name', 'definition'],
} as const

/** NOT_SUPPORTED for a statement that is not about the catalog. */
export async function runCommand(statement: StatementNode, context: CommandContext): Promise<TextRows> {
  switch (statement.kind) {
    case 'createExternalTable':
    case 'createView':
      await create(statement, context)
      return []
    case 'createSchema':
      await context.catalog.createSchema(schemaOf(statement.name), statement)
      return []
    case 'drop':
      await drop(statement, context)
      return []
    case 'analyze':
      return [await analyze(statement, context)]
    case 'show':
      return showRows(statement, context)
    case 'showCreate':
      return [definitionRow(context.names.find(pathOf(statement.name), statement.name[0].span))]
    default:
      throw fail('NOT_SUPPORTED', ['a statement that is not about the catalog, sent as one that is'])
  }
}

async function create(statement: Node<'createExternalTable' | 'createView'>, context: CommandContext): Promise<void> {
  const { catalog } = context
  const { schema, name } = target(statement.name)
  const { ifNotExists, orReplace, name: written } = statement
  const options = { ifNotExists, orReplace, span: written[0].span }
  // Before files are opened; what is decided is decided in the transaction.
  if (ifNotExists && catalog.get({ schema, name }) !== undefined) return
  await catalog.create(schema, await objectOf(statement, name, context), options)
}

async function objectOf(
  statement: Node<'createExternalTable' | 'createView'>,
  name: string,
  { columns, open, request }: CommandContext,
): Promise<StoredObject> {
  if (statement.kind === 'createView') {
    checkViewColumns(statement, name, await columns(statement))
    const sql = inlineParameters(statement.text, request.parameters ?? {})
    return { kind: 'view', name, sql, columns: statement.columns.map(column => column.name) }
  }
  const path = absolutePath(statement.location, request.baseDirectory)
  const table = { kind: 'listing', name, path, ...listingFormat(statement) } as const
  await open(table)
  return table
}

export function checkViewColumns({ columns }: Node<'createView'>, name: string, { fields }: Schema): void {
  if (columns.length <= fields.length) return
  const found = `view '${name}' has ${fields.length} columns but ${columns.length} names are given`
  throw fail('INVALID_ARGUMENT', [found], { span: columns[0].span })
}

async function drop(statement: Node<'drop'>, context: CommandContext): Promise<void> {
  const gone = await dropped(statement, context)
  await context.warehouse?.remove(gone)
}

async function dropped(statement: Node<'drop'>, { catalog, names }: CommandContext): Promise<readonly StoredObject[]> {
  const { name, what, ifExists, cascade, span } = statement
  if (what === 'schema') return catalog.dropSchema(schemaOf(name), { cascade, ifExists, span: name[0].span })
  const place = target(name)
  // The better error: it has all names to compare with.
  if (!ifExists && catalog.get(place) === undefined) names.find(pathOf(name), name[0].span)
  const gone = await catalog.drop(place, what, { ifExists, span })
  return gone === undefined ? [] : [gone]
}

/** The fingerprint of the table's files and who has the table. What was found in them is kept, if that is given. */
async function analyze(
  { table }: Node<'analyze'>,
  { catalog, names, open, request }: CommandContext,
): Promise<string[]> {
  const path = pathOf(table)
  const { entry, isShared, schema } = names.find(path, spanOf(table))
  if (entry.kind === 'view')
    throw fail('INVALID_ARGUMENT', [`'${path.join('.')}' is a view; ANALYZE the tables that it reads`], {
      span: spanOf(table),
    })
  const fingerprint = entry.kind === 'listing' ? await (await open(entry)).fingerprint?.() : undefined
  if (entry.kind !== 'listing' || fingerprint === undefined)
    throw fail('NOT_SUPPORTED', [`ANALYZE of '${path.join('.')}', which has no files that tell when they change,`], {
      span: spanOf(table),
    })
  const { analyzed } = request
  if (analyzed !== undefined && analyzed.fingerprint !== fingerprint) throw changed(path)
  if (analyzed !== undefined && isShared) {
    const known = { ...entry, analyzed: addStatistics(entry.analyzed, analyzed) }
    if (!(await catalog.replace(schema, entry, known))) throw changed(path)
  }
  return [fingerprint, isShared ? 'catalog' : 'session']
}

function showRows(statement: Node<'show'>, { names, warehouse }: CommandContext): TextRows {
  switch (statement.what) {
    case 'tables': {
      const wanted = statement.schema && schemaOf(statement.schema)
      if (wanted !== undefined && ![...names.schemas(), TEMP_SCHEMA].includes(wanted))
        throw fail('SCHEMA_NOT_FOUND', [wanted, didYouMean(wanted, names.schemas())], { span: statement.span })
      return names
        .list()
        .filter(({ schema }) => wanted === undefined || schema === wanted)
        .map(table => [...qualified(table), tableType(table)])
    }
    case 'schemas':
      return names.schemas().map(schema => [DEFAULT_CATALOG, schema])
    default:
      return [[DEFAULT_CATALOG, warehouse === undefined ? 'NO' : 'YES']]
  }
}

/** The text makes the object anew. */
const definitionRow = (table: NamedTable): readonly string[] => [table.entry.name, definitionOf(table)]

function definitionOf({ entry, schema, isShared }: NamedTable): string {
  const name =
    isShared && schema !== DEFAULT_SCHEMA ? `${quoteIdent(schema)}.${quoteIdent(entry.name)}` : quoteIdent(entry.name)
  const kind = 'temporary' in entry && entry.temporary === true ? 'TEMPORARY ' : ''
  switch (entry.kind) {
    case 'view': {
      const columns = entry.columns.length === 0 ? '' : ` (${entry.columns.map(quoteIdent).join(', ')})`
      return `CREATE ${kind}VIEW ${name}${columns} AS ${entry.sql}`
    }
    case 'listing':
      if (entry.managed === true) return `CREATE TABLE ${name}${columnList(entry)}${logClause(entry)}`
      return `CREATE ${kind}EXTERNAL TABLE ${name}${columnList(entry)} STORED AS ${entry.format.toUpperCase()}${filesClause(entry)}`
    case 'memory':
      return `CREATE ${kind}TABLE ${name}${columnList(entry)}`
    case 'stream':
      throw fail('NOT_SUPPORTED', [`SHOW CREATE of '${entry.name}', a stream of the program,`])
  }
}

type Listing = Extract<Registration, { kind: 'listing' }>

function filesClause({ options, partitionedBy = [], path }: Listing): string {
  const pairs = Object.entries(options).map(([key, value]) => `${quoteString(key)} ${quoteString(value)}`)
  const written = pairs.length === 0 ? '' : ` OPTIONS (${pairs.join(', ')})`
  return `${partitionedClause(partitionedBy)} LOCATION ${quoteString(path)}${written}`
}

/** Of a table of the catalog's own; Parquet is what it takes anyway. */
const logClause = ({ format, partitionedBy = [] }: Listing): string =>
  format === 'parquet' ? '' : ` STORED AS ${format.toUpperCase()}${partitionedClause(partitionedBy)}`

function partitionedClause(partitionedBy: NonNullable<Listing['partitionedBy']>): string {
  const keys = partitionedBy.map(({ name, type }) => quoteIdent(name) + (type === undefined ? '' : ` ${sqlType(type)}`))
  return keys.length === 0 ? '' : ` PARTITIONED BY (${keys.join(', ')})`
}

/** The columns that were declared, but for those with a type of PARTITIONED BY; nothing where they were inferred. */
function columnList(table: Exclude<Registration, { kind: 'view' | 'stream' }>): string {
  const { schema } = table
  const partitionedBy = table.kind === 'listing' ? (table.partitionedBy ?? []) : []
  if (schema === undefined) return ''
  const defaultText = (name: string): string => {
    const sql = defaultOf(table, name)
    return sql === undefined ? '' : ` DEFAULT ${sql}`
  }
  const typed = new Set(partitionedBy.flatMap(({ name, type }) => (type === undefined ? [] : [name])))
  const columns = schema.fields
    .filter(({ name }) => !typed.has(name))
    .map(
      ({ name, type, nullable }) =>
        `${quoteIdent(name)} ${sqlType(type)}${nullable ? '' : ' NOT NULL'}${defaultText(name)}`,
    )
  return ` (${columns.join(', ')})`
}

const pathOf = (name: ObjectName): string[] => name.map(ident => ident.name)

const target = (name: ObjectName): Place => placeOf(pathOf(name), spanOf(name))

const spanOf = (name: ObjectName): Span => name[0].span

/** `schema` or `catalog.schema`. */
function schemaOf(name: ObjectName): string {
  const [schema, catalog = DEFAULT_CATALOG, ...rest] = pathOf(name).toReversed()
  if (rest.length === 0 && catalog === DEFAULT_CATALOG) return schema
  const hint = `; the only catalog is ${DEFAULT_CATALOG}`
  throw fail('SCHEMA_NOT_FOUND', [pathOf(name).join('.'), hint], { span: spanOf(name) })
}
