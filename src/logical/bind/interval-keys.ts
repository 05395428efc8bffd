/**
 * Intervals of one length are equal, however it is written (`1 day`, `24 hours`): where rows are grouped, joined or sorted by
 * intervals, they are by a form that is the same for all of them.
 */
import { callExpr } from '../../expr/build.js'
import { typeOf, type Expr, type SortKey } from '../../expr/expr.js'
import { distinctPlan, projectionPlan, sortPlan } from '../build.js'
import { fieldColumn, schemaOf } from '../schema-of.js'
import type { LogicalPlan } from '../plan.js'

/** The expression, justified if it is an interval. */
export const groupKey = (expr: Expr): Expr =>
  typeOf(expr).kind === 'interval' ? callExpr('justify_interval', [expr]) : expr

/** A sort by the keys; intervals are sorted by their length. */
export const sortedBy = (input: LogicalPlan, keys: readonly SortKey[]): LogicalPlan =>
  sortPlan(
    input,
    keys.map(key =>
      typeOf(key.expr).kind === 'interval' ? { ...key, expr: callExpr('interval_length', [key.expr]) } : key,
    ),
  )

/** The rows with their intervals justified, before equal ones are found. */
export function comparableRows(plan: LogicalPlan): LogicalPlan {
  const schema = schemaOf(plan)
  if (schema.every(({ type }) => type.kind !== 'interval')) return plan
  return projectionPlan(
    plan,
    schema.map(field => ({
      ...(field.relation === undefined ? {} : { relation: field.relation }),
      expr: groupKey(fieldColumn(field)),
      name: field.name,
    })),
  )
}

export const distinctRows = (plan: LogicalPlan): LogicalPlan => distinctPlan(comparableRows(plan))
