/** NestedLoopJoinExec: joins without equal keys, cross joins among them, of all join types. */
import { invariant } from '../../common/invariant.js'
import { binaryExpr, inputExpr } from '../../expr/build.js'
import { displayExpr } from '../../expr/display.js'
import type { LogicalJoinType } from '../../logical/plan.js'
import { defineOperator } from '../plan.js'
import { withRowCount } from '../properties.js'
import { numbersSample } from '../samples.js'
import { JOIN_SIDES, joinSchema, joinTypeName } from './join-types.js'
import type { JoinExec } from './join-output.js'
import { NestedLoopState, openLoop, openSpilledLoop } from './nested-loop-run.js'

export interface NestedLoopJoinExec extends JoinExec {
  readonly kind: 'NestedLoopJoinExec'
}

/**
 * Child 0 (left) is held in memory; every row of child 1 (right) is paired with all of it. If it does not fit, both go to a file, and
 * each block of child 0 that fits is paired with all of child 1. Needs both in one partition.
 */
export const nestedLoopJoinOperator = defineOperator<NestedLoopJoinExec>({
  kind: 'NestedLoopJoinExec',
  properties(plan, [left, right]) {
    const isCross = left.rowCount !== undefined && right.rowCount !== undefined && plan.filter === undefined
    const rows = isCross ? (left.rowCount ?? 0) * (right.rowCount ?? 0) : undefined
    return withRowCount({ partitioning: { kind: 'single' }, ordering: [] }, rows)
  },
  requiredDistribution: () => [{ kind: 'single' }, { kind: 'single' }],
  details(plan) {
    const filter = plan.filter === undefined ? '' : `, filter=${displayExpr(plan.filter)}`
    return `join_type=${joinTypeName(plan.joinType)}${filter}`
  },
  lower(plan, [left, right], context) {
    if (plan.kind !== 'join' || plan.on.length > 0) return undefined
    const schema = joinSchema(plan.type, left.schema, right.schema, plan.mark?.name)
    const base = { kind: 'NestedLoopJoinExec', joinType: plan.type, schema, children: [left, right] } as const
    return plan.filter === undefined
      ? base
      : { ...base, filter: context.resolve(plan.filter, { ...plan, type: 'inner' }) }
  },
  open(plan, ctx, state) {
    invariant(state instanceof NestedLoopState, 'a nested loop join reads its own rows')
    return state.build === undefined ? openLoop(plan, ctx, state) : openSpilledLoop(plan, ctx, state, state.build)
  },
  build: {
    state: (plan, ctx) => new NestedLoopState(plan, ctx),
    sink(state) {
      invariant(state instanceof NestedLoopState, 'a nested loop join fills its own rows')
      return { push: batch => state.push(batch), finish: () => state.finish() }
    },
  },
  samples: () => samples(),
})

function samples(): NestedLoopJoinExec[] {
  const side = numbersSample()
  const [id] = side.schema.fields
  const filter = binaryExpr('<', inputExpr(0, id.name, id.type), inputExpr(side.schema.fields.length, id.name, id.type))
  const types = Object.keys(JOIN_SIDES) as LogicalJoinType[]
  const join = (joinType: LogicalJoinType): NestedLoopJoinExec => ({
    kind: 'NestedLoopJoinExec',
    joinType,
    schema: joinSchema(joinType, side.schema, side.schema),
    children: [side, side],
  })
  return [join('inner'), ...types.map(joinType => ({ ...join(joinType), filter }))]
}
