/** The rows that an expression is evaluated over: a batch, or the rows of one that a selection kept. */
import type { Batch, Column } from '../../arrow/batch.js'
import { releaseColumn, retainColumn } from '../../arrow/column.js'
import { takeColumn } from '../../arrow/take.js'

export interface Frame {
  readonly rowCount: number
  /** An input column, with one reference for the caller. */
  input(index: number): Column
  /** The column that was computed for this key before, or `compute` now; with one reference for the caller. */
  shared(key: number, compute: () => Column): Column
  /** The rows of `indices` (i32, `count` of them, ascending); `indices` must stay until it is closed. */
  select(indices: number, count: number): Frame
  /** Gives up what the frame holds; selections first. */
  close(): void
}

abstract class BaseFrame implements Frame {
  abstract readonly rowCount: number
  private readonly cache = new Map<number, Column>()

  abstract input(index: number): Column
  /** What is already computed for the key, borrowed. */
  protected abstract known(key: number): Column | undefined

  shared(key: number, compute: () => Column): Column {
    let column = this.cache.get(key)
    if (column === undefined) {
      column = this.known(key) ?? compute()
      this.cache.set(key, column)
    }
    retainColumn(column)
    return column
  }

  peek(key: number): Column | undefined {
    return this.cache.get(key)
  }

  select(indices: number, count: number): Frame {
    return new SelectedFrame(this, indices, count)
  }

  close(): void {
    this.cache.forEach(releaseColumn)
    this.cache.clear()
  }
}

class BatchFrame extends BaseFrame {
  readonly rowCount: number
  private readonly batch: Batch

  constructor(batch: Batch) {
    super()
    this.batch = batch
    this.rowCount = batch.rowCount
  }

  input(index: number): Column {
    const column = this.batch.columns[index]
    retainColumn(column)
    return column
  }

  protected known(): undefined {
    return undefined
  }
}

/** Keys of input columns in the cache; those of expressions are not negative. */
const inputKey = (index: number): number => -1 - index

class SelectedFrame extends BaseFrame {
  readonly rowCount: number
  private readonly parent: BaseFrame
  private readonly indices: number

  constructor(parent: BaseFrame, indices: number, count: number) {
    super()
    this.parent = parent
    this.indices = indices
    this.rowCount = count
  }

  /** Gathered on first use. */
  input(index: number): Column {
    return this.shared(inputKey(index), () => {
      const whole = this.parent.input(index)
      try {
        return this.take(whole)
      } finally {
        releaseColumn(whole)
      }
    })
  }

  protected known(key: number): Column | undefined {
    const whole = key < 0 ? undefined : this.parent.peek(key)
    return whole === undefined ? undefined : this.take(whole)
  }

  private take(column: Column): Column {
    return takeColumn(column, this.indices, this.rowCount)
  }
}

/** All rows of a batch, which is borrowed. */
export const frameOf = (batch: Batch): Frame => new BatchFrame(batch)
