/** What every join does with candidate pairs: the residual filter, marks of matched rows, output, rows without a partner. */
import type { Batch, Column } from '../../arrow/batch.js'
import { constantColumn, releaseColumn, retainColumn } from '../../arrow/column.js'
import { kernels, views } from '../../arrow/memory.js'
import type { Field } from '../../arrow/schema.js'
import { BOOLEAN } from '../../arrow/types.js'
import { Room, Segments, type Charge } from '../../arrow/segments.js'
import { takeColumn } from '../../arrow/take.js'
import type { Expr } from '../../expr/expr.js'
import type { LogicalJoinType } from '../../logical/plan.js'
import type { PhysicalPlan } from '../plan.js'
import { pairFilter, type PairFilter } from './join-filter.js'
import type { BuildSegment } from './join-rows.js'

/** What the join operators have in common; child 0 is the build side. */
export interface JoinExec extends PhysicalPlan {
  readonly joinType: LogicalJoinType
  readonly filter?: Expr
}

/** Row numbers of both sides, u32[count] each; changed in place by the filter. */
export interface Pairs {
  readonly segment: BuildSegment
  /** Counted from the start of the segment. */
  readonly build: number
  readonly probe: number
  readonly count: number
  /** Each probe row occurs at most once, in order. */
  readonly isUnique: boolean
}

/** Whether rows have had a partner. */
type Outcome = 0 | 1

/** Which rows of the probe side (of the build side) come out by themselves, by whether they have had a partner. */
const PROBE_ROWS: Partial<Readonly<Record<LogicalJoinType, readonly Outcome[]>>> = {
  right: [0],
  full: [0],
  rightSemi: [1],
  rightAnti: [0],
  rightMark: [1, 0],
}
const BUILD_ROWS: typeof PROBE_ROWS = { left: [0], full: [0], leftSemi: [1], leftAnti: [0], leftMark: [1, 0] }

export class JoinOutput {
  readonly #plan: JoinExec
  readonly #filter: PairFilter | undefined
  /** One byte a build row: it has had a partner. */
  readonly #buildMarks: Segments | undefined
  readonly #buildRows: number
  /** Which rows of the probe side come out by themselves, by whether they have had a partner; none: only pairs do. */
  readonly probeOutcomes: readonly Outcome[]
  readonly #buildOutcomes: readonly Outcome[]
  readonly #probeMarks = new Room()
  /** One byte a row of the current probe batch. */
  #marks = 0
  readonly #rows = new Room()

  constructor(plan: JoinExec, buildRows: number, charge: Charge) {
    const { joinType } = plan
    this.#plan = plan
    this.#filter =
      plan.filter === undefined ? undefined : pairFilter(plan.filter, plan.children[0].schema, plan.children[1].schema)
    this.probeOutcomes = PROBE_ROWS[joinType] ?? []
    this.#buildOutcomes = BUILD_ROWS[joinType] ?? []
    if (this.#buildOutcomes.length > 0) this.#buildMarks = new Segments(1, charge)
    this.#buildRows = buildRows
  }

  /** Nothing can come out when the build side has no rows. */
  get needsBuild(): boolean {
    return !this.probeOutcomes.includes(0)
  }

  /** Directory of the marks of build rows; 0: this join has none. */
  get buildMarks(): number {
    this.#buildMarks?.reserve(Math.max(1, this.#buildRows))
    return this.#buildMarks?.directory ?? 0
  }

  /** Call before the pairs of a probe batch. `marks`: a byte a row, with the partners found so far; 0: none are known. */
  begin(batch: Batch, marks = 0): void {
    this.#marks = marks
    if (this.probeOutcomes.length === 0 || marks !== 0) return
    this.#marks = this.#probeMarks.take(batch.rowCount)
    views().u8.fill(0, this.#marks, this.#marks + batch.rowCount)
  }

  /** The pairs that match, as a batch if the join gives pairs; otherwise, or if there are none, a batch without rows. */
  pairs(batch: Batch, pairs: Pairs): Batch {
    const { segment, build, probe } = pairs
    const count =
      this.#filter === undefined ? pairs.count : this.#filter.keep(segment.batch, batch, build, probe, pairs.count)
    if (this.#buildMarks !== undefined) kernels().joinMark(build, count, segment.start, this.buildMarks)
    if (this.probeOutcomes.length > 0) kernels().joinMarkProbe(probe, count, this.#marks)
    const { joinType } = this.#plan
    const givesPairs = joinType === 'inner' || joinType === 'left' || joinType === 'right' || joinType === 'full'
    if (count === 0 || !givesPairs) return this.nothing()
    const isWhole = pairs.isUnique && count === batch.rowCount
    return this.#gather(count, [
      ...segment.batch.columns.map(column => () => takeColumn(column, build, count)),
      ...batch.columns.map(column => () => (isWhole ? shared(column) : takeColumn(column, probe, count))),
    ])
  }

  /** After the pairs of a probe batch: its rows that come out because of, or without, a partner. */
  *end(batch: Batch): Generator<Batch> {
    const rows = this.#rows.take(batch.rowCount * 4)
    for (const wanted of this.probeOutcomes) {
      const count = kernels().joinSelectMarks(this.#marks, 0, batch.rowCount, wanted, rows)
      const some = this.probeRows(batch, rows, count, wanted)
      if (some !== undefined) yield some
    }
  }

  /** Rows of the probe side, all with or without a partner, after NULLs for the build side if the join gives that, too. */
  probeRows(batch: Batch, rows: number, count: number, outcome: Outcome): Batch | undefined {
    if (count === 0) return undefined
    const { joinType, children } = this.#plan
    const left = joinType === 'right' || joinType === 'full' ? children[0].schema.fields : []
    const right = batch.columns.map(
      column => () => (count === batch.rowCount ? shared(column) : takeColumn(column, rows, count)),
    )
    return this.#gather(count, [...nulls(left, count), ...right, ...this.#mark(outcome, count)])
  }

  #mark(outcome: Outcome, count: number): (() => Column)[] {
    const { joinType } = this.#plan
    const isMark = joinType === 'leftMark' || joinType === 'rightMark'
    return isMark ? [() => constantColumn(BOOLEAN, outcome === 1, count)] : []
  }

  /** At the end: build rows by whether they have had a partner, at most `capacity` a batch. */
  *finish(segments: readonly BuildSegment[], capacity: number): Generator<Batch> {
    if (this.#buildMarks === undefined) return
    const { joinType, children } = this.#plan
    const right = joinType === 'left' || joinType === 'full' ? children[1].schema.fields : []
    const rows = this.#rows.take(capacity * 4)
    for (const { batch, start } of segments) {
      for (let from = 0; from < batch.rowCount; from += capacity) {
        const to = Math.min(batch.rowCount, from + capacity)
        for (const wanted of this.#buildOutcomes) {
          const count = kernels().joinSelectBuild(this.buildMarks, start, from, to, wanted, rows)
          const left = batch.columns.map(column => () => takeColumn(column, rows, count))
          const rest = [...nulls(right, count), ...this.#mark(wanted, count)]
          yield count === 0 ? this.nothing() : this.#gather(count, [...left, ...rest])
        }
      }
    }
  }

  /** A batch without rows: it goes nowhere, but lets other tasks have their turn. */
  nothing(): Batch {
    return { schema: this.#plan.schema, rowCount: 0, columns: [] }
  }

  close(): void {
    this.#buildMarks?.close()
    this.#probeMarks.close()
    this.#rows.close()
  }

  #gather(rowCount: number, makers: readonly (() => Column)[]): Batch {
    const columns: Column[] = []
    try {
      for (const make of makers) columns.push(make())
      return { schema: this.#plan.schema, rowCount, columns }
    } catch (error) {
      columns.forEach(releaseColumn)
      throw error
    }
  }
}

const nulls = (fields: readonly Field[], count: number): (() => Column)[] =>
  fields.map(
    ({ type }) =>
      () =>
        constantColumn(type, null, count),
  )

function shared(column: Column): Column {
  retainColumn(column)
  return column
}
