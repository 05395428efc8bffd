/** Distinct column names where a query's columns are referred to by name: derived tables, set operations, DISTINCT. */
import { projectionPlan } from '../build.js'
import { fieldColumn, schemaOf } from '../schema-of.js'
import type { LogicalPlan, NamedExpr, PlanSchema } from '../plan.js'

/** A name not yet in `taken`: `name`, else `name:1`, `name:2`, …; added to `taken`. */
export function uniqueName(name: string, taken: Set<string>): string {
  let unique = name
  for (let n = 1; taken.has(unique); n++) unique = `${name}:${n}`
  taken.add(unique)
  return unique
}

/** Whether a column reference (relation and name) could mean several columns of the schema. */
export const hasRepeatedColumns = (schema: PlanSchema): boolean =>
  new Set(schema.map(({ relation, name }) => JSON.stringify([relation, name]))).size < schema.length

/** Output columns whose names differ from each other, whatever their relation. */
export function uniqueNames(columns: readonly NamedExpr[]): readonly NamedExpr[] {
  const taken = new Set<string>()
  return columns.map(column => ({ ...column, name: uniqueName(column.name, taken) }))
}

/**
 * The plan itself, or, if names repeat (whatever the relation), with the later ones renamed to `name:1`, … where they
 * are made: a reference from above could not tell them apart.
 */
export function uniqueColumns(plan: LogicalPlan): LogicalPlan {
  const names = schemaOf(plan).map(field => field.name)
  return new Set(names).size === names.length ? plan : renameRepeated(plan)
}

function renameRepeated(plan: LogicalPlan): LogicalPlan {
  switch (plan.kind) {
    case 'projection':
      return { ...plan, exprs: uniqueNames(plan.exprs) }
    case 'sort':
    case 'limit':
    case 'distinct':
    case 'filter':
      return { ...plan, input: renameRepeated(plan.input) }
    case 'union':
      return { ...plan, inputs: [renameRepeated(plan.inputs[0]), ...plan.inputs.slice(1)] }
    default:
      return projectionPlan(
        plan,
        uniqueNames(schemaOf(plan).map(field => ({ expr: fieldColumn(field), name: field.name }))),
      )
  }
}

/** The columns of `plan` under the names of `schema` (same length). */
export const withNamesOf = (plan: LogicalPlan, schema: PlanSchema): LogicalPlan =>
  projectionPlan(
    plan,
    schemaOf(plan).map((field, i) => ({ expr: fieldColumn(field), name: schema[i].name })),
  )
