/** What a query gives and reads, found by binding it to the schemas that the session knows: no file is opened, nothing runs. */
import type { Schema } from '../arrow/schema.js'
import { INFORMATION_SCHEMA } from '../catalog/catalog.js'
import type { TableProvider } from '../catalog/table-provider.js'
import { fail, toBallistaError, type Span } from '../common/errors.js'
import { literal } from '../expr/expr.js'
import { NULL } from '../arrow/types.js'
import type { BindContext } from '../logical/bind/context.js'
import { bindQuery } from '../logical/bind/query.js'
import {
  referenceKey,
  tableFunctionCall,
  tableReferences,
  viewError,
  type ResolvedTable,
  type TableReference,
} from '../logical/bind/tables.js'
import { schemaOf, toArrowSchema } from '../logical/schema-of.js'
import type { LogicalPlan } from '../logical/plan.js'
import type { QueryNode } from '../parser/ast.js'
import { parseQuery } from '../parser/parse.js'
import type { Parameters } from './parameters.js'
import { parameterNames } from './prepared-statements.js'
import type { Registration } from './registration.js'
import type { TableUses } from './sql-text.js'
import { seriesCall } from './table-functions.js'

/** What names mean in a query. */
export interface KnownNames {
  /** Queries that are known by their columns only. */
  step(name: string): Schema | undefined
  /** Undefined: only the planner knows, from the catalog. Throws TABLE_NOT_FOUND. */
  table(name: readonly string[], span: Span): Registration | undefined
  /** All tables and views of the session, which information_schema tells about. */
  all(): TableUses
  /** The columns of a registered table; undefined if they are not known. */
  columns(table: Registration): Schema | undefined
  /** Functions of users: internal names by the names that SQL calls. */
  readonly functions: ReadonlyMap<string, string>
}

export interface CheckedQuery {
  /** Absent when the query reads what only the planner can open: a file or table function. */
  readonly plan?: LogicalPlan
  readonly schema?: Schema
  /** Tables and views that it reads, itself or through views. */
  readonly uses: TableUses
}

/** Throws the coded error of a wrong name, type or form. Without `parameters`, those in the query count as NULL. */
export function checkQuery(query: QueryNode, names: KnownNames, parameters?: Parameters): CheckedQuery {
  try {
    return checked(query, names, parameters ?? nullParameters(query))
  } catch (error) {
    throw toBallistaError(error)
  }
}

function checked(query: QueryNode, names: KnownNames, parameters: Parameters): CheckedQuery {
  const resolved = new Map<string, ResolvedTable>()
  const uses = new Map<string, Registration>()
  const { functions } = names
  const context = { tables: resolved, parameters: new Map(Object.entries(parameters)), now: 0n, functions }
  if (!resolve(query, names, { resolved, uses, context }, [])) return { uses }
  const plan = bindQuery(query, context)
  return { plan, schema: toArrowSchema(schemaOf(plan)), uses }
}

/** Finds what the query and its views read; false if something is not known here. `inside`: the views it stands in. */
function resolve(query: QueryNode, names: KnownNames, found: Found, inside: readonly string[]): boolean {
  let isKnown = true
  for (const reference of tableReferences(query)) {
    if (reference.kind === 'table') isKnown = resolveName(reference, names, found, inside) && isKnown
    else isKnown = resolveSeries(reference, found) && isKnown
  }
  return isKnown
}

interface Found {
  readonly resolved: Map<string, ResolvedTable>
  readonly uses: Map<string, Registration>
  readonly context: BindContext
}

/** A table function that reads no file. */
function resolveSeries(reference: Exclude<TableReference, { kind: 'table' }>, { resolved, context }: Found): boolean {
  const provider = reference.kind === 'function' ? seriesCall(tableFunctionCall(reference, context)) : undefined
  if (reference.kind !== 'function' || provider === undefined) return false
  resolved.set(referenceKey(reference), { kind: 'table', name: reference.name.name, provider })
  return true
}

function resolveName(
  reference: Extract<TableReference, { kind: 'table' }>,
  names: KnownNames,
  found: Found,
  inside: readonly string[],
): boolean {
  const { resolved, uses } = found
  const path = reference.name.map(ident => ident.name)
  const key = referenceKey(reference)
  // A view that reads itself is for the planner to refuse.
  if (inside.includes(key)) return false
  const step = path.length === 1 && inside.length === 0 ? names.step(path[0]) : undefined
  if (step !== undefined) {
    resolved.set(key, { kind: 'table', name: path[0], provider: unopened(step) })
    return true
  }
  if (path.at(-2) === INFORMATION_SCHEMA) {
    for (const [name, entry] of names.all()) uses.set(name, entry)
    return false
  }
  const table = names.table(path, reference.span)
  if (table === undefined) return false
  uses.set(table.name, table)
  // An older version may have other columns.
  const entry = reference.version === undefined ? resolveTable(table, names) : undefined
  if (entry === undefined) return false
  resolved.set(key, entry)
  if (entry.kind === 'table') return true
  try {
    return resolve(entry.query, names, found, [...inside, key])
  } catch (error) {
    throw viewError(entry.name, error)
  }
}

function resolveTable(table: Registration, names: KnownNames): ResolvedTable | undefined {
  if (table.kind === 'view') {
    return { kind: 'view', name: table.name, query: parseQuery(table.sql), columns: table.columns }
  }
  const schema = names.columns(table)
  return schema === undefined ? undefined : { kind: 'table', name: table.name, provider: unopened(schema) }
}

/** A table of which only the columns are known. */
const unopened = (schema: Schema): TableProvider => ({
  schema,
  statistics: () => ({ columns: new Map() }),
  scan: () => {
    throw fail('INTERNAL', ['a scan of a table that was not opened'])
  },
})

/** Every parameter of the query as NULL. */
export const nullParameters = (query: QueryNode): Parameters =>
  Object.fromEntries([...parameterNames(query)].map(name => [name, literal(null, NULL)]))
