/** Covariance, correlation and linear regression of pairs, by Welford's recurrence. A pair with a NULL does not count. */
import type { Column } from '../../../arrow/batch.js'
import { columnFromValues, makeColumn } from '../../../arrow/column.js'
import { kernels, views, withScratch } from '../../../arrow/memory.js'
import { Segments } from '../../../arrow/segments.js'
import { FLOAT64, isNumeric, typeName, UINT64, type DataType } from '../../../arrow/types.js'
import { fail } from '../../../common/errors.js'
import {
  entryValues,
  statesOf,
  type Accumulator,
  type AccumulatorOptions,
  type AggregateDefinition,
  type GroupRows,
} from './accumulator.js'

/** Of the pairs (y, x): their number, means, and sums of products of distances from the means. */
interface Comoments {
  readonly count: number
  readonly meanX: number
  readonly meanY: number
  readonly sxx: number
  readonly syy: number
  readonly sxy: number
}

interface Kind {
  readonly name: string
  readonly aliases?: readonly string[]
  readonly description: string
  /** For the pairs (y, x) = (1, 1), (3, 2), (2, 3). */
  readonly example: string
  /** Undefined for NULL. */
  readonly compute: (moments: Comoments) => number | undefined
}

const unless = (isUndefined: boolean, value: number): number | undefined => (isUndefined ? undefined : value)

const KINDS: readonly Kind[] = [
  {
    name: 'corr',
    description: 'Pearson’s correlation of pairs; NULL where one side does not vary.',
    example: '0.5',
    compute: ({ sxx, syy, sxy }) => unless(sxx === 0 || syy === 0, (sxy / sxx) * Math.sqrt(sxx / syy)),
  },
  {
    name: 'covar_pop',
    description: 'The covariance of a population of pairs.',
    example: '0.3333333333333333',
    compute: ({ count, sxy }) => unless(count < 1, sxy / count),
  },
  {
    name: 'covar_samp',
    aliases: ['covar'],
    description: 'The covariance of a sample of pairs; NULL for fewer than two.',
    example: '0.5',
    compute: ({ count, sxy }) => unless(count < 2, sxy / (count - 1)),
  },
  {
    name: 'regr_avgx',
    description: 'The mean of the second arguments of pairs (y, x).',
    example: '2.0',
    compute: ({ count, meanX }) => unless(count < 1, meanX),
  },
  {
    name: 'regr_avgy',
    description: 'The mean of the first arguments of pairs (y, x).',
    example: '2.0',
    compute: ({ count, meanY }) => unless(count < 1, meanY),
  },
  {
    name: 'regr_intercept',
    description: 'Where the line that fits the pairs (y, x) best meets x = 0; NULL where x does not vary.',
    example: '1.0',
    compute: ({ meanX, meanY, sxx, sxy }) => unless(sxx === 0, meanY - (sxy / sxx) * meanX),
  },
  {
    name: 'regr_r2',
    description: 'How much of y the line that fits the pairs (y, x) best explains: 0 to 1; NULL where x does not vary.',
    example: '0.25',
    compute: ({ sxx, syy, sxy }) => unless(sxx === 0, syy === 0 ? 1 : (sxy / sxx) * (sxy / syy)),
  },
  {
    name: 'regr_slope',
    description: 'The slope of the line that fits the pairs (y, x) best; NULL where x does not vary.',
    example: '0.5',
    compute: ({ sxx, sxy }) => unless(sxx === 0, sxy / sxx),
  },
  {
    name: 'regr_sxx',
    description: 'The sum of squared distances of the second arguments of pairs (y, x) from their mean.',
    example: '2.0',
    compute: ({ count, sxx }) => unless(count < 1, sxx),
  },
  {
    name: 'regr_sxy',
    description: 'The sum of products of the distances from the means of pairs (y, x).',
    example: '1.0',
    compute: ({ count, sxy }) => unless(count < 1, sxy),
  },
  {
    name: 'regr_syy',
    description: 'The sum of squared distances of the first arguments of pairs (y, x) from their mean.',
    example: '2.0',
    compute: ({ count, syy }) => unless(count < 1, syy),
  },
]

const PAIRS = 'FROM (VALUES (1, 1), (3, 2), (2, 3), (NULL, 9)) t(y, x)'

const definitionOf = (kind: Kind): AggregateDefinition => ({
  name: kind.name,
  aliases: kind.aliases ?? [],
  description: kind.description,
  examples: [
    { sql: `${kind.name}(y, x) ${PAIRS}`, result: kind.example },
    { sql: `${kind.name}(y, x) FROM (VALUES (CAST(NULL AS INT), 1)) t(y, x)`, result: 'NULL' },
  ],
  coerce: args => pairArguments(kind.name, args),
  returns: () => FLOAT64,
  stateTypes: () => Array.from({ length: 6 }, () => FLOAT64),
  accumulator: options => new Pairs(options, FLOAT64, kind.compute),
})

const regrCount: AggregateDefinition = {
  ...definitionOf({ name: 'regr_count', description: '', example: '', compute: () => undefined }),
  description: 'The number of pairs in which neither side is NULL.',
  examples: [
    { sql: `regr_count(y, x) ${PAIRS}`, result: '3' },
    { sql: 'regr_count(y, x) FROM (VALUES (CAST(NULL AS INT), 1)) t(y, x)', result: '0' },
  ],
  returns: () => UINT64,
  accumulator: options => new Pairs(options, UINT64, ({ count }) => count),
}

/** The aggregates of pairs. */
export const COVARIANCES: readonly AggregateDefinition[] = [...KINDS.map(definitionOf), regrCount]

function pairArguments(name: string, args: readonly DataType[]): readonly DataType[] {
  const isNumber = (type: DataType): boolean => isNumeric(type) || type.kind === 'null'
  if (args.length !== 2 || !args.every(isNumber))
    throw fail('FUNCTION_ARGUMENTS', [`${name} takes two numbers, got (${args.map(typeName).join(', ')})`])
  return [FLOAT64, FLOAT64]
}

/** Entries of 48 bytes, as the kernel has them. */
class Pairs implements Accumulator {
  readonly #type: DataType
  readonly #compute: Kind['compute']
  readonly #entries: Segments

  constructor(options: AccumulatorOptions, type: DataType, compute: Kind['compute']) {
    this.#type = type
    this.#compute = compute
    this.#entries = new Segments(48, options.charge)
  }

  update({ groups, count, groupCount }: GroupRows, [y, x]: readonly Column[]): void {
    this.#entries.reserve(groupCount)
    const { directory } = this.#entries
    kernels().comomentsUpdate(groups, x.values, x.validity, y.values, y.validity, count, directory)
  }

  merge({ groups, count, groupCount }: GroupRows, states: readonly Column[]): void {
    this.#entries.reserve(groupCount)
    withScratch(scratch => {
      const positions = scratch(states.length * 4)
      views().u32.set(
        states.map(state => state.values),
        positions / 4,
      )
      kernels().comomentsMerge(groups, positions, count, this.#entries.directory)
    })
  }

  states(from: number, n: number): Column[] {
    return statesOf([0, 8, 16, 24, 32, 40], offset => {
      const values = entryValues(this.#entries, from, n, 8, offset)
      return makeColumn({ type: FLOAT64, length: n, values, blocks: [values] })
    })
  }

  finish(from: number, n: number): Column {
    this.#entries.reserve(from + n)
    const results = Array.from({ length: n }, (_, i) => {
      const value = this.#compute(this.#comoments(from + i)) ?? null
      return value !== null && this.#type.kind === 'int' ? BigInt(value) : value
    })
    return columnFromValues(this.#type, results)
  }

  close(): void {
    this.#entries.close()
  }

  #comoments(group: number): Comoments {
    const { f64 } = views()
    const at = this.#entries.at(group) / 8
    const [count, meanX, meanY, sxx, syy, sxy] = f64.subarray(at, at + 6)
    return { count, meanX, meanY, sxx, syy, sxy }
  }
}
