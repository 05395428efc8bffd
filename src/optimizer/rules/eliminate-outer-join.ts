/** Outer joins whose padded rows are dropped by the filter above. */
import type { LogicalJoinType, PlanSchema } from '../../logical/plan.js'
import { schemaOf } from '../../logical/schema-of.js'
import { rejectsNulls } from '../null-rejecting.js'
import { logicalRule } from '../rule.js'

/**
 * Turns an outer join into an inner one (a full one into a one-sided one) when the filter above it cannot hold for the
 * rows that the join pads with NULLs.
 *
 *   Filter: u.c > 1                Filter: u.c > 1
 *     Left Join: t.a = u.a   =>      Inner Join: t.a = u.a
 */
export const eliminateOuterJoin = logicalRule('eliminate_outer_join', 'bottomUp', plan => {
  if (plan.kind !== 'filter' || plan.input.kind !== 'join') return plan
  const join = plan.input
  const needs = (schema: PlanSchema): boolean => rejectsNulls(plan.predicate, schema)
  const type = withoutPadding(
    join.type,
    () => needs(schemaOf(join.left)),
    () => needs(schemaOf(join.right)),
  )
  return type === join.type ? plan : { ...plan, input: { ...join, type } }
})

/** `needsLeft`, `needsRight`: rows whose left, right columns are padding are dropped. */
function withoutPadding(type: LogicalJoinType, needsLeft: () => boolean, needsRight: () => boolean): LogicalJoinType {
  switch (type) {
    case 'left':
      return needsRight() ? 'inner' : type
    case 'right':
      return needsLeft() ? 'inner' : type
    case 'full':
      if (needsLeft()) return needsRight() ? 'inner' : 'left'
      return needsRight() ? 'right' : type
    case 'inner':
    case 'leftSemi':
    case 'leftAnti':
    case 'leftMark':
    case 'rightSemi':
    case 'rightAnti':
    case 'rightMark':
      return type
  }
}
