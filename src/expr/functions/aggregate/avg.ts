/** avg(x): the exact sum by the count; a decimal stays a decimal with four more digits, everything else is DOUBLE. */
import type { Column } from '../../../arrow/batch.js'
import { columnFromValues, makeColumn } from '../../../arrow/column.js'
import { alloc, kernels, release, views } from '../../../arrow/memory.js'
import { zeroBitmap } from '../../../arrow/segments.js'
import { decimal, FLOAT64, INT64, typeName, type DataType } from '../../../arrow/types.js'
import { fail } from '../../../common/errors.js'
import {
  NO_NULLS,
  statesOf,
  withNulls,
  type Accumulator,
  type AccumulatorOptions,
  type AggregateDefinition,
  type GroupRows,
  type Nulls,
  type Total,
} from './accumulator.js'
import { Count } from './count.js'
import { numericArgument, sumState, totalOf } from './sum.js'

export const avg: AggregateDefinition = {
  name: 'avg',
  aliases: ['mean'],
  description:
    'The mean of the values that are not NULL; NULL where there are none. Digits after the last one are cut off.',
  examples: [
    { sql: 'avg(x) FROM (VALUES (1), (2), (NULL)) t(x)', result: '1.5' },
    { sql: 'avg(x) FROM (VALUES (0.10), (0.25)) t(x)', result: '0.175000' },
    { sql: 'avg(x) FROM (VALUES (CAST(NULL AS INT))) t(x)', result: 'NULL' },
  ],
  coerce: args => [numericArgument('avg', args)],
  returns: ([type]) => averageType(type),
  stateTypes: ([type]) => [sumState(type), INT64],
  accumulator: options => new Average(options),
}

function averageType(type: DataType): DataType {
  if (type.kind !== 'decimal') return FLOAT64
  return decimal(Math.min(38, type.precision + 4), Math.min(38, type.scale + 4))
}

class Average implements Accumulator {
  readonly #type: DataType
  readonly #total: Total
  readonly #count: Count
  /** The sum is multiplied by this before it is divided. */
  readonly #scale: bigint

  constructor(options: AccumulatorOptions) {
    const [type] = options.args
    this.#type = averageType(type)
    this.#total = totalOf(options)
    this.#count = new Count(options.charge)
    this.#scale =
      type.kind === 'decimal' && this.#type.kind === 'decimal' ? 10n ** BigInt(this.#type.scale - type.scale) : 1n
  }

  update(rows: GroupRows, args: readonly Column[]): void {
    this.#total.add(rows, args[0])
    this.#count.update(rows, args)
  }

  merge(rows: GroupRows, [sums, counts]: readonly Column[]): void {
    this.#total.add(rows, sums)
    this.#count.merge(rows, [counts])
  }

  states(from: number, n: number): Column[] {
    return statesOf([() => this.#sums(from, n), () => this.#count.finish(from, n)], make => make())
  }

  finish(from: number, n: number): Column {
    const nulls = this.#nulls(from, n)
    return withNulls(nulls, () => this.#finish(from, n, nulls))
  }

  #finish(from: number, n: number, nulls: Nulls): Column {
    const own = kernels()
    const { entries, width } = this.#total
    const values = alloc(n * 8)
    const parts = { type: this.#type, length: n, width: 8, values, ...nulls, blocks: [values, ...nulls.blocks] }
    const counts = this.#count.entries.directory
    if (this.#total.stateType.kind === 'float') own.aggregateAverageFloat(entries.directory, counts, from, n, values)
    else if (this.#type.kind === 'float') own.aggregateAverageInt(entries.directory, width, counts, from, n, values)
    else if (
      width === 16 ||
      own.aggregateAverageDecimal(entries.directory, counts, from, n, this.#scale, values) === 0
    ) {
      release(values)
      const exact = this.#exact(from, n)
      nulls.blocks.forEach(release)
      return exact
    }
    return makeColumn(parts)
  }

  close(): void {
    this.#total.close()
    this.#count.close()
  }

  #sums(from: number, n: number): Column {
    const { stateType: type, width } = this.#total
    const values = this.#total.values(from, n, width)
    return makeColumn({ type, length: n, width, values, blocks: [values] })
  }

  /** NULL where the count is 0. */
  #nulls(from: number, n: number): Nulls {
    const { entries } = this.#count
    entries.reserve(from + n)
    this.#total.entries.reserve(from + n)
    const { i64, u8 } = views()
    const validity = zeroBitmap(n)
    let nullCount = 0
    for (let row = 0; row < n; row++) {
      if (i64[entries.at(from + row) / 8] === 0n) nullCount++
      else u8[validity + (row >>> 3)] |= 1 << (row & 7)
    }
    if (nullCount > 0) return { nullCount, validity, blocks: [validity] }
    release(validity)
    return NO_NULLS
  }

  /** Decimals whose sums or products leave 64 bits. */
  #exact(from: number, n: number): Column {
    const { i64, u64 } = views()
    const { entries, width } = this.#total
    const results = Array.from({ length: n }, (_, row) => {
      const count = i64[this.#count.entries.at(from + row) / 8]
      const at = entries.at(from + row) / 8
      const total = width === 8 ? i64[at] : (i64[at + 1] << 64n) | u64[at]
      return count === 0n ? null : (total * this.#scale) / count
    })
    const limit = 10n ** BigInt(this.#type.kind === 'decimal' ? this.#type.precision : 38)
    const isOver = results.some(value => value !== null && (value >= limit || value <= -limit))
    if (isOver) throw fail('NUMERIC_OVERFLOW', [typeName(this.#type)])
    return columnFromValues(this.#type, results)
  }
}
