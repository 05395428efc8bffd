/** A join whose build rows do not fit and cannot be split by key: block by block, each with all probe rows. */
import type { Batch } from '../../arrow/batch.js'
import { alloc, release } from '../../arrow/memory.js'
import { zeroFill, type Charge } from '../../arrow/segments.js'
import type { SpillRun } from '../../runtime/spill-run.js'

/** Some of the build rows, in memory. */
export interface JoinBlock {
  /** The pairs of a probe batch; `marks` (a byte a probe row) learns which rows have had one. */
  pairs(batch: Batch, marks: number): Iterable<Batch>
  /** Build rows by whether they have had a partner. */
  finish(): Iterable<Batch>
}

/**
 * The rows of the join. `rest` gives the rows of a probe batch that come out by themselves, once the marks are complete; undefined:
 * there are none. Blocks are closed by whoever makes them.
 */
export async function* joinInPasses(
  blocks: AsyncIterable<JoinBlock>,
  probe: SpillRun,
  rest: ((batch: Batch, marks: number) => Iterable<Batch>) | undefined,
  charge: Charge,
): AsyncGenerator<Batch> {
  const marks = new ProbeMarks(charge)
  try {
    for await (const block of blocks) {
      let frame = 0
      for await (const batch of probe.batches())
        yield* block.pairs(batch, rest === undefined ? 0 : marks.of(frame++, batch))
      yield* block.finish()
    }
    if (rest === undefined) return
    let frame = 0
    for await (const batch of probe.batches()) yield* rest(batch, marks.of(frame++, batch))
  } finally {
    marks.close()
  }
}

/** A byte for each probe row, in a block a frame. */
class ProbeMarks {
  readonly #charge: Charge
  readonly #blocks: number[] = []
  #heldBytes = 0

  constructor(charge: Charge) {
    this.#charge = charge
  }

  /** Position of the marks of a frame; frames are asked for in order. */
  of(frame: number, { rowCount }: Batch): number {
    if (frame < this.#blocks.length) return this.#blocks[frame]
    this.#charge(rowCount)
    this.#heldBytes += rowCount
    const block = alloc(rowCount)
    this.#blocks.push(block)
    zeroFill(block, rowCount)
    return block
  }

  close(): void {
    this.#blocks.forEach(release)
    this.#charge(-this.#heldBytes)
  }
}
