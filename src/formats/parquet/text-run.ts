/** Runs of flat text and bytes: offsets first, then one copy of the bytes when their sum is known. */
import { isUtf8 } from 'node:buffer'
import type { Column } from '../../arrow/batch.js'
import { makeColumn } from '../../arrow/column.js'
import { bytesInUse, kernels, release, retain, views } from '../../arrow/memory.js'
import { COPY_SLOP } from '../../arrow/take.js'
import type { DataType } from '../../arrow/types.js'
import { fail } from '../../common/errors.js'
import { BlockScope } from '../block-scope.js'
import type { PageValues } from './page-values.js'
import { RunValidity, type Layout, type Rows, type Run, type Slice } from './run.js'

interface TextKernels {
  parquetSlotStarts(source: number, size: number, rows: number, chosen: number, offsets: number, starts: number): void
  parquetTextGather(starts: number, offsets: number, count: number, target: number): void
  parquetTextStarts(
    source: number,
    end: number,
    count: number,
    rows: number,
    chosen: number,
    offsets: number,
    starts: number,
  ): number
  parquetSlotOffsets(size: number, bitmap: number, start: number, count: number, offsets: number): void
  parquetTextBytes(source: number, bitmap: number, start: number, count: number, offsets: number, target: number): void
  parquetTextOffsets(source: number, end: number, bitmap: number, start: number, count: number, offsets: number): number
  parquetTextsWhole(values: number, offsets: number, count: number): number
  takeCopy(source: number, byteLength: number, target: number): void
  utf8IsAscii(at: number, end: number): number
}

type TextValues = Extract<PageValues, { kind: 'texts' | 'slots' }>

/** Rows whose bytes lie in one page. */
interface Segment {
  readonly source: number
  readonly start: number
  readonly count: number
  /** Whether there are NULLs among them. */
  readonly hasNulls: boolean
  readonly hasLengths: boolean
  /** Where each of the texts starts, if they do not follow each other; 0: they do, from `source` on. */
  readonly starts: number
}

/** Offsets are i32. */
const MAX_OFFSET = 2 ** 31 - 1

export class TextRun implements Run {
  readonly layout: Layout = { kind: 'text' }
  readonly validity: RunValidity
  length = 0
  private readonly type: DataType
  private readonly scope = new BlockScope()
  private readonly offsets: number
  private readonly segments: Segment[] = []
  /** Blocks of pages that the segments lie in. */
  private readonly pages = new Set<number>()

  /** Has room for `capacity` rows; the caller closes it. */
  constructor(type: DataType, capacity: number) {
    this.type = type
    this.offsets = this.scope.alloc((capacity + 1) * 4)
    views().u32[this.offsets / 4] = 0
    this.validity = new RunValidity(this.scope, capacity)
  }

  append(slice: Slice): void {
    const { values, block, chosen, count, valid } = slice
    if (values.kind !== 'texts' && values.kind !== 'slots') return
    const rows = chosen?.count ?? count
    const at = this.offsets + this.length * 4
    if (chosen === undefined) this.readAll(slice, values, at)
    else this.readChosen(slice, values, chosen, at)
    const total = views().u32[at / 4 + rows]
    if (total > MAX_OFFSET) throw fail('ARENA_EXHAUSTED', [total, bytesInUse()])
    this.validity.append(this.length, rows, rows - count + valid)
    this.length += rows
    if (block === 0 || this.pages.has(block)) return
    retain(block)
    this.pages.add(block)
  }

  private readAll({ count, valid, invalid }: Slice, values: TextValues, offsets: number): void {
    const start = this.length
    const hasLengths = values.kind === 'texts'
    this.segments.push({ source: values.at, start, count, hasNulls: valid < count, hasLengths, starts: 0 })
    const bitmap = valid < count ? this.validity.bitmap : 0
    const { parquetTextOffsets, parquetSlotOffsets } = kernels<TextKernels>()
    const used = hasLengths
      ? parquetTextOffsets(values.at, values.end, bitmap, start, count, offsets)
      : valid * values.size
    if (used < 0 || used > values.end - values.at) throw invalid('a page that ends before its values')
    if (!hasLengths) parquetSlotOffsets(values.size, bitmap, start, count, offsets)
    values.at += used
  }

  private readChosen({ count, invalid }: Slice, values: TextValues, chosen: Rows, offsets: number): void {
    const hasLengths = values.kind === 'texts'
    const starts = this.scope.alloc(chosen.count * 4)
    const segment = { source: values.at, start: this.length, count: chosen.count, hasNulls: false, hasLengths, starts }
    const { parquetTextStarts, parquetSlotStarts } = kernels<TextKernels>()
    const used = hasLengths
      ? parquetTextStarts(values.at, values.end, count, chosen.position, chosen.count, offsets, starts)
      : count * values.size
    if (used < 0 || used > values.end - values.at) throw invalid('a page that ends before its values')
    if (!hasLengths) parquetSlotStarts(values.at, values.size, chosen.position, chosen.count, offsets, starts)
    this.segments.push(segment)
    values.at += used
  }

  finish(invalid: Slice['invalid']): Column {
    const { type, length, offsets } = this
    const byteLength = views().u32[offsets / 4 + length]
    const values = this.scope.alloc(byteLength + COPY_SLOP)
    this.segments.forEach(segment => this.copy(segment, values))
    if (type.kind === 'utf8' && !isText(values, offsets, length, byteLength)) throw invalid('text that is not UTF-8')
    return makeColumn({ type, length, ...this.validity.finish(), offsets, values, blocks: this.scope.take() })
  }

  private copy({ source, start, count, hasNulls, hasLengths, starts }: Segment, target: number): void {
    const { parquetTextBytes, parquetTextGather, takeCopy } = kernels<TextKernels>()
    const offsets = this.offsets + start * 4
    if (starts !== 0) {
      parquetTextGather(starts, offsets, count, target)
      this.scope.drop(starts)
    } else if (hasLengths) parquetTextBytes(source, hasNulls ? this.validity.bitmap : 0, start, count, offsets, target)
    else {
      const { u32 } = views()
      const first = u32[offsets / 4]
      takeCopy(source, u32[offsets / 4 + count] - first, target + first)
    }
  }

  close(): void {
    this.pages.forEach(release)
    this.scope.close()
  }
}

/** Whether each of the texts is UTF-8. */
function isText(values: number, offsets: number, count: number, byteLength: number): boolean {
  const { utf8IsAscii, parquetTextsWhole } = kernels<TextKernels>()
  if (utf8IsAscii(values, values + byteLength) === 1) return true
  return isUtf8(views().u8.subarray(values, values + byteLength)) && parquetTextsWhole(values, offsets, count) === 1
}
