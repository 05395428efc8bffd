/** The logical rules in the order in which they run; the comments say why it matters. */
import type { LogicalRule } from '../rule.js'
import { chooseBuildSide } from './choose-build-side.js'
import { orderJoinsRule } from './order-joins.js'
import { eliminateFilter } from './eliminate-filter.js'
import { eliminateOuterJoin } from './eliminate-outer-join.js'
import { eliminateSort } from './eliminate-sort.js'
import { inferPredicates } from './infer-predicates.js'
import { optimizeProjections } from './optimize-projections.js'
import { propagateEmpty } from './propagate-empty.js'
import { pushDownFilter } from './push-down-filter.js'
import { pushDownLimit } from './push-down-limit.js'
import { pushDownSemiJoin } from './push-down-semi-join.js'
import { replaceMarkJoin } from './replace-mark-join.js'
import { replaceDistinct } from './replace-distinct.js'
import { simplifyExpressions } from './simplify-expressions.js'

export const LOGICAL_RULES: readonly LogicalRule[] = [
  // First, so that all others see folded constants and predicates in conjunctive pieces.
  simplifyExpressions,
  eliminateFilter,
  propagateEmpty,
  eliminateSort,
  // Before filters move: they pass aggregates on their group columns.
  replaceDistinct,
  // Before filters move: a filter goes into both sides of an inner join, and inner joins are reordered.
  eliminateOuterJoin,
  // Before filters move below the mark joins; the projections that it leaves are removed last.
  replaceMarkJoin,
  // Brings WHERE equalities to the joins and the other predicates to the scans, whose estimates join order needs.
  pushDownFilter,
  // After filters have reached the sides of joins; what is inferred goes down in the next pass.
  inferPredicates,
  // After filters have left the joins below, and before the order of these joins is decided.
  pushDownSemiJoin,
  orderJoinsRule,
  // After the order is decided: also turns outer, semi and anti joins, which are not reordered.
  chooseBuildSide,
  // After filters: a limit may enter a scan only if no filter is left there.
  pushDownLimit,
  // Last, because it removes the projections with which the join rules restored column orders.
  optimizeProjections,
]
