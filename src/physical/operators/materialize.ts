/** MaterializeExec and SharedRowsExec: a subplan that is computed once and read wherever it occurs. */
import type { Batch } from '../../arrow/batch.js'
import { releaseBatch, retainBatch } from '../../arrow/column.js'
import { invariant } from '../../common/invariant.js'
import { Budget } from '../../runtime/budget.js'
import { SpillFile, type FramePlace } from '../../runtime/spill-file.js'
import type { TaskContext } from '../../runtime/task-context.js'
import { defineOperator, type BuildState, type PhysicalPlan } from '../plan.js'
import { SINGLE, withRowCount } from '../properties.js'
import { numbersSample } from '../samples.js'
import { heldBytes } from './join-rows.js'

export interface MaterializeExec extends PhysicalPlan {
  readonly kind: 'MaterializeExec'
  /** What the SharedRowsExec below child 1 read. */
  readonly id: number
}

/** Child 0 is held while child 1, whose rows pass as they are, streams. Both have one partition. */
export const materializeOperator = defineOperator<MaterializeExec>({
  kind: 'MaterializeExec',
  properties: (_plan, [, main]) => main,
  requiredDistribution: () => [{ kind: 'single' }, { kind: 'single' }],
  details: plan => `rows=#${plan.id}`,
  open: () => ({
    *push(batch) {
      retainBatch(batch)
      yield batch
    },
  }),
  build: {
    state: (plan, ctx) => new MaterializedRows(plan, ctx),
    sink(state) {
      invariant(state instanceof MaterializedRows, 'shared rows fill their own state')
      return { push: batch => state.add(batch), finish: () => state.publish() }
    },
  },
  samples() {
    const input = numbersSample()
    return [{ kind: 'MaterializeExec', id: 0, schema: input.schema, children: [numbersSample(), input] }]
  },
})

/** In memory as long as the limit grants it, the rest in a temporary file. */
class MaterializedRows implements BuildState {
  readonly #plan: MaterializeExec
  readonly #ctx: TaskContext
  readonly #budget: Budget
  readonly #batches: Batch[] = []
  readonly #frames: FramePlace[] = []
  #file: SpillFile | undefined

  constructor(plan: MaterializeExec, ctx: TaskContext) {
    this.#plan = plan
    this.#ctx = ctx
    this.#budget = new Budget(ctx, plan.kind)
  }

  /** Borrows the batch, keeps a reference, or writes it. */
  async add(batch: Batch): Promise<void> {
    const byteLength = heldBytes(batch)
    if (this.#file === undefined && this.#budget.fits(byteLength)) {
      this.#budget.charge(byteLength)
      retainBatch(batch)
      this.#batches.push(batch)
      return
    }
    if (this.#file === undefined) this.#ctx.counters().spillCount++
    this.#file ??= await SpillFile.open(this.#ctx)
    this.#frames.push(await this.#file.append(batch))
    // Nothing may be pending when `close` comes.
    await this.#file.settle()
  }

  async publish(): Promise<void> {
    await this.#file?.settle()
    this.#ctx.shared.publish(this.#plan.id, () => this.#read())
  }

  close(): void {
    this.#ctx.shared.retract(this.#plan.id)
    this.#batches.forEach(releaseBatch)
    this.#file?.close()
    this.#budget.release()
  }

  async *#read(): AsyncGenerator<Batch> {
    for (const batch of this.#batches) {
      retainBatch(batch)
      yield batch
    }
    const [{ schema }] = this.#plan.children
    for (const frame of this.#frames) if (this.#file !== undefined) yield await this.#file.read(frame, schema)
  }
}

export interface SharedRowsExec extends PhysicalPlan {
  readonly kind: 'SharedRowsExec'
  readonly id: number
  /** Estimated; absent: unknown. */
  readonly rowCount?: number
}

/** A leaf: the rows of child 0 of the MaterializeExec above it. */
export const sharedRowsOperator = defineOperator<SharedRowsExec>({
  kind: 'SharedRowsExec',
  properties: plan => withRowCount({ partitioning: SINGLE, ordering: [] }, plan.rowCount),
  details: plan => `rows=#${plan.id}`,
  source: (plan, ctx) => ctx.shared.read(plan.id),
  // It has no meaning without a MaterializeExec above it; tests of the rule run both.
  samples: () => [],
})
