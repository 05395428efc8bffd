/** min(x) and max(x) of every type that has an order: strings by bytes, NaN the greatest number, false before true. */
import type { Column } from '../../../arrow/batch.js'
import { bitmapBytes, buildColumn, defaultWidth, makeColumn } from '../../../arrow/column.js'
import { alloc, kernels, release, views, withScratch } from '../../../arrow/memory.js'
import { Segments, zeroBitmap, zeroFill, type Charge, type Fill } from '../../../arrow/segments.js'
import { checkedTotal, COPY_SLOP } from '../../../arrow/take.js'
import { typeName, type DataType } from '../../../arrow/types.js'
import { fail } from '../../../common/errors.js'
import {
  entryValues,
  Seen,
  withNulls,
  type Accumulator,
  type AccumulatorOptions,
  type AggregateDefinition,
  type GroupRows,
} from './accumulator.js'

export const min: AggregateDefinition = {
  name: 'min',
  aliases: [],
  description: 'The least value that is not NULL; NULL where there are none.',
  examples: [
    { sql: 'min(x) FROM (VALUES (2), (1), (NULL)) t(x)', result: '1' },
    { sql: "min(x) FROM (VALUES ('b'), ('a')) t(x)", result: 'a' },
    { sql: 'min(x) FROM (VALUES (CAST(NULL AS INT))) t(x)', result: 'NULL' },
  ],
  coerce: args => [orderedArgument('min', args)],
  returns: ([type]) => type,
  ignoresDuplicates: true,
  stateTypes: ([type]) => [type],
  accumulator: options => bestOf(options, false),
}

export const max: AggregateDefinition = {
  name: 'max',
  aliases: [],
  description: 'The greatest value that is not NULL; NULL where there are none.',
  examples: [
    { sql: 'max(x) FROM (VALUES (2), (1), (NULL)) t(x)', result: '2' },
    { sql: "max(x) FROM (VALUES ('b'), ('a')) t(x)", result: 'b' },
    { sql: 'max(x) FROM (VALUES (CAST(NULL AS INT))) t(x)', result: 'NULL' },
  ],
  coerce: args => [orderedArgument('max', args)],
  returns: ([type]) => type,
  ignoresDuplicates: true,
  stateTypes: ([type]) => [type],
  accumulator: options => bestOf(options, true),
}

function orderedArgument(name: string, args: readonly DataType[]): DataType {
  if (args.length !== 1) throw fail('FUNCTION_ARGUMENTS', [`${name} takes one argument, got ${args.length}`])
  const [type] = args
  const isNested = type.kind === 'list' || type.kind === 'struct' || type.kind === 'map'
  if (isNested || type.kind === 'interval')
    throw fail('FUNCTION_ARGUMENTS', [`${name} does not take ${typeName(type)}, which has no order`])
  return type
}

/** The least (`greatest` false) or greatest values by group. */
export function bestOf(options: AccumulatorOptions, greatest: boolean): Accumulator {
  const [type] = options.args
  if (type.kind === 'null') return new AlwaysNull(type)
  if (type.kind === 'utf8' || type.kind === 'binary') return new BestText(options, greatest)
  return defaultWidth(type) === 16 ? new BestWide(options, greatest) : new BestFixed(options, greatest)
}

class AlwaysNull implements Accumulator {
  readonly #type: DataType

  constructor(type: DataType) {
    this.#type = type
  }

  update(): void {}

  merge(): void {}

  states(from: number, n: number): Column[] {
    return [this.finish(from, n)]
  }

  finish(_from: number, n: number): Column {
    return makeColumn({ type: this.#type, length: n, nullCount: n })
  }

  close(): void {}
}

const MIN_INT64 = -(2n ** 63n)
const MAX_INT64 = 2n ** 63n - 1n

const fillWith =
  (...words: readonly bigint[]): Fill =>
  (position, byteLength) => {
    const { i64 } = views()
    for (let word = 0; word < byteLength / 8; word++) i64[position / 8 + word] = words[word % words.length]
  }

/** Kinds of values for aggregateOrder. */
const orderKind = (type: DataType): number =>
  type.kind === 'boolean' ? 3 : type.kind === 'float' ? 2 : type.kind === 'int' && !type.signed ? 0 : 1

/** Everything of up to 64 bits, as i64 of the same order. */
class BestFixed implements Accumulator {
  readonly #type: DataType
  readonly #greatest: boolean
  readonly #seen: Seen
  readonly #entries: Segments

  constructor(options: AccumulatorOptions, greatest: boolean) {
    this.#type = options.args[0]
    this.#greatest = greatest
    this.#seen = new Seen(options)
    this.#entries = new Segments(8, options.charge, fillWith(greatest ? MIN_INT64 : MAX_INT64))
  }

  update(rows: GroupRows, [column]: readonly Column[]): void {
    this.#seen.update(rows, column.validity)
    this.#entries.reserve(rows.groupCount)
    const own = kernels()
    const best = this.#greatest ? own.aggregateMax64 : own.aggregateMin64
    const kind = orderKind(this.#type)
    if (kind === 1 && column.width === 8) {
      best(rows.groups, column.values, column.validity, rows.count, this.#entries.directory)
      return
    }
    withScratch(scratch => {
      const ordered = scratch(rows.count * 8)
      if (column.width !== 16) own.aggregateOrder(column.values, kind, column.width, rows.count, ordered)
      else if (own.groupNarrow(column.values, column.validity, rows.count, ordered) === 0)
        throw fail('NUMERIC_OVERFLOW', [typeName(this.#type)])
      best(rows.groups, ordered, column.validity, rows.count, this.#entries.directory)
    })
  }

  merge(rows: GroupRows, states: readonly Column[]): void {
    this.update(rows, states)
  }

  states(from: number, n: number): Column[] {
    return [this.finish(from, n)]
  }

  finish(from: number, n: number): Column {
    this.#entries.reserve(from + n)
    const nulls = this.#seen.nulls(from, n)
    const width = defaultWidth(this.#type)
    return withNulls(nulls, () => {
      const values = this.#type.kind === 'boolean' ? zeroBitmap(n) : alloc(n * width)
      kernels().aggregateUnorder(this.#entries.directory, from, n, orderKind(this.#type), width, values)
      return makeColumn({ type: this.#type, length: n, width, values, ...nulls, blocks: [values, ...nulls.blocks] })
    })
  }

  close(): void {
    this.#seen.close()
    this.#entries.close()
  }
}

/** Decimals of more than 18 digits. */
class BestWide implements Accumulator {
  readonly #type: DataType
  readonly #greatest: boolean
  readonly #seen: Seen
  readonly #entries: Segments

  constructor(options: AccumulatorOptions, greatest: boolean) {
    this.#type = options.args[0]
    this.#greatest = greatest
    this.#seen = new Seen(options)
    this.#entries = new Segments(16, options.charge, greatest ? fillWith(0n, MIN_INT64) : fillWith(-1n, MAX_INT64))
  }

  update(rows: GroupRows, [column]: readonly Column[]): void {
    this.#seen.update(rows, column.validity)
    this.#entries.reserve(rows.groupCount)
    const { values, width, validity } = column
    kernels().aggregateBest128(
      rows.groups,
      values,
      width,
      validity,
      rows.count,
      this.#greatest ? 1 : 0,
      this.#entries.directory,
    )
  }

  merge(rows: GroupRows, states: readonly Column[]): void {
    this.update(rows, states)
  }

  states(from: number, n: number): Column[] {
    return [this.finish(from, n)]
  }

  finish(from: number, n: number): Column {
    const nulls = this.#seen.nulls(from, n)
    return withNulls(nulls, () => {
      const values = entryValues(this.#entries, from, n, 16)
      return makeColumn({ type: this.#type, length: n, width: 16, values, ...nulls, blocks: [values, ...nulls.blocks] })
    })
  }

  close(): void {
    this.#seen.close()
    this.#entries.close()
  }
}

const FIRST_CHUNK = 16 * 1024
const MAX_CHUNK = 4 * 1024 * 1024

/** Strings: the best one of each group is copied, over its predecessor if it fits there. */
class BestText implements Accumulator {
  readonly #type: DataType
  readonly #greatest: boolean
  readonly #charge: Charge
  readonly #entries: Segments
  /** u32 { next position, end } of the current chunk. */
  #state = 0
  readonly #chunks: number[] = []
  #chunkBytes = 0

  constructor(options: AccumulatorOptions, greatest: boolean) {
    this.#type = options.args[0]
    this.#greatest = greatest
    this.#charge = options.charge
    this.#entries = new Segments(16, options.charge)
  }

  update(rows: GroupRows, [column]: readonly Column[]): void {
    this.#entries.reserve(rows.groupCount)
    if (this.#state === 0) this.#open()
    const { values, offsets, validity } = column
    const greatest = this.#greatest ? 1 : 0
    for (let row = 0; ;) {
      const { directory } = this.#entries
      row = kernels().textBest(
        rows.groups,
        values,
        offsets,
        validity,
        row,
        rows.count,
        greatest,
        directory,
        this.#state,
      )
      if (row === rows.count) return
      this.#addChunk(views().i32[offsets / 4 + row + 1] - views().i32[offsets / 4 + row])
    }
  }

  merge(rows: GroupRows, states: readonly Column[]): void {
    this.update(rows, states)
  }

  states(from: number, n: number): Column[] {
    return [this.finish(from, n)]
  }

  finish(from: number, n: number): Column {
    this.#entries.reserve(from + n)
    const { directory } = this.#entries
    const calls = kernels()
    return buildColumn(({ own }) => {
      const offsets = own((n + 1) * 4)
      const values = own(checkedTotal(calls.textBestOffsets(directory, from, n, offsets)) + COPY_SLOP)
      const validity = own(bitmapBytes(n))
      zeroFill(validity, bitmapBytes(n))
      const nullCount = n - calls.textBestCopy(directory, from, n, values, validity)
      return { type: this.#type, length: n, nullCount, validity, offsets, values }
    })
  }

  close(): void {
    this.#entries.close()
    this.#chunks.forEach(release)
    this.#charge(-this.#chunkBytes)
    if (this.#state !== 0) release(this.#state)
  }

  #open(): void {
    this.#state = alloc(16)
    views().u32.fill(0, this.#state / 4, this.#state / 4 + 2)
  }

  #addChunk(stringBytes: number): void {
    const doubled = Math.min(MAX_CHUNK, FIRST_CHUNK * 2 ** Math.min(10, this.#chunks.length))
    const byteLength = Math.max(doubled, stringBytes * 2 + 16)
    this.#charge(byteLength)
    this.#chunkBytes += byteLength
    const chunk = alloc(byteLength)
    this.#chunks.push(chunk)
    views().u32.set([chunk, chunk + byteLength], this.#state / 4)
  }
}
