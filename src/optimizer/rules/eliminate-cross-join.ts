/** Comma joins become inner joins in an order that follows their conditions. */
import { mapList } from '../../common/tree.js'
import { planTree, type LogicalPlan } from '../../logical/plan.js'
import { schemaOf } from '../../logical/schema-of.js'
import { replaced } from '../../logical/plan-exprs.js'
import { hasCrossJoin, joinCost, joinGraph, orderJoins } from '../join-order.js'
import { withColumns } from '../restore-columns.js'
import { logicalRule } from '../rule.js'

/**
 * Reorders a tree of inner joins when that avoids a cross product or makes fewer intermediate rows by estimate.
 *
 *   Inner Join: a.x = c.x, b.y = c.y        Inner Join: b.y = c.y
 *     Cross Join:                    =>       Inner Join: a.x = c.x
 *       TableScan: a                            TableScan: a
 *       TableScan: b                            TableScan: c
 *     TableScan: c                            TableScan: b
 */
export const eliminateCrossJoin = logicalRule('eliminate_cross_join', 'once', reorder)

/** An order must be estimated this much cheaper to replace the written one: rounding must not swap equal plans for ever. */
const WORTHWHILE = 0.99

function reorder(plan: LogicalPlan): LogicalPlan {
  if (plan.kind !== 'join' || plan.type !== 'inner') return planTree.mapChildren(plan, reorder)
  const graph = joinGraph(plan)
  const relations = mapList(graph.relations, reorder)
  const inner =
    relations === graph.relations
      ? plan
      : replaceRelations(plan, new Map(graph.relations.map((old, r) => [old, relations[r]])))
  if (relations.length < 3) return inner
  const ordered = orderJoins({ ...graph, relations })
  const better =
    hasCrossJoin(inner) === hasCrossJoin(ordered)
      ? joinCost(ordered) < joinCost(inner) * WORTHWHILE
      : hasCrossJoin(inner)
  return better ? withColumns(ordered, schemaOf(plan)) : inner
}

function replaceRelations(plan: LogicalPlan, changed: ReadonlyMap<LogicalPlan, LogicalPlan>): LogicalPlan {
  const other = changed.get(plan)
  if (other !== undefined || plan.kind !== 'join') return other ?? plan
  return replaced(plan, { left: replaceRelations(plan.left, changed), right: replaceRelations(plan.right, changed) })
}
