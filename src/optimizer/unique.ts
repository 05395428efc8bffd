/** Plans that have at most one row for each combination of some of their columns. */
import type { ColumnExpr, Expr } from '../expr/expr.js'
import { findColumn, schemaOf } from '../logical/schema-of.js'
import type { LogicalPlan, PlanSchema } from '../logical/plan.js'

/** True only if no two rows of the plan agree in all of `keys` (columns of the plan; others are ignored). Conservative. */
export const isUniqueBy = (plan: LogicalPlan, keys: readonly Expr[]): boolean =>
  isUnique(plan, new Set(keys.flatMap(key => (key.kind === 'column' ? placeOf(plan, key) : []))))

const placeOf = (plan: LogicalPlan, column: ColumnExpr): readonly number[] => {
  const index = findColumn(schemaOf(plan), column)
  return index < 0 ? [] : [index]
}

/** `places`: numbers of columns of the plan. */
function isUnique(plan: LogicalPlan, places: ReadonlySet<number>): boolean {
  switch (plan.kind) {
    case 'aggregate':
      return hasFirst(places, plan.groups.length)
    case 'distinct':
      return hasFirst(places, schemaOf(plan).length) || isUnique(plan.input, places)
    case 'filter':
    case 'sort':
    case 'limit':
    case 'alias':
      return isUnique(plan.input, places)
    case 'projection': {
      const schema: PlanSchema = schemaOf(plan.input)
      const below = plan.exprs.flatMap(({ expr }, i) =>
        places.has(i) && expr.kind === 'column' ? [findColumn(schema, expr)] : [],
      )
      return isUnique(plan.input, new Set(below))
    }
    case 'values':
      return plan.rows.length <= 1
    case 'empty':
      return true
    case 'scan':
    case 'join':
    case 'rowNumber':
    case 'union':
    case 'write':
      return false
  }
}

const hasFirst = (places: ReadonlySet<number>, count: number): boolean =>
  Array.from({ length: count }, (_, i) => i).every(place => places.has(place))
