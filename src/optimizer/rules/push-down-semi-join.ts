/** Semi and anti joins are filters: they go below inner joins, where fewer rows have to be looked up. */
import { makeJoin, type JoinPlan } from '../../logical/build.js'
import { isOver } from '../../logical/plan-exprs.js'
import { schemaOf } from '../../logical/schema-of.js'
import type { LogicalPlan } from '../../logical/plan.js'
import { estimateRows } from '../cardinality.js'
import { logicalRule } from '../rule.js'

/**
 * Moves a left semi or anti join into the side of an inner join that its condition is about, unless the inner join is
 * estimated to give fewer rows than that side has.
 *
 *   LeftSemi Join: t.a = s.k            Inner Join: t.a = u.a
 *     Inner Join: t.a = u.a      =>       LeftSemi Join: t.a = s.k
 *       t                                   t
 *       u                                   s
 *     s                                   u
 */
export const pushDownSemiJoin = logicalRule('push_down_semi_join', 'topDown', plan => {
  if (plan.kind !== 'join' || (plan.type !== 'leftSemi' && plan.type !== 'leftAnti')) return plan
  const inner = plan.left
  if (inner.kind !== 'join' || inner.type !== 'inner') return plan
  if (belongsTo(plan, inner.left)) return { ...inner, left: moved(plan, inner.left) }
  return belongsTo(plan, inner.right) ? { ...inner, right: moved(plan, inner.right) } : plan
})

/** Whether the condition is about `side` and the semi join's own right input only, and `side` is not the larger input. */
function belongsTo(semi: JoinPlan, side: LogicalPlan): boolean {
  const schema = [...schemaOf(side), ...schemaOf(semi.right)]
  if (estimateRows(side) > estimateRows(semi.left)) return false
  const conditions = [
    ...semi.on.flatMap(pair => [pair.left, pair.right]),
    ...(semi.filter === undefined ? [] : [semi.filter]),
  ]
  return conditions.length > 0 && conditions.every(expr => isOver(expr, schema))
}

const moved = (semi: JoinPlan, side: LogicalPlan): LogicalPlan =>
  makeJoin(side, semi.right, semi.type, semi.on, semi.filter === undefined ? [] : [semi.filter])
