/** Puts a column together from runs of different layouts, which pages of one chunk may have. */
import type { Column } from '../../arrow/batch.js'
import { releaseColumn } from '../../arrow/column.js'
import { concatColumns, takeColumn } from '../../arrow/take.js'
import type { DataType } from '../../arrow/types.js'
import { FixedRun } from './fixed-run.js'
import { sameLayout, type Layout, type Rows, type Run } from './run.js'
import { TextRun } from './text-run.js'

/** A run with room for `capacity` rows; the caller closes it. */
export const newRun = (type: DataType, layout: Layout, capacity: number): Run =>
  layout.kind === 'text' ? new TextRun(type, capacity) : new FixedRun(type, layout, capacity)

export class ColumnAssembly {
  private readonly type: DataType
  private readonly invalid: (reason: string) => Error
  private readonly parts: Column[] = []
  private run: Run | undefined

  /** `invalid` makes the error for values that make no sense. The caller closes it. */
  constructor(type: DataType, invalid: (reason: string) => Error) {
    this.type = type
    this.invalid = invalid
  }

  /** The run for the next rows, which are of this layout; a new one has room for `capacity` rows. */
  runFor(layout: Layout, capacity: number): Run {
    if (this.run !== undefined && !sameLayout(this.run.layout, layout)) this.endRun()
    return (this.run ??= newRun(this.type, layout, capacity))
  }

  /** Adds the rows of a column, which it takes over, that `chosen` names. */
  add(column: Column, chosen: Rows): void {
    try {
      this.endRun()
      this.parts.push(takeColumn(column, chosen.position, chosen.count))
    } finally {
      releaseColumn(column)
    }
  }

  /** All rows; owned by the caller. At least one was appended. */
  finish(): Column {
    this.endRun()
    return this.parts.length === 1 ? this.parts.splice(0, 1)[0] : concatColumns(this.type, this.parts)
  }

  private endRun(): void {
    const { run } = this
    if (run === undefined) return
    this.parts.push(run.finish(this.invalid))
    run.close()
    this.run = undefined
  }

  /** Gives up what `finish` has not handed over. */
  close(): void {
    this.run?.close()
    this.parts.forEach(releaseColumn)
  }
}
