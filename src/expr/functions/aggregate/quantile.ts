/** median(x), percentile_cont(x, p), percentile_disc(x, p): exact, from the sorted values of each group. */
import type { Column } from '../../../arrow/batch.js'
import { columnFromValues, releaseColumn } from '../../../arrow/column.js'
import { FLOAT64, INT64, isNumeric, typeName, type DataType } from '../../../arrow/types.js'
import { fail } from '../../../common/errors.js'
import { booleanArgument } from './bool.js'
import { listOf } from '../signature.js'
import type { Accumulator, AccumulatorOptions, AggregateDefinition, GroupRows } from './accumulator.js'
import { Collected } from './collected.js'
import {
  continuousQuantile,
  discreteFromGreatest,
  discreteQuantile,
  middle,
  numberValue,
  sortedNumbers,
  type SortedNumbers,
} from './sorted-numbers.js'
import { numericArgument } from './sum.js'

export const median: AggregateDefinition = {
  name: 'median',
  aliases: [],
  description:
    'The middle value, or the mean of the two middle ones in the type of the values; NULL where there are none.',
  examples: [
    { sql: 'median(x) FROM (VALUES (1), (5), (3), (NULL)) t(x)', result: '3' },
    { sql: 'median(x) FROM (VALUES (1e0), (2e0)) t(x)', result: '1.5' },
    { sql: 'median(x) FROM (VALUES (CAST(NULL AS INT))) t(x)', result: 'NULL' },
  ],
  coerce: args => [numericArgument('median', args)],
  returns: ([type]) => type,
  stateTypes: ([type]) => [listOf(type)],
  accumulator: options => new Quantile(options, options.args[0], middle),
}

export const percentileCont: AggregateDefinition = {
  name: 'percentile_cont',
  aliases: ['quantile_cont', 'quantile'],
  description:
    'The value at a fraction (0 to 1) of the sorted values, between two of them where it falls there; also written percentile_cont(p) WITHIN GROUP (ORDER BY x). Integers give DOUBLE.',
  examples: [
    { sql: 'percentile_cont(x, 0.75) FROM (VALUES (1), (2), (3), (4)) t(x)', result: '3.25' },
    {
      sql: 'percentile_cont(0.25) WITHIN GROUP (ORDER BY x DESC) FROM (VALUES (1), (2), (3), (4)) t(x)',
      result: '3.25',
    },
    { sql: 'percentile_cont(x, 0.5) FROM (VALUES (CAST(NULL AS INT))) t(x)', result: 'NULL' },
  ],
  constantsFrom: 1,
  coerce: args => quantileArguments('percentile_cont', args, type => (type.kind === 'decimal' ? type : FLOAT64)),
  returns: ([type]) => type,
  stateTypes: ([type]) => [listOf(type)],
  accumulator: options => quantile(options, continuousQuantile),
}

export const percentileDisc: AggregateDefinition = {
  name: 'percentile_disc',
  aliases: ['quantile_disc'],
  description:
    'The first of the sorted values at which a fraction (0 to 1) of them is reached; also written percentile_disc(p) WITHIN GROUP (ORDER BY x). A third argument that is true sorts the greatest first.',
  examples: [
    { sql: 'percentile_disc(x, 0.5) FROM (VALUES (1), (2), (3), (4)) t(x)', result: '2' },
    { sql: 'percentile_disc(x, 0.5) FROM (VALUES (CAST(NULL AS INT))) t(x)', result: 'NULL' },
  ],
  constantsFrom: 1,
  coerce: args => [
    ...quantileArguments('percentile_disc', args.slice(0, 2), type => type),
    ...(args.length > 2 ? [booleanArgument('the third argument of percentile_disc', args.slice(2))] : []),
  ],
  returns: ([type]) => type,
  stateTypes: ([type]) => [listOf(type)],
  accumulator: options => quantile(options, options.constants[2] === true ? discreteFromGreatest : discreteQuantile),
}

/** A number and a fraction; the number as the type that `wanted` gives for its own. */
export function quantileArguments(
  name: string,
  args: readonly DataType[],
  wanted: (type: DataType) => DataType,
): readonly DataType[] {
  const [type, fraction] = args
  const fits = args.length === 2 && (isNumeric(type) || type.kind === 'null') && isNumeric(fraction)
  if (!fits)
    throw fail('FUNCTION_ARGUMENTS', [`${name} takes (number, fraction), got (${args.map(typeName).join(', ')})`])
  return [wanted(type.kind === 'null' ? INT64 : type), FLOAT64]
}

/** The fraction of a call; throws INVALID_ARGUMENT unless it is from 0 to 1. */
export function fractionOf({ constants: [, fraction] }: AccumulatorOptions, name: string): number {
  if (typeof fraction === 'number' && fraction >= 0 && fraction <= 1) return fraction
  throw fail('INVALID_ARGUMENT', [`the fraction of ${name} is from 0 to 1, got ${String(fraction)}`])
}

function quantile(
  options: AccumulatorOptions,
  compute: (sorted: SortedNumbers, fraction: number) => number | bigint,
): Accumulator {
  const fraction = fractionOf(options, 'a percentile')
  return new Quantile(options, options.args[0], sorted => compute(sorted, fraction))
}

class Quantile implements Accumulator {
  readonly #type: DataType
  readonly #rows: Collected
  readonly #compute: (sorted: SortedNumbers) => number | bigint

  constructor({ charge }: AccumulatorOptions, type: DataType, compute: (sorted: SortedNumbers) => number | bigint) {
    this.#type = type
    this.#rows = new Collected([type], charge)
    this.#compute = compute
  }

  update(rows: GroupRows, args: readonly Column[]): void {
    this.#rows.addPresent(rows, args)
  }

  merge(rows: GroupRows, states: readonly Column[]): void {
    this.#rows.addLists(rows, states)
  }

  states(from: number, n: number): Column[] {
    return this.#rows.lists(from, n)
  }

  finish(from: number, n: number): Column {
    const { columns, starts } = this.#rows.grouped(from, n)
    try {
      const results = Array.from({ length: n }, (_, group) => {
        const [start, end] = [starts[group], starts[group + 1]]
        if (start === end) return null
        return numberValue(this.#compute(sortedNumbers(columns[0], start, end)), this.#type)
      })
      return columnFromValues(this.#type, results)
    } finally {
      columns.forEach(releaseColumn)
    }
  }

  close(): void {
    this.#rows.close()
  }
}
