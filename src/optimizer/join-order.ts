/** Greedy ordering of inner joins: always the pair with the fewest result rows next, cross products last. */
import { BOOLEAN } from '../arrow/types.js'
import { splitConjunction } from '../expr/build.js'
import type { Expr } from '../expr/expr.js'
import { filterAll, makeJoin, splitJoinCondition, type JoinPlan } from '../logical/build.js'
import { conjunction } from '../expr/build.js'
import { columnsOf } from '../logical/plan-exprs.js'
import { findColumn, schemaOf } from '../logical/schema-of.js'
import type { LogicalPlan } from '../logical/plan.js'
import { estimateRows } from './cardinality.js'

/** A maximal tree of inner joins as its inputs and all conditions between them. */
export interface JoinGraph {
  readonly relations: readonly LogicalPlan[]
  readonly predicates: readonly Expr[]
}

/** Relations in written order; predicates are the equi-keys and residual filters of all joins. */
export function joinGraph(join: JoinPlan): JoinGraph {
  const relations: LogicalPlan[] = []
  const predicates: Expr[] = []
  const visit = (plan: LogicalPlan): void => {
    if (plan.kind !== 'join' || plan.type !== 'inner') {
      relations.push(plan)
      return
    }
    visit(plan.left)
    visit(plan.right)
    predicates.push(...plan.on.map(equality), ...(plan.filter === undefined ? [] : splitConjunction(plan.filter)))
  }
  visit(join)
  return { relations, predicates }
}

const equality = ({ left, right }: JoinPlan['on'][number]): Expr => ({
  kind: 'binary',
  op: '=',
  left,
  right,
  type: BOOLEAN,
})

/** Rows that all joins of an inner join tree give together: what an order is judged by. */
export function joinCost(plan: LogicalPlan): number {
  if (plan.kind === 'filter') return joinCost(plan.input)
  if (plan.kind !== 'join' || plan.type !== 'inner') return 0
  return estimateRows(plan) + joinCost(plan.left) + joinCost(plan.right)
}

/** Whether some join of the tree has no condition at all. */
export function hasCrossJoin(plan: LogicalPlan): boolean {
  if (plan.kind === 'filter') return hasCrossJoin(plan.input)
  if (plan.kind !== 'join' || plan.type !== 'inner') return false
  return (plan.on.length === 0 && plan.filter === undefined) || hasCrossJoin(plan.left) || hasCrossJoin(plan.right)
}

/** A joined set of relations: bit r of `mask` is relation r. */
interface Part {
  readonly mask: bigint
  readonly plan: LogicalPlan
}

interface Condition {
  readonly expr: Expr
  /** The relations whose columns it has. */
  readonly mask: bigint
}

/**
 * The joins of a graph in greedy order: of all connected pairs, the one with the fewest estimated result rows is joined
 * next, the smaller side left (it is the build side). Pairs without a condition are joined only when none is connected.
 */
export function orderJoins(graph: JoinGraph): LogicalPlan {
  const conditions = graph.predicates.map(expr => ({ expr, mask: relationsOf(expr, graph.relations) }))
  const constants = conditions.filter(({ mask }) => mask === 0n)
  let parts: readonly Part[] = graph.relations.map((plan, r) => ({
    mask: 1n << BigInt(r),
    plan: localFilter(plan, r, conditions),
  }))
  const candidates = new Map<string, LogicalPlan>()
  while (parts.length > 1) {
    const { left, right, plan } = bestPair(parts, conditions, candidates)
    parts = [...parts.filter(part => part !== left && part !== right), { mask: left.mask | right.mask, plan }]
  }
  return filterAll(
    parts[0].plan,
    constants.map(({ expr }) => expr),
  )
}

function localFilter(plan: LogicalPlan, relation: number, conditions: readonly Condition[]): LogicalPlan {
  const own = conditions.filter(({ mask }) => mask === 1n << BigInt(relation))
  return filterAll(
    plan,
    own.map(({ expr }) => expr),
  )
}

function relationsOf(expr: Expr, relations: readonly LogicalPlan[]): bigint {
  let mask = 0n
  for (const column of columnsOf(expr)) {
    const relation = relations.findIndex(plan => findColumn(schemaOf(plan), column) >= 0)
    mask |= 1n << BigInt(relation)
  }
  return mask
}

function bestPair(
  parts: readonly Part[],
  conditions: readonly Condition[],
  candidates: Map<string, LogicalPlan>,
): { left: Part; right: Part; plan: LogicalPlan } {
  let best: { left: Part; right: Part; plan: LogicalPlan; connected: boolean } | undefined
  for (const [i, left] of parts.entries()) {
    for (const right of parts.slice(i + 1)) {
      const connected = conditions.some(({ mask }) => applies(mask, left, right))
      if (best !== undefined && best.connected && !connected) continue
      const key = `${left.mask} ${right.mask}`
      const plan = candidates.get(key) ?? joinParts(left, right, conditions)
      candidates.set(key, plan)
      const better =
        best === undefined || (connected && !best.connected) || estimateRows(plan) < estimateRows(best.plan)
      if (better) best = { left, right, plan, connected }
    }
  }
  if (best === undefined) throw new RangeError('a pair needs two parts')
  return best
}

/** A condition belongs to the join of two parts when it is about both and nothing else. */
const applies = (mask: bigint, left: Part, right: Part): boolean =>
  (mask & left.mask) !== 0n && (mask & right.mask) !== 0n && (mask & ~(left.mask | right.mask)) === 0n

function joinParts(one: Part, other: Part, conditions: readonly Condition[]): LogicalPlan {
  const [left, right] = estimateRows(one.plan) <= estimateRows(other.plan) ? [one, other] : [other, one]
  const condition = conjunction(conditions.filter(({ mask }) => applies(mask, left, right)).map(({ expr }) => expr))
  const { on, rest } = splitJoinCondition(condition, schemaOf(left.plan), schemaOf(right.plan))
  return makeJoin(left.plan, right.plan, 'inner', on, rest)
}
