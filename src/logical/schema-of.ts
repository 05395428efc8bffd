/** The output columns of every logical plan, computed once per node. */
import type { Field, Schema } from '../arrow/schema.js'
import { invariant } from '../common/invariant.js'
import { typeOf, type ColumnExpr } from '../expr/expr.js'
import { BOOLEAN, INT64 } from '../arrow/types.js'
import { isNullable } from './nullable.js'
import type { LogicalPlan, MarkColumn, NamedExpr, PlanField, PlanSchema } from './plan.js'

const cache = new WeakMap<LogicalPlan, PlanSchema>()

/** The columns of `plan`, in order. Cached by node identity (plans are immutable), so calling it again is O(1). */
export function schemaOf(plan: LogicalPlan): PlanSchema {
  let schema = cache.get(plan)
  if (schema === undefined) cache.set(plan, (schema = computeSchema(plan)))
  return schema
}

/** The columns as users and batches see them: names without their relation. */
export const toArrowSchema = (schema: PlanSchema): Schema => ({ fields: toArrowFields(schema) })

/** One Arrow field a plan field: same order, name, type and nullability. */
export const toArrowFields = (schema: PlanSchema): readonly Field[] =>
  schema.map(({ name, type, nullable }) => ({ name, type, nullable }))

/** A reference to a plan column. */
export const fieldColumn = (field: PlanField): ColumnExpr =>
  field.relation === undefined
    ? { kind: 'column', name: field.name, type: field.type, nullable: field.nullable }
    : { kind: 'column', relation: field.relation, name: field.name, type: field.type, nullable: field.nullable }

/** The position of a bound column in `schema` (relation and name exact; the first of duplicates); −1 if it is not there. */
export const findColumn = (schema: PlanSchema, column: ColumnExpr): number =>
  schema.findIndex(field => field.name === column.name && field.relation === column.relation)

/** Like findColumn, for plans whose columns are already known to exist. */
export function columnIndex(schema: PlanSchema, column: ColumnExpr): number {
  const index = findColumn(schema, column)
  invariant(index >= 0, `no column ${column.relation ?? ''}.${column.name} among ${describe(schema)}`)
  return index
}

const describe = (schema: PlanSchema): string =>
  schema.map(({ relation, name }) => (relation === undefined ? name : `${relation}.${name}`)).join(', ')

function computeSchema(plan: LogicalPlan): PlanSchema {
  switch (plan.kind) {
    case 'scan':
      return plan.projection.map(index => ({ relation: plan.relation, ...plan.provider.schema.fields[index] }))
    case 'filter':
    case 'sort':
    case 'limit':
    case 'distinct':
      return schemaOf(plan.input)
    case 'rowNumber':
      return [...schemaOf(plan.input), { name: plan.name, type: INT64, nullable: false }]
    case 'projection':
      return plan.exprs.map(namedField)
    case 'aggregate':
      return [...plan.groups, ...plan.aggregates].map(namedField)
    case 'join':
      return joinSchema(plan)
    case 'union':
      return unionSchema(plan.inputs.map(schemaOf))
    case 'values':
    case 'empty':
      return plan.schema
    case 'alias':
      return schemaOf(plan.input).map(field => ({ ...field, relation: plan.relation }))
    case 'write':
      return [{ name: 'count', type: INT64, nullable: false }]
  }
}

function namedField({ expr, relation, name }: NamedExpr): PlanField {
  const field = { name, type: typeOf(expr), nullable: isNullable(expr) }
  return relation === undefined ? field : { relation, ...field }
}

function joinSchema(plan: Extract<LogicalPlan, { kind: 'join' }>): PlanSchema {
  const left = schemaOf(plan.left)
  const right = schemaOf(plan.right)
  switch (plan.type) {
    case 'inner':
      return [...left, ...right]
    case 'left':
      return [...left, ...asNullable(right)]
    case 'right':
      return [...asNullable(left), ...right]
    case 'full':
      return [...asNullable(left), ...asNullable(right)]
    case 'leftSemi':
    case 'leftAnti':
      return left
    case 'rightSemi':
    case 'rightAnti':
      return right
    case 'leftMark':
      return [...left, markField(plan.mark)]
    case 'rightMark':
      return [...right, markField(plan.mark)]
  }
}

function markField(mark: MarkColumn | undefined): PlanField {
  invariant(mark !== undefined, 'a mark join names its column')
  return { ...mark, type: BOOLEAN, nullable: false }
}

const asNullable = (schema: PlanSchema): PlanSchema => schema.map(field => ({ ...field, nullable: true }))

/** Names and types of the first input; a column is nullable if it is in any input. */
const unionSchema = (inputs: readonly PlanSchema[]): PlanSchema =>
  inputs[0].map((field, column) => ({ ...field, nullable: inputs.some(schema => schema[column].nullable) }))
