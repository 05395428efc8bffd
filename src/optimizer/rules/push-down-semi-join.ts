/** Semi and anti joins are filters: they go below inner joins, where fewer rows have to be looked up. */
import { makeJoin, type JoinPlan } from '../../logical/build.js'
import { isOver } from '../../logical/plan-exprs.js'
import { schemaOf } from '../../logical/schema-of.js'
import type { LogicalPlan } from '../../logical/plan.js'
import { estimateRows } from '../cardinality.js'
import { logicalRule } from '../rule.js'

/**
 * Moves a left semi or anti join into the side of an inner join that its condition is about, where that is estimated to be cheaper:
 * it then looks up all rows of the side, but leaves fewer of them for the inner join.
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
  for (const side of ['left', 'right'] as const) {
    if (!belongsTo(plan, inner[side])) continue
    const below: JoinPlan = { ...inner, [side]: moved(plan, inner[side]) }
    const [before, after] = [joinCost(inner) + estimateRows(inner), joinCost(below) + estimateRows(inner[side])]
    return after < before * WORTHWHILE ? below : plan
  }
  return plan
})

/** What is moved for less may cost more: the other join may drop many rows of the side while it is scanned. */
const WORTHWHILE = 0.9

/** Building costs about twice what probing does. */
function joinCost({ left, right }: JoinPlan): number {
  const [build, probe] = [estimateRows(left), estimateRows(right)].sort((a, b) => a - b)
  return 2 * build + probe
}

/** Whether the condition is about `side` and the semi join's own right input only. */
function belongsTo(semi: JoinPlan, side: LogicalPlan): boolean {
  const schema = [...schemaOf(side), ...schemaOf(semi.right)]
  const conditions = [
    ...semi.on.flatMap(pair => [pair.left, pair.right]),
    ...(semi.filter === undefined ? [] : [semi.filter]),
  ]
  return conditions.length > 0 && conditions.every(expr => isOver(expr, schema))
}

const moved = (semi: JoinPlan, side: LogicalPlan): LogicalPlan =>
  makeJoin(side, semi.right, semi.type, semi.on, semi.filter === undefined ? [] : [semi.filter])
