/** INSERT: the rows of its query in the form of the table, with defaults for the columns that it leaves out. */
import type { Schema } from '../arrow/schema.js'
import { INFORMATION_SCHEMA, isView } from '../catalog/catalog.js'
import type { WriteTarget } from '../catalog/table-provider.js'
import { fail } from '../common/errors.js'
import type { ConstantContext, TableResolver } from '../logical/bind/tables.js'
import type { LogicalPlan } from '../logical/plan.js'
import { schemaOf } from '../logical/schema-of.js'
import type { QueryNode, StatementNode } from '../parser/ast.js'
import { insertDefaults } from './column-defaults.js'
import { insertIntoPartition } from './insert-partition.js'
import type { RequestNames } from './request-names.js'
import { castTo, insertPositions, sameNames } from './table-rows.js'

type InsertNode = Extract<StatementNode, { kind: 'insert' }>

export interface InsertContext {
  readonly names: RequestNames
  readonly resolver: TableResolver
  /** What the values of PARTITION may call. */
  readonly constants: ConstantContext
  /** What defaults may call. */
  readonly defaults: ConstantContext
  bind(query: QueryNode): Promise<LogicalPlan>
}

export interface PlannedInsert {
  readonly rows: LogicalPlan
  readonly target: WriteTarget
}

/** Throws TABLE_NOT_FOUND, COLUMN_NOT_FOUND, TYPE_MISMATCH, and INVALID_ARGUMENT for what takes no rows or other ones. */
export async function planInsert(statement: InsertNode, context: InsertContext): Promise<PlannedInsert> {
  const [{ span }] = statement.table
  const path = statement.table.map(ident => ident.name)
  const { schema, target } = await insertable(statement, context)
  const { entry: table } = context.names.find(path, span)
  const defaults = insertDefaults(statement, { table, schema, ...context.defaults })
  const query = await context.bind(defaults.query)
  const columns = statement.byName ? sameNames(query, span) : statement.columns
  if (statement.partition.length > 0)
    return insertIntoPartition(statement, {
      query,
      columns,
      schema,
      target,
      defaults: defaults.values,
      context: context.constants,
    })
  const positions = insertPositions(schema, columns, schemaOf(query), span)
  const given = schema.fields.map(({ name }, i) => positions[i] ?? defaults.values.get(name))
  return { rows: castTo(query, schema, given), target }
}

async function insertable(
  { table }: InsertNode,
  { resolver }: InsertContext,
): Promise<{ readonly schema: Schema; readonly target: WriteTarget }> {
  const [{ span }] = table
  const path = table.map(ident => ident.name)
  const entry = await resolver.table(path, span)
  const isComputed = path.at(-2) === INFORMATION_SCHEMA
  if (!isView(entry) && entry.insertTarget !== undefined && !isComputed)
    return { schema: entry.schema, target: entry.insertTarget }
  const found = `cannot insert into '${path.join('.')}': only tables over a directory and tables in memory take rows`
  throw fail('INVALID_ARGUMENT', [found], { span })
}
