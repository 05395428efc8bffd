/** Keeps a plan's columns in place when a rule has moved what makes them. */
import { namedColumn, projectionPlan } from '../logical/build.js'
import { schemaOf } from '../logical/schema-of.js'
import type { LogicalPlan, PlanSchema } from '../logical/plan.js'

/** `plan` with exactly the columns of `schema`, in its order; `plan` itself if it has them so. */
export function withColumns(plan: LogicalPlan, schema: PlanSchema): LogicalPlan {
  const own = schemaOf(plan)
  const same =
    own.length === schema.length &&
    own.every((field, i) => field.name === schema[i].name && field.relation === schema[i].relation)
  return same ? plan : projectionPlan(plan, schema.map(namedColumn))
}
