/** HashJoinExec: joins on equal keys, of all join types. */
import { sameType } from '../../arrow/types.js'
import { invariant } from '../../common/invariant.js'
import { castExpr, inputExpr } from '../../expr/build.js'
import { displayExpr } from '../../expr/display.js'
import { typeOf, type Expr } from '../../expr/expr.js'
import { commonType } from '../../expr/types.js'
import type { LogicalJoinType, LogicalPlan } from '../../logical/plan.js'
import { estimateRows } from '../../optimizer/cardinality.js'
import { distinctValues } from '../../optimizer/column-statistics.js'
import {
  defineOperator,
  type LowerContext,
  type OperatorDefinition,
  type PhysicalPlan,
  type Properties,
} from '../plan.js'
import { withRowCount } from '../properties.js'
import { numbersSample } from '../samples.js'
import { HashJoinProbe } from './hash-join-probe.js'
import { SpilledProbe } from './hash-join-spilled-probe.js'
import { HashJoinState } from './hash-join-state.js'
import { JOIN_SIDES, joinSchema, joinTypeName } from './join-types.js'

export interface HashJoinExec extends PhysicalPlan {
  readonly kind: 'HashJoinExec'
  readonly joinType: LogicalJoinType
  /** At least one; `left` over the columns of child 0, `right` over those of child 1, of one type. */
  readonly on: readonly { readonly left: Expr; readonly right: Expr }[]
  /** BOOLEAN over the columns of child 0, then those of child 1; pairs for which it is not true do not match. */
  readonly filter?: Expr
  /** Estimated rows of child 0 and child 1. */
  readonly estimates?: { readonly buildRows: number; readonly probeRows: number }
  /** Filters that the build side publishes for scans below child 1: values of the key `on[key]`. */
  readonly dynamicFilters?: readonly { readonly id: number; readonly key: number }[]
}

/**
 * Child 0 (left, build) is held in memory with a table of its keys; child 1 (right, probe) streams. What does not fit goes to a file,
 * by partition of the keys of both sides, and is joined at the end. NULL keys match nothing. No order of its rows is promised.
 */
export const hashJoinOperator: OperatorDefinition<HashJoinExec> = defineOperator<HashJoinExec>({
  kind: 'HashJoinExec',
  properties: (plan, inputs) => joinProperties(plan.joinType, inputs, plan.on),
  requiredDistribution: plan => [
    { kind: 'hash', exprs: plan.on.map(({ left }) => left) },
    { kind: 'hash', exprs: plan.on.map(({ right }) => right) },
  ],
  details(plan) {
    const on = plan.on.map(({ left, right }) => `(${displayExpr(left)}, ${displayExpr(right)})`).join(', ')
    const filter = plan.filter === undefined ? '' : `, filter=${displayExpr(plan.filter)}`
    return `join_type=${joinTypeName(plan.joinType)}, on=[${on}]${filter}`
  },
  lower(plan, [left, right], context) {
    return plan.kind === 'join' && plan.on.length > 0 ? lowerHashJoin(plan, left, right, context) : undefined
  },
  open(plan, ctx, state) {
    invariant(state instanceof HashJoinState, 'a hash join probes its own table')
    return state.spill === undefined ? new HashJoinProbe(plan, ctx, state.table) : new SpilledProbe(state, state.spill)
  },
  build: {
    state: (plan, ctx) => new HashJoinState(plan, ctx),
    sink(state) {
      invariant(state instanceof HashJoinState, 'a hash join builds its own table')
      return { push: batch => state.push(batch), finish: () => state.finish() }
    },
  },
  samples: () => samples(),
})

/** Rows are where the side lies that decides about them; an estimate as if one side were unique. */
export function joinProperties(
  type: LogicalJoinType,
  [left, right]: readonly Properties[],
  on: HashJoinExec['on'],
): Properties {
  const rows =
    left.rowCount === undefined || right.rowCount === undefined ? undefined : Math.max(left.rowCount, right.rowCount)
  const partitioning = joinPartitioning(type, left, right)
  if (!JOIN_SIDES[type].right) return withRowCount({ partitioning, ordering: [] }, left.rowCount)
  if (!JOIN_SIDES[type].left) return withRowCount({ partitioning, ordering: [] }, right.rowCount)
  return withRowCount({ partitioning, ordering: [] }, on.length === 0 ? undefined : rows)
}

function joinPartitioning(
  type: LogicalJoinType,
  { partitioning: left }: Properties,
  { partitioning: right }: Properties,
): Properties['partitioning'] {
  if (right.kind === 'single') return left
  // The probe side's columns come after the build side's; only those that lead the output keep their positions.
  if (left.kind === 'hash' && (type === 'inner' || type === 'left' || !JOIN_SIDES[type].right)) return left
  if (right.kind === 'hash' && !JOIN_SIDES[type].left) return right
  return { kind: 'unknown', count: right.count }
}

function lowerHashJoin(
  plan: Extract<LogicalPlan, { kind: 'join' }>,
  left: PhysicalPlan,
  right: PhysicalPlan,
  context: LowerContext,
): HashJoinExec {
  const on = bySelectivity(plan).map(key =>
    sameTypes(context.resolve(key.left, plan.left), context.resolve(key.right, plan.right)),
  )
  const base = {
    kind: 'HashJoinExec',
    joinType: plan.type,
    on,
    estimates: {
      buildRows: Math.round(estimateRows(plan.left)),
      probeRows: Math.round(estimateRows(plan.right)),
    },
    schema: joinSchema(plan.type, left.schema, right.schema, plan.mark?.name),
    children: [left, right],
  } as const
  return plan.filter === undefined
    ? base
    : { ...base, filter: context.resolve(plan.filter, { ...plan, type: 'inner' }) }
}

/** Keys with the most values first: the first one sifts the rows of the probe side. */
function bySelectivity({ on, right }: Extract<LogicalPlan, { kind: 'join' }>): typeof on {
  if (on.length === 1) return on
  const counts = new Map(on.map(key => [key, distinctValues(key.right, right)?.count ?? 0]))
  return [...on].sort((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0))
}

/** Both sides of a key cast to one type, so that equal values have equal bytes. */
function sameTypes(left: Expr, right: Expr): { left: Expr; right: Expr } {
  if (sameType(typeOf(left), typeOf(right))) return { left, right }
  const type = commonType(typeOf(left), typeOf(right))
  invariant(type !== undefined, 'the binder compares only types that have a common type')
  const cast = (expr: Expr): Expr => (sameType(typeOf(expr), type) ? expr : castExpr(expr, type))
  return { left: cast(left), right: cast(right) }
}

function samples(): HashJoinExec[] {
  const side = numbersSample()
  const [id] = side.schema.fields
  const key = inputExpr(0, id.name, id.type)
  const types = Object.keys(JOIN_SIDES) as LogicalJoinType[]
  return types.map(joinType => ({
    kind: 'HashJoinExec',
    joinType,
    on: [{ left: key, right: key }],
    schema: joinSchema(joinType, side.schema, side.schema),
    children: [side, side],
  }))
}
