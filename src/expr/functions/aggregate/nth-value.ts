/** nth_value(x, n): the value of the n-th row of each group. */
import type { Column } from '../../../arrow/batch.js'
import { releaseColumn } from '../../../arrow/column.js'
import { views, withScratch } from '../../../arrow/memory.js'
import { takeColumn } from '../../../arrow/take.js'
import { INT64 } from '../../../arrow/types.js'
import { fail } from '../../../common/errors.js'
import { listOf } from '../signature.js'
import type { Accumulator, AccumulatorOptions, AggregateDefinition, GroupRows } from './accumulator.js'
import { Collected } from './collected.js'

export const nthValue: AggregateDefinition = {
  name: 'nth_value',
  aliases: [],
  description:
    'The value of the n-th row, by the ORDER BY in the call if there is one, from the end when n is negative; NULL if there are fewer rows.',
  examples: [
    { sql: 'nth_value(x, 2 ORDER BY x) FROM (VALUES (3), (1), (2)) t(x)', result: '2' },
    { sql: 'nth_value(x, -1 ORDER BY x) FROM (VALUES (3), (1), (2)) t(x)', result: '3' },
    { sql: 'nth_value(x, 4) FROM (VALUES (1), (NULL)) t(x)', result: 'NULL' },
  ],
  isOrdered: true,
  constantsFrom: 1,
  coerce(args) {
    if (args.length !== 2)
      throw fail('FUNCTION_ARGUMENTS', [`nth_value takes (value, n), got ${args.length} arguments`])
    return [args[0], INT64]
  },
  returns: ([type]) => type,
  stateTypes: ([type]) => [listOf(type)],
  accumulator: options => new NthRow(options),
}

class NthRow implements Accumulator {
  readonly #rows: Collected
  readonly #n: number

  constructor({ args, constants, charge }: AccumulatorOptions) {
    this.#rows = new Collected([args[0]], charge)
    this.#n = Number(constants[1] ?? 0n)
    if (this.#n === 0) throw fail('INVALID_ARGUMENT', ['nth_value: rows are counted from 1, or from -1 at the end'])
  }

  update(rows: GroupRows, args: readonly Column[]): void {
    this.#rows.add(rows, args)
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
      return withScratch(scratch => {
        const indices = scratch(n * 4 + 4)
        for (let group = 0; group < n; group++) {
          const [start, end] = [starts[group], starts[group + 1]]
          const row = this.#n > 0 ? start + this.#n - 1 : end + this.#n
          views().i32[indices / 4 + group] = row >= start && row < end ? row : -1
        }
        return takeColumn(columns[0], indices, n)
      })
    } finally {
      columns.forEach(releaseColumn)
    }
  }

  close(): void {
    this.#rows.close()
  }
}
