/** INSERT … PARTITION (k = 1): rows that have these values in the partition columns, and an overwrite of only those. */
import type { Schema } from '../arrow/schema.js'
import type { WriteTarget } from '../catalog/table-provider.js'
import type { FileTarget } from '../catalog/table-write.js'
import { didYouMean, fail } from '../common/errors.js'
import { castValue } from '../expr/cast-value.js'
import { literal, type Expr } from '../expr/expr.js'
import { valueText } from '../expr/value-text.js'
import { constantOf } from '../logical/bind/constant.js'
import { at } from '../logical/bind/context.js'
import type { ConstantContext } from '../logical/bind/tables.js'
import type { LogicalPlan } from '../logical/plan.js'
import { schemaOf } from '../logical/schema-of.js'
import type { Ident, StatementNode } from '../parser/ast.js'
import { castTo, insertPositions } from './table-rows.js'

export interface PartitionInsert {
  /** Gives the other columns. */
  readonly query: LogicalPlan
  readonly columns: readonly Ident[]
  readonly schema: Schema
  readonly target: WriteTarget
  /** By column, for those that the query does not give. */
  readonly defaults: ReadonlyMap<string, Expr>
  /** What the values of PARTITION may call. */
  readonly context: ConstantContext
}

/** Throws COLUMN_NOT_FOUND for what is no partition column, NOT_SUPPORTED for an overwrite of a table without a log. */
export function insertIntoPartition(
  { overwrite, partition, span }: Extract<StatementNode, { kind: 'insert' }>,
  { columns, context, defaults, query, schema, target }: PartitionInsert,
): { readonly rows: LogicalPlan; readonly target: FileTarget } {
  const keys = target.kind === 'memory' ? [] : (target.partitionBy ?? [])
  const values = new Map(
    partition.map(({ name, value }) => {
      if (!keys.includes(name.name))
        throw fail('COLUMN_NOT_FOUND', [name.name, didYouMean(name.name, keys)], { span: name.span })
      const type = schema.fields.find(field => field.name === name.name)?.type
      const constant = constantOf(value, context, 'PARTITION')
      const cast = at(value.span, () => castValue(constant.value, constant.type, type ?? constant.type))
      return [name.name, literal(cast, type ?? constant.type)] as const
    }),
  )
  if (target.kind === 'memory' || (overwrite && target.kind !== 'log'))
    throw fail('NOT_SUPPORTED', ['INSERT OVERWRITE of a partition of a table without a log'], { span })
  const others = { fields: schema.fields.filter(({ name }) => !values.has(name)) }
  const positions = insertPositions(others, columns, schemaOf(query), span)
  const filled = schema.fields.map(
    field => values.get(field.name) ?? positions[others.fields.indexOf(field)] ?? defaults.get(field.name),
  )
  const rows = castTo(query, schema, filled)
  if (target.kind !== 'log' || !overwrite) return { rows, target }
  const texts = Array.from(values, ([name, { type, value }]) => [name, value === null ? null : valueText(value, type)])
  return { rows, target: { ...target, replaces: Object.fromEntries(texts) as Record<string, string | null> } }
}
