/** What is known of one side of an equality holds for the other: `a = b AND b = 5` says that `a = 5`. */
import { sameType, type DataType } from '../../arrow/types.js'
import { equals } from '../../common/tree.js'
import { exprTree, typeOf, type ColumnExpr, type Expr } from '../../expr/expr.js'
import { mayRaise } from '../../expr/fold.js'
import { filterAll, withJoinParts, type JoinPlan } from '../../logical/build.js'
import { columnsOf } from '../../logical/plan-exprs.js'
import type { LogicalJoinType } from '../../logical/plan.js'
import { splitConjunction } from '../../expr/build.js'
import { knownPredicates } from '../known-predicates.js'
import { logicalRule } from '../rule.js'
import { distinctExprs } from '../simplify.js'

/** To which sides a join takes the predicates of the other one: rows of these are dropped that have no partner anyway. */
const TAKES: Readonly<Record<LogicalJoinType, { left: boolean; right: boolean }>> = {
  inner: { left: true, right: true },
  left: { left: false, right: true },
  right: { left: true, right: false },
  full: { left: false, right: false },
  leftSemi: { left: true, right: true },
  leftAnti: { left: false, right: true },
  leftMark: { left: false, right: true },
  rightSemi: { left: true, right: true },
  rightAnti: { left: true, right: false },
  rightMark: { left: true, right: false },
}

/**
 * Copies predicates about a join key to the other side of the join.
 *
 *   Inner Join: t.a = u.a                           Inner Join: t.a = u.a
 *     TableScan: t full_filters=[t.a > 5]      =>     TableScan: t full_filters=[t.a > 5]
 *     TableScan: u                                    Filter: u.a > 5
 *                                                       TableScan: u
 */
export const inferPredicates = logicalRule('infer_predicates', 'bottomUp', plan => {
  if (plan.kind !== 'join' || plan.on.length === 0) return plan
  const takes = TAKES[plan.type]
  const left = takes.left ? inferred(plan, 'right', 'left') : []
  const right = takes.right ? inferred(plan, 'left', 'right') : []
  if (left.length + right.length === 0) return plan
  return withJoinParts(plan, {
    left: filterAll(plan.left, left),
    right: filterAll(plan.right, right),
    on: plan.on,
    residual: plan.filter === undefined ? [] : splitConjunction(plan.filter),
  })
})

/**
 * Predicates over keys of side `from` as predicates of side `to`, without those that are known there, and those that could fail
 * for rows of `to` without a partner.
 */
function inferred(join: JoinPlan, from: 'left' | 'right', to: 'left' | 'right'): readonly Expr[] {
  const keys = join.on.flatMap(pair => {
    const [source, target] = [pair[from], pair[to]]
    const areColumns = source.kind === 'column' && target.kind === 'column'
    const type = typeOf(source)
    return areColumns && sameType(type, typeOf(target)) && isExact(type) ? [{ source, target }] : []
  })
  if (keys.length === 0) return []
  const known = knownPredicates(join[to])
  const found = knownPredicates(join[from]).flatMap(predicate => {
    const columns = columnsOf(predicate)
    const isOverKeys = columns.length > 0 && columns.every(column => keys.some(({ source }) => isSame(source, column)))
    if (!isOverKeys || mayRaise(predicate)) return []
    return [
      exprTree.transformUp(predicate, node => {
        const key = node.kind === 'column' ? keys.find(({ source }) => isSame(source, node)) : undefined
        return key === undefined ? node : key.target
      }),
    ]
  })
  return distinctExprs(found).filter(predicate => !known.some(other => equals(other, predicate)))
}

/** Equal values are the same: not so 0.0 and -0.0, or 1 day and 24 hours, whose texts differ. */
const isExact = ({ kind }: DataType): boolean => kind !== 'float' && kind !== 'interval'

const isSame = (left: ColumnExpr, right: ColumnExpr): boolean =>
  left.name === right.name && left.relation === right.relation
