/** What every join does with candidate pairs: the residual filter, marks of matched rows, output, rows without a partner. */
import type { Batch, Column } from '../../arrow/batch.js'
import { constantColumn, releaseColumn, retainColumn } from '../../arrow/column.js'
import { kernels, views } from '../../arrow/memory.js'
import type { Field } from '../../arrow/schema.js'
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

export class JoinOutput {
  readonly #plan: JoinExec
  readonly #filter: PairFilter | undefined
  /** One byte a build row: it has had a partner. */
  readonly #buildMarks: Segments | undefined
  readonly #buildRows: number
  /** The probe side decides about its rows that have no partner. */
  readonly #marksProbe: boolean
  readonly #probeMarks = new Room()
  readonly #rows = new Room()

  constructor(plan: JoinExec, buildRows: number, charge: Charge) {
    const { joinType } = plan
    this.#plan = plan
    this.#filter =
      plan.filter === undefined ? undefined : pairFilter(plan.filter, plan.children[0].schema, plan.children[1].schema)
    this.#marksProbe = ['right', 'full', 'rightSemi', 'rightAnti'].includes(joinType)
    if (['left', 'full', 'leftSemi', 'leftAnti'].includes(joinType)) this.#buildMarks = new Segments(1, charge)
    this.#buildRows = buildRows
  }

  /** Nothing can come out when the build side has no rows. */
  get needsBuild(): boolean {
    return !['right', 'full', 'rightAnti'].includes(this.#plan.joinType)
  }

  /** Directory of the marks of build rows; 0: this join has none. */
  get buildMarks(): number {
    this.#buildMarks?.reserve(Math.max(1, this.#buildRows))
    return this.#buildMarks?.directory ?? 0
  }

  /** Call before the pairs of a probe batch. */
  begin(batch: Batch): void {
    if (!this.#marksProbe) return
    const marks = this.#probeMarks.take(batch.rowCount)
    views().u8.fill(0, marks, marks + batch.rowCount)
  }

  /** The pairs that match, as a batch if the join gives pairs; otherwise, or if there are none, a batch without rows. */
  pairs(batch: Batch, pairs: Pairs): Batch {
    const { segment, build, probe } = pairs
    const count =
      this.#filter === undefined ? pairs.count : this.#filter.keep(segment.batch, batch, build, probe, pairs.count)
    if (this.#buildMarks !== undefined) kernels().joinMark(build, count, segment.start, this.buildMarks)
    if (this.#marksProbe) kernels().joinMarkProbe(probe, count, this.#probeMarks.take(batch.rowCount))
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
  end(batch: Batch): Batch | undefined {
    if (!this.#marksProbe) return undefined
    const rows = this.#rows.take(batch.rowCount * 4)
    const wanted = this.#plan.joinType === 'rightSemi' ? 1 : 0
    const marks = this.#probeMarks.take(batch.rowCount)
    return this.probeRows(batch, rows, kernels().joinSelectMarks(marks, 0, batch.rowCount, wanted, rows))
  }

  /** Rows of the probe side, after NULLs for the build side if the join gives that, too. */
  probeRows(batch: Batch, rows: number, count: number): Batch | undefined {
    if (count === 0) return undefined
    const { joinType, children } = this.#plan
    const left = joinType === 'rightSemi' || joinType === 'rightAnti' ? [] : children[0].schema.fields
    const right = batch.columns.map(
      column => () => (count === batch.rowCount ? shared(column) : takeColumn(column, rows, count)),
    )
    return this.#gather(count, [...nulls(left, count), ...right])
  }

  /** At the end: build rows with (semi joins) or without a partner, at most `capacity` a batch. */
  *finish(segments: readonly BuildSegment[], capacity: number): Generator<Batch> {
    if (this.#buildMarks === undefined) return
    const { joinType, children } = this.#plan
    const right = joinType === 'leftSemi' || joinType === 'leftAnti' ? [] : children[1].schema.fields
    const rows = this.#rows.take(capacity * 4)
    for (const { batch, start } of segments) {
      for (let from = 0; from < batch.rowCount; from += capacity) {
        const to = Math.min(batch.rowCount, from + capacity)
        const wanted = joinType === 'leftSemi' ? 1 : 0
        const count = kernels().joinSelectBuild(this.buildMarks, start, from, to, wanted, rows)
        const left = batch.columns.map(column => () => takeColumn(column, rows, count))
        yield count === 0 ? this.nothing() : this.#gather(count, [...left, ...nulls(right, count)])
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
