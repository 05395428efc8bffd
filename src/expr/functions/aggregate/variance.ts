/** Variance and standard deviation of a sample (n - 1) and of a population (n), by Welford's recurrence. */
import type { Column } from '../../../arrow/batch.js'
import { bitmapBytes, buildColumn, makeColumn } from '../../../arrow/column.js'
import { kernels } from '../../../arrow/memory.js'
import { Segments, zeroFill } from '../../../arrow/segments.js'
import { FLOAT64 } from '../../../arrow/types.js'
import {
  entryValues,
  statesOf,
  type Accumulator,
  type AccumulatorOptions,
  type AggregateDefinition,
  type GroupRows,
} from './accumulator.js'
import { numericArgument } from './sum.js'

interface Kind {
  readonly name: string
  readonly aliases: readonly string[]
  readonly description: string
  /** What is taken off the count before the division. */
  readonly less: 0 | 1
  readonly root: boolean
  /** For the values 1, 3, 5. */
  readonly example: string
}

const KINDS: readonly Kind[] = [
  {
    name: 'stddev',
    aliases: ['stddev_samp'],
    description: 'The standard deviation of a sample; NULL for fewer than two values.',
    less: 1,
    root: true,
    example: '2.0',
  },
  {
    name: 'stddev_pop',
    aliases: [],
    description: 'The standard deviation of a population; NULL for no values.',
    less: 0,
    root: true,
    example: '1.632993161855452',
  },
  {
    name: 'var',
    aliases: ['var_samp', 'var_sample', 'variance'],
    description: 'The variance of a sample; NULL for fewer than two values.',
    less: 1,
    root: false,
    example: '4.0',
  },
  {
    name: 'var_pop',
    aliases: ['var_population'],
    description: 'The variance of a population; NULL for no values.',
    less: 0,
    root: false,
    example: '2.6666666666666665',
  },
]

export const VARIANCES: readonly AggregateDefinition[] = KINDS.map(kind => ({
  name: kind.name,
  aliases: kind.aliases,
  description: kind.description,
  examples: [
    { sql: `${kind.name}(x) FROM (VALUES (1), (3), (5), (NULL)) t(x)`, result: kind.example },
    { sql: `${kind.name}(x) FROM (VALUES (CAST(NULL AS INT))) t(x)`, result: 'NULL' },
  ],
  coerce(args) {
    numericArgument(kind.name, args)
    return [FLOAT64]
  },
  returns: () => FLOAT64,
  stateTypes: () => [FLOAT64, FLOAT64, FLOAT64],
  accumulator: options => new Moments(options, kind),
}))

/** Entries of 24 bytes: f64 count, mean, sum of squared distances. */
class Moments implements Accumulator {
  readonly #kind: Kind
  readonly #entries: Segments

  constructor(options: AccumulatorOptions, kind: Kind) {
    this.#kind = kind
    this.#entries = new Segments(24, options.charge)
  }

  update(rows: GroupRows, [column]: readonly Column[]): void {
    this.#entries.reserve(rows.groupCount)
    kernels().aggregateMoments(rows.groups, column.values, column.validity, rows.count, this.#entries.directory)
  }

  merge(rows: GroupRows, [counts, means, squares]: readonly Column[]): void {
    this.#entries.reserve(rows.groupCount)
    const { directory } = this.#entries
    kernels().aggregateMergeMoments(rows.groups, counts.values, means.values, squares.values, rows.count, directory)
  }

  states(from: number, n: number): Column[] {
    return statesOf([0, 8, 16], offset => {
      const values = entryValues(this.#entries, from, n, 8, offset)
      return makeColumn({ type: FLOAT64, length: n, values, blocks: [values] })
    })
  }

  finish(from: number, n: number): Column {
    this.#entries.reserve(from + n)
    const { less, root } = this.#kind
    const { directory } = this.#entries
    return buildColumn(({ own }) => {
      const values = own(n * 8)
      const validity = own(bitmapBytes(n))
      zeroFill(validity, bitmapBytes(n))
      const valid = kernels().aggregateVariance(directory, from, n, less, root ? 1 : 0, values, validity)
      return { type: FLOAT64, length: n, nullCount: n - valid, validity, values }
    })
  }

  close(): void {
    this.#entries.close()
  }
}
