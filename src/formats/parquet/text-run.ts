/** Runs of flat text and bytes: offsets first, then one copy of the bytes when their sum is known. */
import { isUtf8 } from 'node:buffer'
import type { Column } from '../../arrow/batch.js'
import { makeColumn } from '../../arrow/column.js'
import { bytesInUse, kernels, release, retain, views } from '../../arrow/memory.js'
import { COPY_SLOP } from '../../arrow/take.js'
import type { DataType } from '../../arrow/types.js'
import { fail } from '../../common/errors.js'
import { BlockScope } from '../block-scope.js'
import { RunValidity, type Layout, type Run, type Slice } from './run.js'

interface TextKernels {
  parquetSlotOffsets(size: number, bitmap: number, start: number, count: number, offsets: number): void
  parquetTextBytes(source: number, bitmap: number, start: number, count: number, offsets: number, target: number): void
  parquetTextOffsets(source: number, end: number, bitmap: number, start: number, count: number, offsets: number): number
  parquetTextsWhole(values: number, offsets: number, count: number): number
  takeCopy(source: number, byteLength: number, target: number): void
  utf8IsAscii(at: number, end: number): number
}

/** Rows whose bytes lie in one page. */
interface Segment {
  readonly source: number
  readonly start: number
  readonly count: number
  /** Whether there are NULLs among them. */
  readonly hasNulls: boolean
  readonly hasLengths: boolean
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

  append({ values, count, valid, block, invalid }: Slice): void {
    if (values.kind !== 'texts' && values.kind !== 'slots') return
    const start = this.length
    const hasLengths = values.kind === 'texts'
    this.segments.push({ source: values.at, start, count, hasNulls: valid < count, hasLengths })
    const bitmap = valid < count ? this.validity.bitmap : 0
    const at = this.offsets + start * 4
    const { parquetTextOffsets, parquetSlotOffsets } = kernels<TextKernels>()
    const used = hasLengths ? parquetTextOffsets(values.at, values.end, bitmap, start, count, at) : valid * values.size
    if (used < 0 || used > values.end - values.at) throw invalid('a page that ends before its values')
    if (!hasLengths) parquetSlotOffsets(values.size, bitmap, start, count, at)
    values.at += used
    const total = views().u32[at / 4 + count]
    if (total > MAX_OFFSET) throw fail('ARENA_EXHAUSTED', [total, bytesInUse()])
    this.validity.append(start, count, valid)
    this.length += count
    if (block === 0 || this.pages.has(block)) return
    retain(block)
    this.pages.add(block)
  }

  finish(invalid: Slice['invalid']): Column {
    const { type, length, offsets } = this
    const byteLength = views().u32[offsets / 4 + length]
    const values = this.scope.alloc(byteLength + COPY_SLOP)
    this.segments.forEach(segment => this.copy(segment, values))
    if (type.kind === 'utf8' && !isText(values, offsets, length, byteLength)) throw invalid('text that is not UTF-8')
    return makeColumn({ type, length, ...this.validity.finish(), offsets, values, blocks: this.scope.take() })
  }

  private copy({ source, start, count, hasNulls, hasLengths }: Segment, target: number): void {
    const { parquetTextBytes, takeCopy } = kernels<TextKernels>()
    const offsets = this.offsets + start * 4
    if (hasLengths) parquetTextBytes(source, hasNulls ? this.validity.bitmap : 0, start, count, offsets, target)
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
