/** The running NestedLoopJoinExec: build rows in memory while that is granted, else in a file and block by block. */
import type { Batch } from '../../arrow/batch.js'
import { kernels } from '../../arrow/memory.js'
import { Room } from '../../arrow/segments.js'
import { Budget } from '../../runtime/budget.js'
import { afterwards, FINISHED, type Operator } from '../../runtime/operator.js'
import { batchSize } from '../../runtime/options.js'
import { SpillFile } from '../../runtime/spill-file.js'
import { SpillRun } from '../../runtime/spill-run.js'
import type { TaskContext } from '../../runtime/task-context.js'
import type { BuildState } from '../plan.js'
import { JoinOutput, type JoinExec } from './join-output.js'
import { joinInPasses, type JoinBlock } from './join-passes.js'
import { BuildRows, heldBytes, type BuildSegment } from './join-rows.js'
import { MIN_SPILL_BYTES } from './spill-partitions.js'

/** Joining batches to segments takes the rows twice, up to so many bytes. */
const MAX_JOIN_BYTES = 64 * 1024 * 1024

export class NestedLoopState implements BuildState {
  readonly budget: Budget
  readonly #plan: JoinExec
  readonly #ctx: TaskContext
  #rows: BuildRows
  #file: SpillFile | undefined
  #build: SpillRun | undefined

  constructor(plan: JoinExec, ctx: TaskContext) {
    this.#plan = plan
    this.#ctx = ctx
    this.budget = new Budget(ctx, plan.kind)
    this.#rows = this.emptyRows()
  }

  /** All build rows, unless they are in a file. */
  get segments(): readonly BuildSegment[] {
    return this.#rows.segments
  }

  /** All build rows, if they are in a file. */
  get build(): SpillRun | undefined {
    return this.#build
  }

  /** A place for probe rows, beside the build rows in a file. */
  probeRun(build: SpillRun): SpillRun {
    return build.beside(this.#plan.children[1].schema)
  }

  /** Borrows the batch. */
  push(batch: Batch): Promise<void> | undefined {
    if (this.#build !== undefined) return this.#append(this.#build, batch)
    if (!this.hasRoom(this.#rows, batch) && this.#rows.heldBytes > 0)
      return this.#spill().then(build => this.#append(build, batch))
    this.#rows.add(batch)
    return undefined
  }

  finish(): void {
    this.#rows.join()
  }

  /** Whether one batch more is granted. */
  hasRoom(rows: BuildRows, batch: Batch): boolean {
    return this.budget.fits(heldBytes(batch) + Math.min(MAX_JOIN_BYTES, rows.heldBytes))
  }

  emptyRows(): BuildRows {
    return new BuildRows(this.#plan.children[0].schema, this.budget.charge)
  }

  settle(): Promise<void> | undefined {
    return this.#file?.settle()
  }

  close(): void {
    this.#rows.close()
    this.#file?.close()
    this.budget.release()
  }

  async #spill(): Promise<SpillRun> {
    this.#ctx.counters().spillCount++
    this.#file = await SpillFile.open(this.#ctx)
    this.#build = new SpillRun(this.#file, this.#plan.children[0].schema)
    for (const batch of this.#rows.batches) await this.#build.append(batch)
    this.#rows.close()
    this.budget.settle()
    return this.#build
  }

  async #append(build: SpillRun, batch: Batch): Promise<void> {
    await build.append(batch)
    await this.#file?.settle()
  }
}

/** Build rows in memory, paired with probe batches. */
class LoopBlock implements JoinBlock {
  readonly #segments: readonly BuildSegment[]
  readonly #output: JoinOutput
  readonly #capacity: number
  readonly #room = new Room()
  readonly rowCount: number

  constructor(plan: JoinExec, ctx: TaskContext, budget: Budget, segments: readonly BuildSegment[]) {
    this.#segments = segments
    this.rowCount = segments.reduce((sum, { batch }) => sum + batch.rowCount, 0)
    this.#output = new JoinOutput(plan, this.rowCount, budget.charge)
    this.#capacity = ctx.config.get(batchSize)
  }

  /** Nothing can come out. */
  get isIdle(): boolean {
    return this.rowCount === 0 && this.#output.needsBuild
  }

  get givesProbeRows(): boolean {
    return this.#output.probeOutcomes.length > 0
  }

  *pairs(batch: Batch, marks: number): Generator<Batch> {
    this.#output.begin(batch, marks)
    for (const segment of this.#segments) yield* this.#pairUp(segment, batch)
  }

  /** The rows of a probe batch that come out by themselves, as `marks` says; 0: as its pairs have just said. */
  *rest(batch: Batch, marks: number): Generator<Batch> {
    if (marks !== 0) this.#output.begin(batch, marks)
    yield* this.#output.end(batch)
  }

  finish(): Generator<Batch> {
    return this.#output.finish(this.#segments, this.#capacity)
  }

  close(): void {
    this.#output.close()
    this.#room.close()
  }

  /** All pairs of a build segment and a probe batch, at most `capacity` at a time. */
  *#pairUp(segment: BuildSegment, batch: Batch): Generator<Batch> {
    const capacity = this.#capacity
    const probeRows = Math.min(batch.rowCount, capacity)
    const buildRows = Math.max(1, Math.floor(capacity / probeRows))
    for (let from = 0; from < segment.batch.rowCount; from += buildRows) {
      const some = Math.min(buildRows, segment.batch.rowCount - from)
      for (let first = 0; first < batch.rowCount; first += probeRows) {
        const width = Math.min(probeRows, batch.rowCount - first)
        const count = some * width
        const build = this.#room.take(capacity * 8)
        const probe = build + capacity * 4
        kernels().joinSeries(from, width, count, build)
        kernels().joinCycle(first, width, count, probe)
        yield this.#output.pairs(batch, { segment, build, probe, count, isUnique: some === 1 })
      }
    }
  }
}

export function openLoop(plan: JoinExec, ctx: TaskContext, state: NestedLoopState): Operator {
  const block = new LoopBlock(plan, ctx, state.budget, state.segments)
  return {
    *push(batch) {
      if (block.isIdle) {
        yield FINISHED
        return
      }
      yield* block.pairs(batch, 0)
      yield* block.rest(batch, 0)
    },
    finish: () => block.finish(),
    close: () => block.close(),
  }
}

export function openSpilledLoop(plan: JoinExec, ctx: TaskContext, state: NestedLoopState, build: SpillRun): Operator {
  const probe = state.probeRun(build)
  const last = new LoopBlock(plan, ctx, state.budget, [])
  const rest = last.givesProbeRows ? (batch: Batch, marks: number) => last.rest(batch, marks) : undefined
  return {
    push: batch =>
      afterwards(async () => {
        await probe.append(batch)
        await state.settle()
      }),
    finish: () => joinInPasses(blocksOf(plan, ctx, state, build), probe, rest, state.budget.charge),
    close: () => last.close(),
  }
}

/** Build rows of a file, as many at a time as are granted. */
async function* blocksOf(
  plan: JoinExec,
  ctx: TaskContext,
  state: NestedLoopState,
  build: SpillRun,
): AsyncGenerator<JoinBlock> {
  let rows = state.emptyRows()
  function* blockOf(): Generator<JoinBlock> {
    rows.join()
    const block = new LoopBlock(plan, ctx, state.budget, rows.segments)
    try {
      yield block
    } finally {
      block.close()
    }
  }
  try {
    for await (const batch of build.batches()) {
      if (!state.hasRoom(rows, batch) && rows.heldBytes > MIN_SPILL_BYTES) {
        yield* blockOf()
        rows.close()
        rows = state.emptyRows()
        state.budget.settle()
      }
      rows.add(batch)
    }
    yield* blockOf()
  } finally {
    rows.close()
  }
}
