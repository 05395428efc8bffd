/** Runs of numbers, bits and dictionary codes. */
import type { Column, Range } from '../../arrow/batch.js'
import { bitmapBytes, columnFromValues, makeColumn, retainColumn } from '../../arrow/column.js'
import { kernels } from '../../arrow/memory.js'
import { computeRange } from '../../arrow/range.js'
import type { DataType } from '../../arrow/types.js'
import { BlockScope } from '../block-scope.js'
import { RunValidity, type Layout, type Rows, type Run, type Slice } from './run.js'

interface FixedKernels {
  parquetDictionary(
    reader: number,
    count: number,
    dictionary: number,
    length: number,
    width: number,
    scratch: number,
    out: number,
  ): number
  parquetDictionaryChosen(
    reader: number,
    count: number,
    dictionary: number,
    length: number,
    width: number,
    scratch: number,
    rows: number,
    chosen: number,
    out: number,
  ): number
  parquetHybridRead(reader: number, count: number, limit: number, out: number): number
  parquetPack(values: number, count: number, out: number): void
  parquetSpread(values: number, width: number, bitmap: number, start: number, count: number, valid: number): void
  takeCopy(source: number, byteLength: number, target: number): void
  takeFixedDense(values: number, width: number, rows: number, count: number, target: number): void
}

type FixedLayout = Extract<Layout, { kind: 'fixed' }>

export class FixedRun implements Run {
  readonly layout: FixedLayout
  readonly validity: RunValidity
  length = 0
  private readonly type: DataType
  private readonly scope = new BlockScope()
  private readonly values: number
  /** That of the one dictionary that all values came from; undefined when some came from elsewhere. */
  private range: Range | undefined

  /** Has room for `capacity` rows; the caller closes it. */
  constructor(type: DataType, layout: FixedLayout, capacity: number) {
    this.type = type
    this.layout = layout
    this.values = this.scope.alloc(capacity * layout.width)
    this.validity = new RunValidity(this.scope, capacity)
  }

  append(slice: Slice): void {
    const { count, valid } = slice
    const { width } = this.layout
    const target = this.values + this.length * width
    if (slice.chosen !== undefined) {
      this.readChosen(slice, slice.chosen, target)
      this.validity.append(this.length, slice.chosen.count, slice.chosen.count)
      this.length += slice.chosen.count
      return
    }
    this.read(slice, target)
    this.validity.append(this.length, count, valid)
    if (valid < count)
      kernels<FixedKernels>().parquetSpread(target, width, this.validity.bitmap, this.length, count, valid)
    this.length += count
  }

  private read({ values, valid, scratch, invalid }: Slice, target: number): void {
    const { width, dictionary } = this.layout
    const { parquetHybridRead, parquetDictionary, takeCopy } = kernels<FixedKernels>()
    if (values.kind === 'codes') {
      const { reader, dictionary: source } = values
      const isRead =
        dictionary === undefined
          ? parquetDictionary(reader, valid, source.values, source.length, width, scratch, target)
          : parquetHybridRead(reader, valid, source.length, target)
      if (isRead === 0) throw invalid('dictionary codes that end early or are out of range')
      this.joinRange(source.range)
    } else if (values.kind === 'fixed') {
      const byteLength = valid * width
      if (byteLength > values.end - values.at) throw invalid('a page that ends before its values')
      takeCopy(values.at, byteLength, target)
      values.at += byteLength
      this.joinRange(undefined)
    }
  }

  private readChosen({ values, count, scratch, invalid }: Slice, chosen: Rows, target: number): void {
    const { width, dictionary } = this.layout
    const { parquetDictionaryChosen, takeFixedDense } = kernels<FixedKernels>()
    if (values.kind === 'codes') {
      const { reader, dictionary: source } = values
      const { length } = source
      const gathered = dictionary === undefined ? width : 0
      const { position, count: wanted } = chosen
      if (
        parquetDictionaryChosen(reader, count, source.values, length, gathered, scratch, position, wanted, target) === 0
      )
        throw invalid('dictionary codes that end early or are out of range')
      this.joinRange(source.range)
    } else if (values.kind === 'fixed') {
      const byteLength = count * width
      if (byteLength > values.end - values.at) throw invalid('a page that ends before its values')
      takeFixedDense(values.at, width, chosen.position, chosen.count, target)
      values.at += byteLength
      this.joinRange(undefined)
    }
  }

  private joinRange(range: Range | undefined): void {
    if (this.length === 0) this.range = range
    else if (this.range !== range) this.range = undefined
  }

  finish(): Column {
    const { type, length, values, validity } = this
    const { width, dictionary } = this.layout
    if (dictionary?.length === 0) {
      return columnFromValues(
        type,
        Array.from({ length }, () => null),
      )
    }
    const parts = { type, length, ...validity.finish() }
    if (type.kind === 'boolean') return this.finishBits(parts)
    if (dictionary !== undefined) {
      retainColumn(dictionary)
      return makeColumn({ ...parts, values, width, dictionary, blocks: this.scope.take() })
    }
    const column = makeColumn({ ...parts, values, width, blocks: [] })
    const range = this.range ?? computeRange(column)
    return { ...column, blocks: this.scope.take(), ...(range ? { range } : {}) }
  }

  private finishBits(parts: Pick<Column, 'type' | 'length' | 'validity' | 'nullCount'>): Column {
    const bits = this.scope.alloc(bitmapBytes(parts.length))
    kernels<FixedKernels>().parquetPack(this.values, parts.length, bits)
    this.scope.drop(this.values)
    return makeColumn({ ...parts, values: bits, blocks: this.scope.take() })
  }

  close(): void {
    this.scope.close()
  }
}
