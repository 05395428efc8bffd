/** Where the values of an output column come from, and whether rows of that input may be dropped by them. */
import { typeOf, type Expr } from '../../expr/expr.js'
import { holdsIntegers } from '../../expr/types.js'
import { hasIntegerValues } from '../../runtime/dynamic-filter.js'
import type { AggregateExec } from '../operators/aggregate.js'
import type { HashJoinExec } from '../operators/hash-join.js'
import type { JoinExec } from '../operators/join-output.js'
import { JOIN_SIDES } from '../operators/join-types.js'
import type { ProjectionExec } from '../operators/projection.js'
import type { PhysicalPlan } from '../plan.js'

/** Joins for which a probe row without a partner changes nothing. */
export const DROPS_PROBE_ROWS: ReadonlySet<string> = new Set([
  'inner',
  'left',
  'leftSemi',
  'leftAnti',
  'leftMark',
  'rightSemi',
])

/** Joins of which a row less on that side only means its own output rows less. */
const FOLLOWS_LEFT: ReadonlySet<string> = new Set(['inner', 'left', 'leftSemi', 'leftAnti', 'leftMark'])
const FOLLOWS_RIGHT: ReadonlySet<string> = new Set(['inner', 'right', 'rightSemi', 'rightAnti', 'rightMark'])

/** Dropping rows of their input drops just these rows of their output; columns keep their positions. */
const TRANSPARENT_KINDS: ReadonlySet<string> = new Set([
  'CoalesceExec',
  'FilterExec',
  'ReplicateExec',
  'SortExec',
  'UnionExec',
])

export interface ColumnSource {
  /** The input, by its number. */
  readonly child: number
  readonly column: number
}

/**
 * The inputs that give the values of an output column, as integers, such that an input row less means only the output rows less that
 * have its value; empty if there is none, or the node is a leaf. Exchanges are not looked through.
 */
export function columnSources(plan: PhysicalPlan, column: number): readonly ColumnSource[] {
  if (TRANSPARENT_KINDS.has(plan.kind)) return plan.children.map((_, child) => ({ child, column }))
  if (isProjection(plan)) return fromExpr(plan.exprs[column])
  if (isAggregate(plan)) return column < plan.groups.length ? fromExpr(plan.groups[column].expr) : []
  return isJoin(plan) ? joinSource(plan, column) : []
}

/** The input column whose values the expression has, if they are integers. */
export function plainColumn(expr: Expr): number | undefined {
  const type = typeOf(expr)
  if (!hasIntegerValues(type)) return undefined
  if (expr.kind === 'input') return expr.index
  if (expr.kind !== 'cast' || type.kind !== 'int') return undefined
  // A wider integer is the same number; a narrower one may be NULL instead.
  const inner = typeOf(expr.input)
  return inner.kind === 'int' && holdsIntegers(inner, type) ? plainColumn(expr.input) : undefined
}

function fromExpr(expr: Expr): readonly ColumnSource[] {
  const column = plainColumn(expr)
  return column === undefined ? [] : [{ child: 0, column }]
}

function joinSource({ joinType, children }: JoinExec, column: number): readonly ColumnSource[] {
  const leftCount = JOIN_SIDES[joinType].left ? children[0].schema.fields.length : 0
  if (column < leftCount) return FOLLOWS_LEFT.has(joinType) ? [{ child: 0, column }] : []
  const isRight = FOLLOWS_RIGHT.has(joinType) && column - leftCount < children[1].schema.fields.length
  return isRight ? [{ child: 1, column: column - leftCount }] : []
}

/** The node with another input at this place; the same node for the same input. */
export function withChild(plan: PhysicalPlan, child: number, input: PhysicalPlan): PhysicalPlan {
  if (plan.children[child] === input) return plan
  return { ...plan, children: plan.children.map((one, i) => (i === child ? input : one)) }
}

export const isHashJoin = (plan: PhysicalPlan): plan is HashJoinExec => plan.kind === 'HashJoinExec'
const isJoin = (plan: PhysicalPlan): plan is JoinExec => isHashJoin(plan) || plan.kind === 'NestedLoopJoinExec'
const isProjection = (plan: PhysicalPlan): plan is ProjectionExec => plan.kind === 'ProjectionExec'
const isAggregate = (plan: PhysicalPlan): plan is AggregateExec => plan.kind === 'AggregateExec'
