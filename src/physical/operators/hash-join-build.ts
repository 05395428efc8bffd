/** The build side of a hash join: its rows, their keys, and a table from keys to chains of rows. */
import type { Batch, Column } from '../../arrow/batch.js'
import { releaseBatch, releaseColumn } from '../../arrow/column.js'
import { alloc, kernels, release, views, withScratch } from '../../arrow/memory.js'
import type { Schema } from '../../arrow/schema.js'
import { Segments, Slots } from '../../arrow/segments.js'
import { takeBatch } from '../../arrow/take.js'
import type { DataType } from '../../arrow/types.js'
import { compileExprs } from '../../expr/compile.js'
import { typeOf } from '../../expr/expr.js'
import { unreachable } from '../../common/invariant.js'
import type { Budget } from '../../runtime/budget.js'
import type { TaskContext } from '../../runtime/task-context.js'
import { nextTurn } from '../../runtime/time-slice.js'
import type { HashJoinExec } from './hash-join.js'
import { JOIN_SIDES } from './join-types.js'
import { BuildRows, type BuildSegment } from './join-rows.js'
import { EMPTY_SIEVE, joinSieve } from './join-sieve.js'
import { RowKeys } from './row-keys.js'

/** Rows of one kernel call of the build, so that other tasks have their turn in between. */
const ROWS_A_CALL = 65_536
const CALLS_A_TURN = 16
/** A table by position is used up to this many slots a row (4 bytes each), and in any case up to the minimum. */
const DIRECT_SLOTS_A_ROW = 8
const MIN_DIRECT_SLOTS = 4096
/** A ranked table is used up to this many values a row, at a quarter of a byte each. */
const RANKED_VALUES_A_ROW = 128
/** A table that fits the caches may be sparser: up to 2 MB of ranks. */
const SPARSE_RANKED_VALUES_A_ROW = 1024
const SPARSE_RANKED_VALUES = 8 * 1024 * 1024
/** Emptying ranks of so many values costs no more than looking at one row of the probe side. */
const RANKED_VALUES_A_PROBE_ROW = 8
/** In the chain before `build`: the row has a NULL key. */
const NO_KEY = 0xffffffff
/** Bytes of the rank of 64 values. */
const RANK_BYTES = 16
const MAX_RANKED_VALUES = 2 ** 31

/** Bytes a row of the table that needs least. */
const SLOT_BYTES_A_ROW = 16
const MAX_JOIN_BYTES = 64 * 1024 * 1024

/** Filled by `add` or `addKeys`, closed by `build`, then probed; all of one task. */
export class HashJoinTable {
  readonly keys: RowKeys
  /** Each key is in at most one build row. Known after `build`. */
  isUnique = false
  readonly #ctx: TaskContext
  readonly #dynamicFilters: NonNullable<HashJoinExec['dynamicFilters']>
  readonly #budget: Budget
  readonly #evaluate: (batch: Batch) => Column[]
  readonly #words: Segments
  readonly #next: Segments
  readonly #slots: Slots
  readonly #ranks: Segments
  readonly #keepsRows: boolean
  /** Estimated. */
  readonly #probeRows: number
  readonly #keyTypes: readonly DataType[]
  readonly #rows: BuildRows
  #rowCount = 0
  /**
   * Slots by hash (2^#bits), the same behind a sieve of first words, by position from key #base on, or by the number of keys between
   * #base and the key.
   */
  #kind: 'hash' | 'sifted' | 'direct' | 'ranked' = 'hash'
  #bits = 0
  #base = 0n
  /** Values from #base on that a table by position or rank, or a sieve, covers. */
  #range = 0

  /** `isWhole`: it gets all build rows, so that it may say which keys there are. */
  constructor(plan: HashJoinExec, ctx: TaskContext, budget: Budget, isWhole: boolean) {
    this.#ctx = ctx
    this.#dynamicFilters = isWhole ? (plan.dynamicFilters ?? []) : []
    this.#budget = budget
    const { charge } = budget
    const left = plan.on.map(key => key.left)
    this.#keyTypes = left.map(typeOf)
    this.keys = new RowKeys(
      this.#keyTypes.map(type => ({ type, nullable: true })),
      'reject',
      charge,
    )
    const compiled = compileExprs(left, plan.children[0].schema)
    this.#evaluate = batch => compiled.evaluate(batch)
    this.#words = new Segments(this.keys.words * 8, charge)
    this.#next = new Segments(4, charge)
    this.#slots = new Slots(charge)
    this.#ranks = new Segments(RANK_BYTES, charge)
    this.#rows = new BuildRows(plan.children[0].schema, charge)
    this.#keepsRows = HashJoinTable.keepsRows(plan)
    this.#probeRows = plan.estimates?.probeRows ?? 0
  }

  /** Whether the rows themselves come out, or are read by the filter; else only their keys matter. */
  static keepsRows({ filter, joinType }: HashJoinExec): boolean {
    return filter !== undefined || JOIN_SIDES[joinType].left
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

  /** Bytes that `build` takes beyond what is held, after so many more rows. */
  buildBytes(nextRows: number): number {
    return (this.#rowCount + nextRows) * SLOT_BYTES_A_ROW + Math.min(MAX_JOIN_BYTES, this.#rows.heldBytes)
  }

  /** Borrows the batch, keeps a reference. */
  add(batch: Batch): void {
    const columns = this.#evaluate(batch)
    try {
      this.addKeys(columns, batch.rowCount)
    } finally {
      columns.forEach(releaseColumn)
    }
    if (this.#keepsRows) this.#rows.add(batch)
  }

  /** Borrows the columns; for joins that need no rows. */
  addKeys(columns: readonly Column[], rowCount: number): void {
    this.#words.reserve(this.#rowCount + rowCount)
    this.#next.reserve(this.#rowCount + rowCount)
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
    this.#rowCount += rowCount
  }

  /** Before `build`: the rows as they were added, borrowed; if they are not kept, their keys, without those that are NULL. */
  *held(schema: Schema): Generator<Batch> {
    if (this.#keepsRows) return yield* this.#rows.batches
    for (let from = 0; from < this.#rowCount; from += ROWS_A_CALL) {
      const batch = this.#keyBatch(schema, from, Math.min(ROWS_A_CALL, this.#rowCount - from))
      try {
        yield batch
      } finally {
        releaseBatch(batch)
      }
    }
  }

  #keyBatch(schema: Schema, from: number, n: number): Batch {
    const columns: Column[] = []
    try {
      for (let index = 0; index < this.#keyTypes.length; index++)
        columns.push(this.keys.decode(index, this.#words, from, n, -1))
      return withScratch(scratch => {
        const rows = scratch(n * 4)
        const { u32 } = views()
        let count = 0
        for (let row = 0; row < n; row++)
          if (u32[this.#next.at(from + row) / 4] !== NO_KEY) u32[rows / 4 + count++] = row
        return takeBatch({ schema, rowCount: n, columns }, rows, count)
      })
    } finally {
      columns.forEach(releaseColumn)
    }
  }

  /** Joins the batches to few large ones and links the rows of each key. */
  async build(): Promise<void> {
    this.#rows.join()
    this.#chooseKind()
    const distinct = this.#kind === 'ranked' || this.#kind === 'sifted' ? await this.#rank() : 0
    this.#slots.reset(this.#kind === 'ranked' ? distinct : this.#kind === 'direct' ? this.#range : 2 ** this.#bits)
    let duplicates = 0
    await this.#inCalls(this.#rowCount, (from, to) => {
      duplicates += this.#link(this.#rowCount - to, this.#rowCount - from)
    })
    this.isUnique = duplicates === 0
    this.#publish()
  }

  /** For n rows of probe keys, the first build row + 1 of their key into u32 heads, 0 for none; the number found. */
  heads(words: number, validity: number, n: number, heads: number): number {
    const own = kernels()
    if (this.#rowCount === 0) {
      views().u32.fill(0, heads / 4, heads / 4 + n)
      return 0
    }
    const table = this.#slots.directory
    const { directory } = this.#words
    switch (this.#kind) {
      case 'direct':
        return own.joinHeadsDirect(words, validity, n, table, this.#base, this.#range, heads)
      case 'ranked':
        return own.joinHeadsRanked(words, validity, n, table, this.#ranks.directory, this.#base, this.#range, heads)
      case 'sifted':
        return own.joinHeadsSifted(
          words,
          this.keys.words,
          validity,
          n,
          directory,
          table,
          this.#bits,
          this.#ranks.directory,
          this.#base,
          this.#range,
          heads,
        )
      case 'hash':
        return this.keys.words === 1
          ? own.joinHeadsWord(words, validity, n, directory, table, this.#bits, heads)
          : own.joinHeads(words, this.keys.words, validity, n, directory, table, this.#bits, heads)
    }
    return unreachable(this.#kind)
  }

  close(): void {
    for (const { id } of this.#dynamicFilters) this.#ctx.filters.retract(id)
    this.#rows.close()
    this.keys.close()
    this.#words.close()
    this.#next.close()
    this.#slots.close()
    this.#ranks.close()
  }

  /** By position where the keys are dense, by rank where they are not too sparse, else by hash; several columns always by hash. */
  #chooseKind(): void {
    this.#bits = Math.max(8, Math.ceil(Math.log2(this.#rowCount + 1)) + 1)
    const { isInteger, leadingInteger, words } = this.keys
    if (leadingInteger < 0) return
    const bounds = alloc(16)
    try {
      const keyed = kernels().joinBounds(this.#words.directory, words, this.#next.directory, this.#rowCount, bounds)
      const { i64 } = views()
      const range = keyed === 0 ? 1n : i64[bounds / 8 + 1] - i64[bounds / 8] + 1n
      if (range > BigInt(rankedValues(keyed, this.#probeRows))) return
      this.#base = keyed === 0 ? 0n : i64[bounds / 8]
      this.#range = Number(range)
      if (!this.#fitsRanges(keyed)) return
      const isDense = this.#range <= Math.max(MIN_DIRECT_SLOTS, DIRECT_SLOTS_A_ROW * keyed)
      this.#kind = isInteger ? (isDense ? 'direct' : 'ranked') : 'sifted'
    } finally {
      release(bounds)
    }
  }

  /** Whether tables by position or rank are granted. */
  #fitsRanges(keyed: number): boolean {
    const slots = Math.max(MIN_DIRECT_SLOTS, DIRECT_SLOTS_A_ROW * keyed) * 4
    return this.#budget.fits(Math.max(slots, Math.ceil(this.#range / 64) * RANK_BYTES + keyed * SLOT_BYTES_A_ROW))
  }

  /** Lets the scan of the probe side drop rows whose leading key has no build row. */
  #publish(): void {
    for (const { id, key } of this.#dynamicFilters) {
      if (this.#rowCount === 0) this.#ctx.filters.publish(id, EMPTY_SIEVE)
      else if (key === this.keys.leadingInteger && this.#kind !== 'hash') {
        const ranks = this.#kind === 'direct' ? 0 : this.#ranks.directory
        const sieve = joinSieve({ slots: this.#slots.directory, ranks, base: this.#base, range: this.#range })
        this.#ctx.filters.publish(id, sieve)
      }
    }
  }

  /** Numbers the distinct first words in their order: of integer keys these are the slots. Gives how many there are. */
  async #rank(): Promise<number> {
    const entries = Math.ceil(this.#range / 64)
    this.#ranks.reserve(entries)
    const own = kernels()
    const { directory } = this.#ranks
    await this.#inCalls(this.#rowCount, (from, to) =>
      own.joinRankKeys(this.#words.directory, this.keys.words, this.#next.directory, from, to, directory, this.#base),
    )
    let rank = 0
    await this.#inCalls(entries, (from, to) => (rank = own.joinRankEntries(directory, from, to, rank)))
    return rank
  }

  #link(from: number, to: number): number {
    const own = kernels()
    const { directory } = this.#words
    const next = this.#next.directory
    const table = this.#slots.directory
    switch (this.#kind) {
      case 'direct':
        return own.joinBuildDirect(directory, next, from, to, table, this.#base)
      case 'ranked':
        return own.joinBuildRanked(directory, next, from, to, table, this.#ranks.directory, this.#base)
      case 'sifted':
      case 'hash':
        return own.joinBuild(directory, this.keys.words, next, from, to, table, this.#bits)
    }
    return unreachable(this.#kind)
  }

  /** Calls `step` for parts of `count`, in order, and lets other tasks have their turn in between. */
  async #inCalls(count: number, step: (from: number, to: number) => void): Promise<void> {
    let calls = 0
    for (let from = 0; from < count; from += ROWS_A_CALL) {
      step(from, Math.min(count, from + ROWS_A_CALL))
      if (++calls % CALLS_A_TURN !== 0) continue
      await nextTurn()
      this.#ctx.signal.throwIfAborted()
    }
  }
}

/** Values that a table by rank of this many rows may cover, for a probe side of about so many. */
function rankedValues(rows: number, probeRows: number): number {
  const sparse = Math.min(SPARSE_RANKED_VALUES, SPARSE_RANKED_VALUES_A_ROW * rows)
  const dense = Math.max(RANKED_VALUES_A_ROW * rows, RANKED_VALUES_A_PROBE_ROW * probeRows)
  return Math.min(MAX_RANKED_VALUES, Math.max(MIN_DIRECT_SLOTS, dense, sparse))
}
