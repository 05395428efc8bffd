/** What runs have in common: rows of one layout, appended from one page after the other, that become one column. */
import type { Column } from '../../arrow/batch.js'
import { bitmapBytes } from '../../arrow/column.js'
import { kernels } from '../../arrow/memory.js'
import type { BlockScope } from '../block-scope.js'
import type { PageValues } from './page-values.js'

/** What the pages of one run have in common. */
export type Layout =
  | { readonly kind: 'fixed'; readonly width: number; readonly dictionary?: Column }
  | { readonly kind: 'text' }

export function layoutOf(values: PageValues): Layout {
  if (values.kind === 'fixed') return { kind: 'fixed', width: values.width }
  if (values.kind !== 'codes') return { kind: 'text' }
  const { dictionary } = values
  return dictionary.width > 0 ? { kind: 'fixed', width: dictionary.width } : { kind: 'fixed', width: 4, dictionary }
}

export const sameLayout = (left: Layout, right: Layout): boolean =>
  left.kind === 'text' || right.kind === 'text'
    ? left.kind === right.kind
    : left.width === right.width && left.dictionary === right.dictionary

/** Row numbers in the arena: u32, ascending. */
export interface Rows {
  readonly position: number
  readonly count: number
}

/** The next rows of one page: `count` rows, `valid` of them not NULL. Their bits, if some are NULL, are in the run's bitmap. */
export interface Slice {
  readonly values: PageValues
  readonly count: number
  readonly valid: number
  /** Those of the rows that are wanted; only without NULLs. Absent: all. */
  readonly chosen?: Rows
  /** The block that the values lie in, which a run may hold for longer than the page; 0: it outlives the run. */
  readonly block: number
  /** Memory for 4 KiB of codes. */
  readonly scratch: number
  /** Makes the error for a page that makes no sense. */
  readonly invalid: (reason: string) => Error
}

export interface Run {
  readonly layout: Layout
  /** Rows so far. */
  readonly length: number
  readonly validity: RunValidity
  append(slice: Slice): void
  /** The rows as a column, which takes the memory over. */
  finish(invalid: Slice['invalid']): Column
  /** Gives up what `finish` has not handed over. */
  close(): void
}

interface BitmapKernels {
  bitmapAppend(source: number, start: number, length: number, target: number, index: number): void
  groupClear(position: number, byteLength: number): void
}

/** The validity bitmap of a run, which exists from the first NULL on. */
export class RunValidity {
  /** 0 while there is none. */
  bitmap = 0
  nullCount = 0
  private readonly scope: BlockScope
  private readonly capacity: number

  constructor(scope: BlockScope, capacity: number) {
    this.scope = scope
    this.capacity = capacity
  }

  /** The bitmap, in which the first `length` rows are set if it is new, and later rows are 0. */
  open(length: number): number {
    if (this.bitmap !== 0) return this.bitmap
    const byteLength = bitmapBytes(this.capacity)
    this.bitmap = this.scope.alloc(byteLength)
    const { groupClear, bitmapAppend } = kernels<BitmapKernels>()
    groupClear(this.bitmap, byteLength)
    bitmapAppend(0, 0, length, this.bitmap, 0)
    return this.bitmap
  }

  /** Takes note of `count` rows behind the first `length`; if all are `valid`, their bits are still to be set. */
  append(length: number, count: number, valid: number): void {
    if (valid === count && this.bitmap !== 0) kernels<BitmapKernels>().bitmapAppend(0, 0, count, this.bitmap, length)
    this.nullCount += count - valid
  }

  /** The bitmap for the column: none if all levels turned out to be 1. */
  finish(): { readonly validity: number; readonly nullCount: number } {
    if (this.nullCount === 0 && this.bitmap !== 0) {
      this.scope.drop(this.bitmap)
      this.bitmap = 0
    }
    return { validity: this.bitmap, nullCount: this.nullCount }
  }
}
