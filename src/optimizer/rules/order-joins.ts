/** Inner joins in the order that is estimated to be cheapest. */
import { mapList } from '../../common/tree.js'
import { withColumns, type JoinPlan } from '../../logical/build.js'
import { planTree, type LogicalPlan } from '../../logical/plan.js'
import { schemaOf } from '../../logical/schema-of.js'
import { joinGraph, joinTree } from '../join-graph.js'
import { JoinOrder, planOfShape } from '../join-order.js'
import { logicalRule } from '../rule.js'
import { isVolatile } from '../../expr/volatile.js'

/**
 * Reorders a tree of inner joins: comma joins get their keys, keys follow from other keys (a.x = c.x, because both equal b.x), and
 * cross products remain only where no condition connects.
 *
 *   Inner Join: a.x = c.x, b.y = c.y        Inner Join: b.y = c.y
 *     Cross Join:                    =>       Inner Join: a.x = c.x
 *       TableScan: a                            TableScan: a
 *       TableScan: b                            TableScan: c
 *     TableScan: c                            TableScan: b
 */
export const orderJoinsRule = logicalRule('order_joins', 'once', reorder)

/** An order must be estimated this much cheaper to replace the written one: rounding must not swap equal plans for ever. */
const WORTHWHILE = 0.99

function reorder(plan: LogicalPlan): LogicalPlan {
  if (plan.kind !== 'join' || plan.type !== 'inner') return planTree.mapChildren(plan, reorder)
  const tree = joinTree(plan)
  const relations = mapList(tree.relations, reorder)
  const inner = relations === tree.relations ? plan : replaceRelations(plan, tree.relations, relations)
  // A volatile condition holds for some of the rows that it is written for, not for some of others.
  if (relations.length < 3 || tree.predicates.some(isVolatile)) return inner
  const graph = joinGraph({ ...tree, relations })
  const order = new JoinOrder(graph)
  const best = order.best()
  if (best.cost >= order.partOf(tree.shape).cost * WORTHWHILE) return inner
  return withColumns(planOfShape(graph, best.shape), schemaOf(plan))
}

/** The tree with other plans at its leaves. */
function replaceRelations(join: JoinPlan, from: readonly LogicalPlan[], to: readonly LogicalPlan[]): LogicalPlan {
  const changed = new Map(from.map((plan, relation) => [plan, to[relation]]))
  const visit = (plan: LogicalPlan): LogicalPlan => changed.get(plan) ?? planTree.mapChildren(plan, visit)
  return visit(join)
}
