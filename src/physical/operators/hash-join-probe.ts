/** The probe side of a hash join: from keys to pairs of rows. */
import type { Batch, Column } from '../../arrow/batch.js'
import { releaseColumn } from '../../arrow/column.js'
import { kernels, views } from '../../arrow/memory.js'
import { Room } from '../../arrow/segments.js'
import { compileExprs } from '../../expr/compile.js'
import { FINISHED } from '../../runtime/operator.js'
import { batchSize } from '../../runtime/options.js'
import type { TaskContext } from '../../runtime/task-context.js'
import type { HashJoinTable } from './hash-join-build.js'
import type { HashJoinExec } from './hash-join.js'
import { JOIN_SIDES } from './join-types.js'
import { JoinOutput } from './join-output.js'
import type { JoinBlock } from './join-passes.js'

/** Probes one table: that of all build rows, of a partition, or of a block of them. */
export class HashJoinProbe implements JoinBlock {
  readonly #plan: HashJoinExec
  readonly #table: HashJoinTable
  readonly #output: JoinOutput
  /** Pairs of one output. */
  readonly #capacity: number
  readonly #evaluate: (batch: Batch) => Column[]
  readonly #heads = new Room()
  readonly #pairs = new Room()
  readonly #split = new Room()

  constructor(plan: HashJoinExec, ctx: TaskContext, table: HashJoinTable) {
    this.#plan = plan
    this.#table = table
    this.#output = new JoinOutput(plan, table.rowCount, table.charge)
    this.#capacity = ctx.config.get(batchSize)
    const right = plan.on.map(key => key.right)
    const compiled = compileExprs(right, plan.children[1].schema)
    this.#evaluate = batch => compiled.evaluate(batch)
  }

  *push(batch: Batch): Generator<Batch | typeof FINISHED> {
    if (this.#table.rowCount === 0 && this.#output.needsBuild) {
      yield FINISHED
      return
    }
    const n = batch.rowCount
    const heads = this.#heads.take(n * 4)
    const found = this.#findHeads(batch, heads)
    const { joinType, filter } = this.#plan
    const sides = JOIN_SIDES[joinType]
    if (filter === undefined && !sides.left) {
      const rows = this.#pairs.take(n * 4)
      for (const wanted of this.#output.probeOutcomes) {
        const some = this.#output.probeRows(batch, rows, kernels().joinSelect(heads, n, wanted, rows), wanted)
        if (some !== undefined) yield some
      }
    } else if (filter === undefined && !sides.right) {
      kernels().joinMarkChains(heads, n, this.#table.next, this.#output.buildMarks)
    } else {
      this.#output.begin(batch)
      if (found > 0) yield* this.#allPairs(batch, heads)
      yield* this.#output.end(batch)
    }
  }

  /** Whether probe rows come out by themselves. */
  get givesProbeRows(): boolean {
    return this.#output.probeOutcomes.length > 0
  }

  *pairs(batch: Batch, marks: number): Generator<Batch> {
    const n = batch.rowCount
    const heads = this.#heads.take(n * 4)
    const found = this.#findHeads(batch, heads)
    const { joinType, filter } = this.#plan
    const sides = JOIN_SIDES[joinType]
    if (filter === undefined && !sides.left) {
      const rows = this.#pairs.take(n * 4)
      kernels().joinMarkProbe(rows, kernels().joinSelect(heads, n, 1, rows), marks)
    } else if (filter === undefined && !sides.right) {
      kernels().joinMarkChains(heads, n, this.#table.next, this.#output.buildMarks)
    } else {
      this.#output.begin(batch, marks)
      if (found > 0) yield* this.#allPairs(batch, heads)
    }
  }

  /** The rows of a probe batch that come out by themselves, as `marks` says. */
  *rest(batch: Batch, marks: number): Generator<Batch> {
    this.#output.begin(batch, marks)
    yield* this.#output.end(batch)
  }

  finish(): Generator<Batch> {
    return this.#output.finish(this.#table.segments, this.#capacity)
  }

  close(): void {
    this.#output.close()
    this.#heads.close()
    this.#pairs.close()
    this.#split.close()
  }

  #findHeads(batch: Batch, heads: number): number {
    const columns = this.#evaluate(batch)
    try {
      const { words, validity } = this.#table.keys.encode(columns, batch.rowCount, false)
      return this.#table.heads(words, validity, batch.rowCount, heads)
    } finally {
      columns.forEach(releaseColumn)
    }
  }

  #allPairs(batch: Batch, heads: number): Generator<Batch> {
    const isSimple = this.#table.isUnique && batch.rowCount <= this.#capacity
    return isSimple ? this.#uniquePairs(batch, heads) : this.#chainPairs(batch, heads)
  }

  *#uniquePairs(batch: Batch, heads: number): Generator<Batch> {
    const probe = this.#pairs.take(batch.rowCount * 8)
    const build = probe + batch.rowCount * 4
    yield* this.#bySegment(batch, probe, build, kernels().joinPairsUnique(heads, batch.rowCount, probe, build))
  }

  *#chainPairs(batch: Batch, heads: number): Generator<Batch> {
    const state = this.#pairs.take(this.#capacity * 8 + 64)
    const probe = state + 64
    const build = probe + this.#capacity * 4
    views().u32.fill(0, state / 4, state / 4 + 2)
    while (views().u32[state / 4] < batch.rowCount) {
      const count = kernels().joinPairs(heads, batch.rowCount, this.#table.next, this.#capacity, state, probe, build)
      if (count > 0) yield* this.#bySegment(batch, probe, build, count)
    }
  }

  /** Each output is gathered from one build segment. */
  *#bySegment(batch: Batch, probe: number, build: number, count: number): Generator<Batch> {
    const { segments, isUnique } = this.#table
    if (segments.length === 1) {
      yield this.#output.pairs(batch, { segment: segments[0], build, probe, count, isUnique })
      return
    }
    for (const segment of segments) {
      const someProbe = this.#split.take(count * 8)
      const someBuild = someProbe + count * 4
      const end = segment.start + segment.batch.rowCount
      const some = kernels().joinSplit(probe, build, count, segment.start, end, someProbe, someBuild)
      if (some > 0)
        yield this.#output.pairs(batch, { segment, build: someBuild, probe: someProbe, count: some, isUnique })
    }
  }
}
