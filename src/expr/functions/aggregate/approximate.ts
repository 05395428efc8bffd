/** approx_distinct, approx_percentile_cont and approx_median: little memory, a small error. */
import type { Column } from '../../../arrow/batch.js'
import { isValid, valueAt } from '../../../arrow/column.js'
import { hashColumns } from '../../../arrow/hash.js'
import { views, withScratch } from '../../../arrow/memory.js'
import { BINARY, FLOAT64, INT64, UINT64, isNumeric, typeName, type DataType, type Value } from '../../../arrow/types.js'
import { fail } from '../../../common/errors.js'
import { integerBounds } from '../../types.js'
import type { Accumulator, AccumulatorOptions, AggregateDefinition } from './accumulator.js'
import { oneArgument } from './first-last.js'
import { HyperLogLog } from './hyper-log-log.js'
import { fractionOf } from './quantile.js'
import { Sketches } from './sketches.js'
import { TDigest } from './t-digest.js'

export const approxDistinct: AggregateDefinition = {
  name: 'approx_distinct',
  aliases: ['approx_count_distinct'],
  description:
    'The number of different values that are not NULL; exact for a few thousand, then within about 1 % (HyperLogLog).',
  examples: [
    { sql: 'approx_distinct(x) FROM (VALUES (1), (2), (2), (NULL)) t(x)', result: '2' },
    { sql: 'approx_distinct(x) FROM (VALUES (CAST(NULL AS INT))) t(x)', result: '0' },
  ],
  ignoresDuplicates: true,
  coerce: args => oneArgument('approx_distinct', args),
  returns: () => UINT64,
  stateTypes: () => [BINARY],
  accumulator: ({ charge }) =>
    new Sketches({
      charge,
      type: UINT64,
      create: () => new HyperLogLog(),
      add: addHashes,
      result: sketch => BigInt(sketch.estimate()),
    }),
}

function addHashes(column: Column, count: number, sketchOf: (row: number) => HyperLogLog): void {
  if (column.type.kind === 'null') return
  withScratch(scratch => {
    const hashes = scratch(count * 4)
    hashColumns([column], count, hashes)
    const { u32 } = views()
    for (let row = 0; row < count; row++) if (isValid(column, row)) sketchOf(row).add(u32[hashes / 4 + row])
  })
}

export const approxPercentile: AggregateDefinition = {
  name: 'approx_percentile_cont',
  aliases: ['approx_quantile'],
  description:
    'As percentile_cont, from a t-digest: exact for about a hundred values, then with a small error; integers are rounded. A third argument, the number of clusters, is accepted and has no effect.',
  examples: [
    { sql: 'approx_percentile_cont(x, 0.5) FROM (VALUES (1e0), (2e0), (4e0), (NULL)) t(x)', result: '2.0' },
    { sql: 'approx_percentile_cont(0.5) WITHIN GROUP (ORDER BY x) FROM (VALUES (1), (2), (9)) t(x)', result: '2' },
    { sql: 'approx_percentile_cont(x, 0.5) FROM (VALUES (CAST(NULL AS INT))) t(x)', result: 'NULL' },
  ],
  constantsFrom: 1,
  coerce(args) {
    const isNumber = (type: DataType): boolean => isNumeric(type)
    if (args.length < 2 || args.length > 3 || !args.slice(1).every(isNumber))
      throw fail('FUNCTION_ARGUMENTS', [
        `approx_percentile_cont takes (number, fraction, [clusters]), got (${args.map(typeName).join(', ')})`,
      ])
    return [approximated('approx_percentile_cont', args[0]), FLOAT64, INT64].slice(0, args.length)
  },
  returns: ([type]) => type,
  stateTypes: () => [BINARY],
  accumulator: options => digest(options, fractionOf(options, 'approx_percentile_cont')),
}

export const approxMedian: AggregateDefinition = {
  name: 'approx_median',
  aliases: [],
  description: 'approx_percentile_cont(x, 0.5).',
  examples: [
    { sql: 'approx_median(x) FROM (VALUES (1), (2), (9), (NULL)) t(x)', result: '2' },
    { sql: 'approx_median(x) FROM (VALUES (CAST(NULL AS INT))) t(x)', result: 'NULL' },
  ],
  coerce: args => [approximated('approx_median', oneArgument('approx_median', args)[0])],
  returns: ([type]) => type,
  stateTypes: () => [BINARY],
  accumulator: options => digest(options, 0.5),
}

/** Integers and floats as they are, decimals as DOUBLE. */
function approximated(name: string, type: DataType): DataType {
  if (type.kind === 'int' || type.kind === 'float') return type
  if (type.kind === 'decimal' || type.kind === 'null') return FLOAT64
  throw fail('FUNCTION_ARGUMENTS', [`${name} takes a number, got ${typeName(type)}; cast it to a number type`])
}

function digest({ args: [type], charge }: AccumulatorOptions, fraction: number): Accumulator {
  return new Sketches({
    charge,
    type,
    create: () => new TDigest(),
    add(column, count, sketchOf) {
      for (let row = 0; row < count; row++)
        if (isValid(column, row)) sketchOf(row).add(Number(valueAt(column, row) as number | bigint))
    },
    result: sketch => roundedTo(sketch.quantile(fraction), type),
  })
}

/** The nearest value of a type; a double may lie beyond the bounds of BIGINT. */
function roundedTo(value: number | undefined, type: DataType): Value {
  if (value === undefined) return null
  if (type.kind !== 'int') return value
  const { min, max } = integerBounds(type)
  const rounded = BigInt(Math.round(value))
  const within = rounded < min ? min : rounded > max ? max : rounded
  return type.bits === 64 ? within : Number(within)
}
