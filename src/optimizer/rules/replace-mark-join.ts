/** A mark that is only filtered by is a semi or an anti join. */
import { BOOLEAN } from '../../arrow/types.js'
import { conjunction, splitConjunction } from '../../expr/build.js'
import { literal, type Expr } from '../../expr/expr.js'
import { filterPlan, namedColumn, projectionPlan, type JoinPlan } from '../../logical/build.js'
import { isOver } from '../../logical/plan-exprs.js'
import { schemaOf } from '../../logical/schema-of.js'
import type { LogicalPlan } from '../../logical/plan.js'
import { logicalRule } from '../rule.js'

/**
 * Turns a mark join below a filter for the mark into a semi join, below one for NOT the mark into an anti join.
 *
 *   Filter: m.mark AND t.a > 1              Projection: t.a, true AS mark
 *     LeftMark Join: t.a = u.a         =>     Filter: t.a > 1
 *                                               LeftSemi Join: t.a = u.a
 */
export const replaceMarkJoin = logicalRule('replace_mark_join', 'bottomUp', (plan): LogicalPlan => {
  if (plan.kind !== 'filter' || plan.input.kind !== 'join' || plan.input.type !== 'leftMark') return plan
  const join = plan.input
  const terms = splitConjunction(plan.predicate)
  const outcomes = terms.flatMap(term => outcomeOf(term, join.mark) ?? [])
  const rest = terms.filter(term => outcomeOf(term, join.mark) === undefined)
  const [outcome] = outcomes
  if (outcome === undefined || outcomes.includes(!outcome)) return plan
  if (!rest.every(term => isOver(term, schemaOf(join.left)))) return plan
  const { mark, ...unmarked } = join
  const joined: JoinPlan = { ...unmarked, type: outcome ? 'leftSemi' : 'leftAnti' }
  const column = mark === undefined ? [] : [{ ...mark, expr: literal(outcome, BOOLEAN) }]
  return projectionPlan(filterPlan(joined, conjunction(rest)), [...schemaOf(join.left).map(namedColumn), ...column])
})

/** True for the mark of the join, false for NOT of it; undefined for other predicates. */
function outcomeOf(term: Expr, mark: JoinPlan['mark']): boolean | undefined {
  if (term.kind === 'not') return outcomeOf(term.input, mark) === true ? false : undefined
  return term.kind === 'column' && term.relation === mark?.relation && term.name === mark?.name ? true : undefined
}
