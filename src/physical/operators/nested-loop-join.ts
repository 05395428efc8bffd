/** NestedLoopJoinExec: joins without equal keys, cross joins among them, of all join types. */
import type { Batch } from '../../arrow/batch.js'
import { kernels } from '../../arrow/memory.js'
import { Room } from '../../arrow/segments.js'
import { invariant } from '../../common/invariant.js'
import { binaryExpr, inputExpr } from '../../expr/build.js'
import { displayExpr } from '../../expr/display.js'
import type { LogicalJoinType } from '../../logical/plan.js'
import { FINISHED, type Operator } from '../../runtime/operator.js'
import { batchSize } from '../../runtime/options.js'
import type { TaskContext } from '../../runtime/task-context.js'
import { defineOperator, type BuildState } from '../plan.js'
import { withRowCount } from '../properties.js'
import { numbersSample } from '../samples.js'
import { chargeTo } from './aggregate-run.js'
import { JOIN_SIDES, joinSchema, joinTypeName } from './join-types.js'
import { JoinOutput, type JoinExec } from './join-output.js'
import { BuildRows, type BuildSegment } from './join-rows.js'

export interface NestedLoopJoinExec extends JoinExec {
  readonly kind: 'NestedLoopJoinExec'
}

/** Child 0 (left) is held in memory; every row of child 1 (right) is paired with all of it. Needs both in one partition. */
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
    return openLoop(plan, ctx, state)
  },
  build: {
    state: (plan, ctx) => new NestedLoopState(plan, ctx),
    sink(state) {
      invariant(state instanceof NestedLoopState, 'a nested loop join fills its own rows')
      return { push: batch => state.rows.add(batch), finish: () => state.rows.join() }
    },
  },
  samples: () => samples(),
})

class NestedLoopState implements BuildState {
  readonly rows: BuildRows
  readonly #budget: ReturnType<typeof chargeTo>

  constructor(plan: NestedLoopJoinExec, ctx: TaskContext) {
    this.#budget = chargeTo(ctx, plan.kind)
    this.rows = new BuildRows(plan.children[0].schema, this.#budget.charge)
  }

  get charge(): (delta: number) => void {
    return this.#budget.charge
  }

  close(): void {
    this.rows.close()
    this.#budget.release()
  }
}

function openLoop(plan: NestedLoopJoinExec, ctx: TaskContext, state: NestedLoopState): Operator {
  const { segments } = state.rows
  const rowCount = segments.reduce((sum, { batch }) => sum + batch.rowCount, 0)
  const output = new JoinOutput(plan, rowCount, state.charge)
  const capacity = ctx.config.get(batchSize)
  const room = new Room()
  return {
    *push(batch) {
      if (rowCount === 0 && output.needsBuild) {
        yield FINISHED
        return
      }
      output.begin(batch)
      for (const segment of segments) yield* pairUp(output, segment, batch, capacity, room)
      yield* output.end(batch)
    },
    finish: () => output.finish(segments, capacity),
    close() {
      output.close()
      room.close()
    },
  }
}

/** All pairs of a build segment and a probe batch, at most `capacity` at a time. */
function* pairUp(
  output: JoinOutput,
  segment: BuildSegment,
  batch: Batch,
  capacity: number,
  room: Room,
): Generator<Batch> {
  const probeRows = Math.min(batch.rowCount, capacity)
  const buildRows = Math.max(1, Math.floor(capacity / probeRows))
  for (let from = 0; from < segment.batch.rowCount; from += buildRows) {
    const some = Math.min(buildRows, segment.batch.rowCount - from)
    for (let first = 0; first < batch.rowCount; first += probeRows) {
      const width = Math.min(probeRows, batch.rowCount - first)
      const count = some * width
      const build = room.take(capacity * 8)
      const probe = build + capacity * 4
      kernels().joinSeries(from, width, count, build)
      kernels().joinCycle(first, width, count, probe)
      yield output.pairs(batch, { segment, build, probe, count, isUnique: some === 1 })
    }
  }
}

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
