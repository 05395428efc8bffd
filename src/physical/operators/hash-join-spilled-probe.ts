/** The probe side of a hash join whose build rows are in a file: rows of partitions in memory at once, the others afterwards. */
import type { Batch, Column } from '../../arrow/batch.js'
import { releaseBatch, releaseColumn } from '../../arrow/column.js'
import { compileExprs } from '../../expr/compile.js'
import { FINISHED } from '../../runtime/operator.js'
import type { SpillRun } from '../../runtime/spill-run.js'
import { HashJoinSpill, splitAgain, TableFiller, type HashJoinParts } from './hash-join-spill.js'
import type { HashJoinState } from './hash-join-state.js'
import { HashJoinProbe } from './hash-join-probe.js'
import { joinInPasses, type JoinBlock } from './join-passes.js'
import { MAX_SPILL_LEVEL, MIN_SPILL_BYTES } from './spill-partitions.js'

/** A partition with more than this share of the rows that were split is not split again: it has few keys. */
const MAX_SHARE = 0.8

export class SpilledProbe {
  readonly #state: HashJoinState
  readonly #parts: HashJoinParts
  readonly #spill: HashJoinSpill
  readonly #probe: HashJoinProbe
  readonly #keysOf: (batch: Batch) => Column[]

  constructor(state: HashJoinState, spill: HashJoinSpill) {
    const { plan, ctx } = state.parts
    this.#state = state
    this.#parts = state.parts
    this.#spill = spill
    this.#probe = new HashJoinProbe(plan, ctx, state.table)
    const compiled = compileExprs(
      plan.on.map(({ right }) => right),
      plan.children[1].schema,
    )
    this.#keysOf = batch => compiled.evaluate(batch)
  }

  async *push(batch: Batch): AsyncGenerator<Batch> {
    const keys = this.#keysOf(batch)
    let parts: readonly (Batch | undefined)[] = []
    try {
      parts = this.#spill.probe.split(batch, keys)
      for (let partition = 0; partition < parts.length; partition++) {
        const part = parts[partition]
        if (part === undefined) continue
        if (this.#state.isResident(partition)) yield* batchesOf(this.#probe.push(part))
        else await this.#spill.probe.runs[partition].append(part)
      }
      await this.#spill.settle()
    } finally {
      for (const part of parts) if (part !== undefined) releaseBatch(part)
      keys.forEach(releaseColumn)
    }
  }

  async *finish(): AsyncGenerator<Batch> {
    yield* this.#probe.finish()
    this.#state.closeTable()
    const { build, probe } = this.#spill
    for (let partition = 0; partition < build.runs.length; partition++) {
      if (!this.#state.isResident(partition))
        yield* this.#join({ build: build.runs[partition], probe: probe.runs[partition] }, 1, build.rowCount)
    }
  }

  close(): void {
    this.#probe.close()
  }

  /** One partition, of `total` build rows that were split. */
  async *#join(sides: Sides, level: number, total: number): AsyncGenerator<Batch> {
    const { build, probe } = sides
    if (build.rowCount === 0 && probe.rowCount === 0) return
    const filler = new TableFiller(this.#parts, false)
    let isWhole = false
    try {
      isWhole = await this.#fill(filler, build)
      if (isWhole) yield* this.#joinTable(filler, probe)
    } finally {
      filler.table.close()
      this.#parts.budget.settle()
    }
    if (isWhole) return
    if (level < MAX_SPILL_LEVEL && build.rowCount <= MAX_SHARE * total) yield* this.#joinSplit(sides, level)
    else yield* this.#joinBlocks(sides)
  }

  /** False: they do not fit. */
  async #fill(filler: TableFiller, build: SpillRun): Promise<boolean> {
    for await (const batch of build.batches()) {
      if (!filler.hasRoom(batch.rowCount) && this.#parts.budget.held > MIN_SPILL_BYTES) return false
      filler.addSpilled(batch)
    }
    await filler.table.build()
    return true
  }

  async *#joinTable({ table }: TableFiller, run: SpillRun): AsyncGenerator<Batch> {
    const { plan, ctx } = this.#parts
    const probe = new HashJoinProbe(plan, ctx, table)
    try {
      for await (const batch of run.batches()) yield* batchesOf(probe.push(batch))
      yield* probe.finish()
    } finally {
      probe.close()
    }
  }

  async *#joinSplit(sides: Sides, level: number): AsyncGenerator<Batch> {
    const { ctx } = this.#parts
    ctx.counters().spillCount++
    const spill = await HashJoinSpill.open(this.#parts, level)
    try {
      await splitAgain(spill, sides, { build: batch => this.#state.spilledKeys(batch), probe: this.#keysOf })
      for (let partition = 0; partition < spill.build.runs.length; partition++) {
        const next = { build: spill.build.runs[partition], probe: spill.probe.runs[partition] }
        yield* this.#join(next, level + 1, sides.build.rowCount)
      }
    } finally {
      spill.close()
    }
  }

  async *#joinBlocks({ build, probe }: Sides): AsyncGenerator<Batch> {
    const { plan, ctx, budget } = this.#parts
    const empty = new TableFiller(this.#parts, false)
    const last = new HashJoinProbe(plan, ctx, empty.table)
    const rest = last.givesProbeRows ? (batch: Batch, marks: number) => last.rest(batch, marks) : undefined
    try {
      yield* joinInPasses(this.#blocks(build), probe, rest, budget.charge)
    } finally {
      last.close()
      empty.table.close()
    }
  }

  async *#blocks(build: SpillRun): AsyncGenerator<JoinBlock> {
    const { plan, ctx, budget } = this.#parts
    let filler = new TableFiller(this.#parts, false)
    try {
      for await (const batch of build.batches()) {
        if (!filler.hasRoom(batch.rowCount) && budget.held > MIN_SPILL_BYTES) {
          yield* blockOf(filler)
          const full = filler
          filler = new TableFiller(this.#parts, false)
          full.table.close()
          budget.settle()
        }
        filler.addSpilled(batch)
      }
      yield* blockOf(filler)
    } finally {
      filler.table.close()
    }

    async function* blockOf({ table }: TableFiller): AsyncGenerator<JoinBlock> {
      await table.build()
      const block = new HashJoinProbe(plan, ctx, table)
      try {
        yield block
      } finally {
        block.close()
      }
    }
  }
}

interface Sides {
  readonly build: SpillRun
  readonly probe: SpillRun
}

/** Without FINISHED, which a part of the build rows cannot say for all of them. */
function* batchesOf(output: Iterable<Batch | typeof FINISHED>): Generator<Batch> {
  for (const item of output) if (item !== FINISHED) yield item
}
