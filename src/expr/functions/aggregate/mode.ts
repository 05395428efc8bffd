/** mode(x): the most frequent value of a group. */
import type { Column } from '../../../arrow/batch.js'
import { columnFromValues, columnValues, releaseColumn } from '../../../arrow/column.js'
import { typeName, type DataType, type Value } from '../../../arrow/types.js'
import { fail } from '../../../common/errors.js'
import { compareValues } from '../../value-compare.js'
import { listOf } from '../signature.js'
import type { Accumulator, AccumulatorOptions, AggregateDefinition, GroupRows } from './accumulator.js'
import { Collected } from './collected.js'

export const mode: AggregateDefinition = {
  name: 'mode',
  aliases: [],
  description: 'The most frequent value that is not NULL, the least of several; NULL where there is none.',
  examples: [
    { sql: "mode(x) FROM (VALUES ('b'), ('a'), ('b'), (NULL)) t(x)", result: 'b' },
    { sql: 'mode(x) FROM (VALUES (CAST(NULL AS INT))) t(x)', result: 'NULL' },
  ],
  coerce(args) {
    const isOrdered = args.length === 1 && args[0].kind !== 'struct' && args[0].kind !== 'map'
    if (!isOrdered)
      throw fail('FUNCTION_ARGUMENTS', [
        `mode takes one value that has an order, got (${args.map(typeName).join(', ')})`,
      ])
    return args
  },
  returns: ([type]) => type,
  stateTypes: ([type]) => [listOf(type)],
  accumulator: options => new Mode(options),
}

class Mode implements Accumulator {
  readonly #type: DataType
  readonly #rows: Collected

  constructor({ args, charge }: AccumulatorOptions) {
    this.#type = args[0]
    this.#rows = new Collected(args, charge)
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
      const values = columnValues(columns[0])
      const results = Array.from({ length: n }, (_, group) =>
        mostFrequent(values.slice(starts[group], starts[group + 1]), this.#type),
      )
      return columnFromValues(this.#type, results)
    } finally {
      columns.forEach(releaseColumn)
    }
  }

  close(): void {
    this.#rows.close()
  }
}

/** NULL for no values; sorts them. */
function mostFrequent(values: Value[], type: DataType): Value {
  values.sort((left, right) => compareValues(left, right, type))
  let [best, bestCount, start]: [Value, number, number] = [null, 0, 0]
  for (let end = 1; end <= values.length; end++) {
    if (end < values.length && compareValues(values[end], values[start], type) === 0) continue
    if (end - start > bestCount) [best, bestCount] = [values[start], end - start]
    start = end
  }
  return best
}
