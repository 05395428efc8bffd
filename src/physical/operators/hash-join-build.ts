/** The build side of a hash join: its rows, their keys, and a table from keys to chains of rows. */
import type { Batch, Column } from '../../arrow/batch.js'
import { releaseColumn } from '../../arrow/column.js'
import { alloc, kernels, release, views } from '../../arrow/memory.js'
import { Segments, Slots } from '../../arrow/segments.js'
import { compileExprs } from '../../expr/compile.js'
import { typeOf } from '../../expr/expr.js'
import type { BuildState } from '../plan.js'
import type { TaskContext } from '../../runtime/task-context.js'
import { chargeTo } from './aggregate-run.js'
import type { HashJoinExec } from './hash-join.js'
import { BuildRows, type BuildSegment } from './join-rows.js'
import { RowKeys } from './row-keys.js'

/** Rows of one kernel call of the build, so that other tasks have their turn in between. */
const ROWS_A_CALL = 65_536
const CALLS_A_TURN = 16
/** A table by position is used up to this many slots a row (4 bytes each), and in any case up to the minimum. */
const DIRECT_SLOTS_A_ROW = 8
const MIN_DIRECT_SLOTS = 4096
/** Filled by `add`, closed by `build`, then probed; all of one task. */
export class HashJoinTable implements BuildState {
  readonly keys: RowKeys
  /** Each key is in at most one build row. Known after `build`. */
  isUnique = false
  readonly #ctx: TaskContext
  readonly #budget: ReturnType<typeof chargeTo>
  readonly #evaluate: (batch: Batch) => Column[]
  readonly #words: Segments
  readonly #next: Segments
  readonly #slots: Slots
  readonly #keepsRows: boolean
  readonly #rows: BuildRows
  #rowCount = 0
  /** 2^bits slots by hash; 0: slots by position from key #base on. */
  #bits = 0
  #base = 0n

  constructor(plan: HashJoinExec, ctx: TaskContext) {
    this.#ctx = ctx
    this.#budget = chargeTo(ctx, plan.kind)
    const { charge } = this.#budget
    const left = plan.on.map(key => key.left)
    this.keys = new RowKeys(
      left.map(expr => ({ type: typeOf(expr), nullable: true })),
      'reject',
      charge,
    )
    const compiled = compileExprs(left, plan.children[0].schema)
    this.#evaluate = batch => compiled.evaluate(batch)
    this.#words = new Segments(this.keys.words * 8, charge)
    this.#next = new Segments(4, charge)
    this.#slots = new Slots(charge)
    this.#rows = new BuildRows(plan.children[0].schema, charge)
    this.#keepsRows = plan.filter !== undefined || (plan.joinType !== 'rightSemi' && plan.joinType !== 'rightAnti')
  }

  get rowCount(): number {
    return this.#rowCount
  }

  /** Directory of the chain: u32 entries, row + 1 of the next build row of the same key. */
  get next(): number {
    return this.#next.directory
  }

  /** The rows, in order; empty if the join does not need them. */
  get segments(): readonly BuildSegment[] {
    return this.#rows.segments
  }

  get charge(): (delta: number) => void {
    return this.#budget.charge
  }

  /** Borrows the batch, keeps a reference. */
  add(batch: Batch): void {
    const { rowCount } = batch
    this.#words.reserve(this.#rowCount + rowCount)
    this.#next.reserve(this.#rowCount + rowCount)
    const columns = this.#evaluate(batch)
    try {
      const { words, validity } = this.keys.encode(columns, rowCount)
      kernels().joinAppend(
        words,
        this.keys.words,
        validity,
        rowCount,
        this.#words.directory,
        this.#next.directory,
        this.#rowCount,
      )
    } finally {
      columns.forEach(releaseColumn)
    }
    this.#rowCount += rowCount
    if (this.#keepsRows) this.#rows.add(batch)
  }

  /** Joins the batches to few large ones and links the rows of each key. */
  async build(): Promise<void> {
    this.#rows.join()
    this.#openSlots()
    let duplicates = 0
    let calls = 0
    for (let end = this.#rowCount; end > 0; end -= ROWS_A_CALL) {
      duplicates += this.#link(Math.max(0, end - ROWS_A_CALL), end)
      if (++calls % CALLS_A_TURN === 0) {
        await new Promise(resolve => setImmediate(resolve))
        this.#ctx.signal.throwIfAborted()
      }
    }
    this.isUnique = duplicates === 0
  }

  /** For n rows of probe keys, the first build row + 1 of their key into u32 heads, 0 for none; the number found. */
  heads(words: number, validity: number, n: number, heads: number): number {
    const own = kernels()
    if (this.#rowCount === 0) {
      views().u32.fill(0, heads / 4, heads / 4 + n)
      return 0
    }
    const table = this.#slots.directory
    if (this.#bits === 0) return own.joinHeadsDirect(words, validity, n, table, this.#base, this.#slots.count, heads)
    if (this.keys.words === 1)
      return own.joinHeadsWord(words, validity, n, this.#words.directory, table, this.#bits, heads)
    return own.joinHeads(words, this.keys.words, validity, n, this.#words.directory, table, this.#bits, heads)
  }

  close(): void {
    this.#rows.close()
    this.keys.close()
    this.#words.close()
    this.#next.close()
    this.#slots.close()
    this.#budget.release()
  }

  #openSlots(): void {
    if (this.keys.isInteger && this.#fitDirect()) return
    this.#bits = Math.max(8, Math.ceil(Math.log2(this.#rowCount + 1)) + 1)
    this.#slots.reset(2 ** this.#bits)
  }

  /** One slot a value, where the keys are dense enough for it. */
  #fitDirect(): boolean {
    const bounds = alloc(16)
    try {
      const keyed = kernels().joinBounds(this.#words.directory, this.#next.directory, this.#rowCount, bounds)
      const { i64 } = views()
      const range = keyed === 0 ? 1n : i64[bounds / 8 + 1] - i64[bounds / 8] + 1n
      if (range > BigInt(Math.max(MIN_DIRECT_SLOTS, DIRECT_SLOTS_A_ROW * keyed))) return false
      this.#base = keyed === 0 ? 0n : i64[bounds / 8]
      this.#slots.reset(Number(range))
      return true
    } finally {
      release(bounds)
    }
  }

  #link(from: number, to: number): number {
    const own = kernels()
    const { directory } = this.#words
    if (this.#bits === 0)
      return own.joinBuildDirect(directory, this.#next.directory, from, to, this.#slots.directory, this.#base)
    return own.joinBuild(directory, this.keys.words, this.#next.directory, from, to, this.#slots.directory, this.#bits)
  }
}
