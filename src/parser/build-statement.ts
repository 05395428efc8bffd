/**
 * Builders of statements other than queries, called by the actions of the grammar. Parts that were not written are
 * null.
 */
import { fail } from '../common/errors.js'
import type { Span } from '../common/errors.js'
import type {
  ColumnDefinition,
  ExprNode,
  Ident,
  NamedArgument,
  ObjectName,
  OptionList,
  PartitionColumn,
  TableStorage,
  QueryNode,
  StatementNode,
  TableNode,
  TypeNode,
} from './ast.js'
import { select, splitArguments } from './build-query.js'

export interface OptionPart {
  readonly key: string
  /** Null for a key alone, which means true. */
  readonly value: string | null
  readonly span: Span
}

export type ExternalClause =
  | { readonly kind: 'STORED AS'; readonly value: string; readonly span: Span }
  | { readonly kind: 'LOCATION'; readonly value: string; readonly span: Span }
  | { readonly kind: 'OPTIONS'; readonly value: readonly OptionPart[]; readonly span: Span }
  | { readonly kind: 'PARTITIONED BY'; readonly value: readonly PartitionColumn[]; readonly span: Span }

export type Created = Extract<StatementNode, { readonly kind: 'createExternalTable' | 'createTable' | 'createView' }>

/** Keys in lower case without `format.`; a key may be written once. */
export function options(parts: readonly OptionPart[]): OptionList {
  const list: Record<string, string> = {}
  for (const { key, value, span } of parts) {
    const name = key.toLowerCase().replace(/^format\./, '')
    if (Object.hasOwn(list, name)) throw fail('SYNTAX', [`option '${name}' is written twice`], { span })
    Object.defineProperty(list, name, { value: value ?? 'true', enumerable: true, configurable: true, writable: true })
  }
  return list
}

/** The clauses by kind, each at most once. */
function once<C extends { readonly kind: string; readonly span: Span }>(
  clauses: readonly C[],
): { readonly [K in C['kind']]?: Extract<C, { readonly kind: K }> } {
  const found: { [K in C['kind']]?: Extract<C, { readonly kind: K }> } = {}
  for (const clause of clauses) {
    const kind = clause.kind as C['kind']
    if (found[kind] !== undefined) throw fail('SYNTAX', [`${kind} is written twice`], { span: clause.span })
    found[kind] = clause as Extract<C, { kind: typeof kind }>
  }
  return found
}

export type ColumnConstraint =
  | { readonly kind: 'NULL'; readonly value: boolean; readonly span: Span }
  | { readonly kind: 'DEFAULT'; readonly value: NonNullable<ColumnDefinition['default']>; readonly span: Span }

export function column(name: Ident, type: TypeNode, constraints: readonly ColumnConstraint[]): ColumnDefinition {
  const found = once(constraints)
  const definition = { name, type, notNull: found.NULL?.value === false }
  return found.DEFAULT === undefined ? definition : { ...definition, default: found.DEFAULT.value }
}

/** Defaults are kept by the catalog, which those who write such a table without it do not ask. */
function refuseDefaults(columns: readonly ColumnDefinition[] | null, what: string): void {
  const found = columns?.find(each => each.default !== undefined)
  if (found !== undefined) throw fail('NOT_SUPPORTED', [`DEFAULT in ${what}`], { span: found.name.span })
}

type InsertNode = Extract<StatementNode, { kind: 'insert' }>

export const insert = (span: Span, parts: Omit<InsertNode, 'kind' | 'span'>): InsertNode => ({
  kind: 'insert',
  ...parts,
  span,
})

export function externalTable(
  span: Span,
  ifNotExists: boolean,
  name: ObjectName,
  columns: readonly ColumnDefinition[] | null,
  clauses: readonly ExternalClause[],
): Created {
  refuseDefaults(columns, 'CREATE EXTERNAL TABLE')
  const found = once(clauses)
  const storedAs = found['STORED AS']
  const location = found.LOCATION
  if (storedAs === undefined || location === undefined) {
    const missing = storedAs === undefined ? 'STORED AS (parquet, csv, json or arrow)' : "LOCATION 'path'"
    throw fail('SYNTAX', [`CREATE EXTERNAL TABLE needs ${missing}`], { span })
  }
  return {
    kind: 'createExternalTable',
    name,
    columns: columns ?? [],
    storedAs: storedAs.value.toLowerCase(),
    location: location.value,
    partitionedBy: found['PARTITIONED BY']?.value ?? [],
    options: options(found.OPTIONS?.value ?? []),
    ifNotExists,
    orReplace: false,
    temporary: false,
    span,
  }
}

interface TableParts {
  readonly name: ObjectName
  readonly columns: readonly ColumnDefinition[] | null
  readonly clauses: readonly ExternalClause[]
  readonly query: QueryNode | null
}

/** Where a table's rows are kept, if that is not the memory. */
function storage(span: Span, clauses: readonly ExternalClause[]): TableStorage {
  const found = once(clauses)
  const storedAs = found['STORED AS']
  if (storedAs === undefined)
    throw fail('SYNTAX', ['CREATE TABLE with a place for its rows needs STORED AS (delta)'], { span })
  return {
    storedAs: storedAs.value.toLowerCase(),
    ...(found.LOCATION === undefined ? {} : { location: found.LOCATION.value }),
    partitionedBy: found['PARTITIONED BY']?.value ?? [],
    options: options(found.OPTIONS?.value ?? []),
  }
}

export function table(span: Span, ifNotExists: boolean, { clauses, columns, name, query }: TableParts): Created {
  if (columns === null && query === null) {
    throw fail('SYNTAX', ['CREATE TABLE needs a list of columns or AS query'], { span })
  }
  if (clauses.length > 0) refuseDefaults(columns, 'CREATE TABLE … STORED AS')
  return {
    kind: 'createTable',
    name,
    columns: columns ?? [],
    ...(query ? { query } : {}),
    ...(clauses.length === 0 ? {} : { stored: storage(span, clauses) }),
    ifNotExists,
    orReplace: false,
    temporary: false,
    span,
  }
}

type ViewParts = Omit<Extract<StatementNode, { kind: 'createView' }>, 'kind' | 'orReplace' | 'temporary' | 'span'>

export const view = (span: Span, parts: ViewParts): Created => ({
  kind: 'createView',
  ...parts,
  orReplace: false,
  temporary: false,
  span,
})

/** What CREATE makes, with its OR REPLACE and TEMPORARY. */
export function create(span: Span, how: { orReplace: boolean; temporary: boolean }, made: Created): StatementNode {
  return { ...made, ...how, span }
}

/** Views that read a table stay when it goes, and fail until there is another one: for tables and views both words change nothing. */
export function drop(
  span: Span,
  parts: { what: string; name: ObjectName; ifExists: boolean; behavior: string | null },
): StatementNode {
  const what = parts.what.toLowerCase() as 'table' | 'view' | 'schema'
  const cascade = what === 'schema' && parts.behavior?.toLowerCase() === 'cascade'
  return { kind: 'drop', what, name: parts.name, ifExists: parts.ifExists, cascade, span }
}

export const showTables = (span: Span, schema: ObjectName | null): StatementNode => ({
  kind: 'show',
  what: 'tables',
  ...(schema === null ? {} : { schema }),
  span,
})

export type ExplainOption =
  | { readonly kind: 'ANALYZE'; readonly value: boolean; readonly span: Span }
  | { readonly kind: 'VERIFY'; readonly value: boolean; readonly span: Span }
  | { readonly kind: 'VERBOSE'; readonly value: boolean; readonly span: Span }
  | { readonly kind: 'FORMAT'; readonly value: string; readonly span: Span }

export function explain(span: Span, parts: readonly ExplainOption[], statement: StatementNode): StatementNode {
  const found = once(parts)
  const format = found.FORMAT?.value.toLowerCase()
  return {
    kind: 'explain',
    analyze: found.ANALYZE?.value === true,
    verify: found.VERIFY?.value === true,
    verbose: found.VERBOSE?.value === true,
    ...(format === undefined ? {} : { format }),
    statement,
    span,
  }
}

export type CopyClause =
  | { readonly kind: 'STORED AS'; readonly value: string; readonly span: Span }
  | { readonly kind: 'OPTIONS'; readonly value: readonly OptionPart[]; readonly span: Span }
  | { readonly kind: 'PARTITIONED BY'; readonly value: readonly Ident[]; readonly span: Span }

/** The format comes from STORED AS or from an option FORMAT; the latter is not left among the options. */
export function copy(
  span: Span,
  source: ObjectName | QueryNode,
  path: string,
  clauses: readonly CopyClause[],
): StatementNode {
  const found = once(clauses)
  const { format: optionFormat, ...rest } = options(found.OPTIONS?.value ?? [])
  const format = found['STORED AS']?.value ?? optionFormat
  const partitionBy = found['PARTITIONED BY']?.value
  return {
    kind: 'copy',
    source,
    path,
    ...(format === undefined ? {} : { format: format.toLowerCase() }),
    ...(partitionBy === undefined ? {} : { partitionBy }),
    options: rest,
    span,
  }
}

/** DELETE and TRUNCATE. */
export function remove(span: Span, table: ObjectName, where: ExprNode | null): StatementNode {
  return where === null ? { kind: 'delete', table, span } : { kind: 'delete', table, where, span }
}

export function update(
  span: Span,
  table: ObjectName,
  set: readonly NamedArgument[],
  where: ExprNode | null,
): StatementNode {
  return where === null ? { kind: 'update', table, set, span } : { kind: 'update', table, set, where, span }
}

/** Inserts what the file's table function reads. The format comes from a clause, or from the file name's ending. */
export function copyFrom(
  span: Span,
  table: ObjectName,
  columns: readonly Ident[] | null,
  path: string,
  clauses: readonly CopyClause[],
): StatementNode {
  const found = once(clauses)
  const { format: optionFormat, ...rest } = options(found.OPTIONS?.value ?? [])
  const format = (
    found['STORED AS']?.value ??
    optionFormat ??
    /\.([a-z]+)(?:\.(?:gz|zst))?$/i.exec(path)?.[1] ??
    'csv'
  ).toLowerCase()
  const word = (name: string): Ident => ({ name, quoted: true, span })
  const reader: TableNode = {
    kind: 'function',
    name: word(`read_${format}`),
    args: [{ kind: 'string', value: path, span }],
    named: Object.entries(rest).map(([key, value]) => ({ name: word(key), value: { kind: 'string', value, span } })),
    span,
  }
  const query = selectAll(span, reader)
  return { kind: 'insert', table, partition: [], columns: columns ?? [], byName: false, query, overwrite: false, span }
}

export function showFunctions(span: Span, like: string | null): StatementNode {
  return like === null ? { kind: 'showFunctions', span } : { kind: 'showFunctions', like, span }
}

export function execute(span: Span, name: Ident, args: readonly (ExprNode | NamedArgument)[]): StatementNode {
  return { kind: 'execute', name, ...splitArguments(args), span }
}

export function deallocate(span: Span, name: Ident | null): StatementNode {
  return name === null ? { kind: 'deallocate', span } : { kind: 'deallocate', name, span }
}

/** SELECT * FROM 'path', for DESCRIBE 'path'. */
export function fileQuery(span: Span, path: string): QueryNode {
  return selectAll(span, { kind: 'file', path, span })
}

function selectAll(span: Span, table: TableNode): QueryNode {
  const body = select(span, {
    distinct: null,
    items: null,
    from: [table],
    where: null,
    groupBy: null,
    having: null,
    qualify: null,
  })
  return { kind: 'query', with: [], recursive: false, body, orderBy: [], span }
}
