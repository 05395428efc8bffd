/** CREATE TABLE: the rows of the new table, and where they go. */
import { field, type Field, type Schema } from '../arrow/schema.js'
import { placeOf } from '../catalog/shared-catalog.js'
import { fail } from '../common/errors.js'
import type { Registry } from '../exchange/registry.js'
import { parseTypeNode } from '../expr/types.js'
import type { ConstantContext } from '../logical/bind/tables.js'
import type { LogicalPlan } from '../logical/plan.js'
import { schemaOf, toArrowSchema } from '../logical/schema-of.js'
import type { QueryNode, StatementNode } from '../parser/ast.js'
import { checkDefaults } from './column-defaults.js'
import { managedTable } from './managed-table.js'
import { absolutePath } from './registration.js'
import type { SessionCatalog } from './request-names.js'
import { storedTable } from './stored-table.js'
import type { LogTarget } from './table-formats.js'
import { castTo, distinctNames, insertPositions } from './table-rows.js'
import type { Warehouse } from './warehouse.js'
import type { WriteRequest } from './write-target.js'

type CreateTableNode = Extract<StatementNode, { kind: 'createTable' }>

export interface CreateTableContext {
  readonly catalog: SessionCatalog
  readonly registry: Registry
  /** Absent: rows without a place of their own are for the session. */
  readonly warehouse: Warehouse | undefined
  /** Absolute: relative locations are meant from here. */
  readonly baseDirectory: string
  /** What defaults may call. */
  readonly defaults: ConstantContext
  bind(query: QueryNode): Promise<LogicalPlan>
}

export interface PlannedTable {
  readonly rows: LogicalPlan
  /** Absent: the rows are collected by the session. */
  readonly request?: WriteRequest
  /** When they are written. */
  readonly onWritten?: () => Promise<void>
}

/** Throws SCHEMA_NOT_FOUND, DUPLICATE_NAME, INVALID_ARGUMENT, TYPE_MISMATCH, and what defaults and the table's format throw. */
export async function planCreateTable(statement: CreateTableNode, context: CreateTableContext): Promise<PlannedTable> {
  const declared = declaredFields(statement)
  checkDefaults(statement.columns, declared, context.defaults)
  const made = distinctNames(await newRows(statement, declared, context), statement.span)
  const target = await storedTarget(statement, made, context)
  const rows = target === undefined ? made : castTo(made, target.schema)
  const { catalog, warehouse } = context
  if (warehouse !== undefined && !statement.temporary)
    return { rows, ...managedTable(statement, schemaOf(rows), { catalog, warehouse, target }) }
  return target === undefined ? { rows } : { rows, request: { target, mode: 'error' } }
}

/** The list of columns, then those that only PARTITIONED BY names. */
function declaredFields({ columns, stored }: CreateTableNode): readonly Field[] {
  const own = columns.map(({ name, type, notNull }) => field(name.name, parseTypeNode(type.name, type.args), !notNull))
  const keys = (stored?.partitionedBy ?? []).flatMap(({ name, type }) => {
    if (type === undefined) return []
    if (own.length === 0) {
      const found = `'${name.name}' has a type in PARTITIONED BY; without a list of columns those of the query have theirs`
      throw fail('INVALID_ARGUMENT', [found], { span: name.span })
    }
    return [field(name.name, parseTypeNode(type.name, type.args))]
  })
  return [...own, ...keys]
}

/** Without a query there are none. */
async function newRows(
  { query, span }: CreateTableNode,
  declared: readonly Field[],
  { bind }: CreateTableContext,
): Promise<LogicalPlan> {
  if (query === undefined) return { kind: 'empty', schema: declared, oneRow: false }
  const rows = await bind(query)
  if (declared.length === 0) return rows
  const schema: Schema = { fields: declared }
  return castTo(rows, schema, insertPositions(schema, [], schemaOf(rows), span))
}

/** Where the clauses of the statement put the rows; undefined: it has none. */
async function storedTarget(
  statement: CreateTableNode,
  rows: LogicalPlan,
  { baseDirectory, registry, warehouse }: CreateTableContext,
): Promise<LogTarget | undefined> {
  const { columns, name, span, stored, temporary } = statement
  if (stored === undefined) return undefined
  const kept = temporary ? undefined : warehouse
  const { location = kept?.pathOf(placeOf(name.map(ident => ident.name))) } = stored
  if (location === undefined) {
    const found = `CREATE TABLE … STORED AS ${stored.storedAs.toUpperCase()} needs LOCATION 'path' where no data directory keeps tables`
    throw fail('INVALID_ARGUMENT', [found], { span })
  }
  const path = absolutePath(location, baseDirectory)
  // What a query happens to give says nothing of the rows that may come later.
  const { fields } = toArrowSchema(schemaOf(rows))
  const declared = columns.length > 0 ? fields : fields.map(each => ({ ...each, nullable: true }))
  return storedTable({ ...stored, path, span }, { fields: declared }, registry)
}
