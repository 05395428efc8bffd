/** array_agg(x): the values of a group as a list. */
import type { Column } from '../../../arrow/batch.js'
import { fail } from '../../../common/errors.js'
import { listOf } from '../signature.js'
import type { Accumulator, AccumulatorOptions, AggregateDefinition, GroupRows } from './accumulator.js'
import { Collected } from './collected.js'

export const arrayAgg: AggregateDefinition = {
  name: 'array_agg',
  aliases: ['list'],
  description:
    'The values as a list, NULLs too (unless IGNORE NULLS is written); NULL where there are no rows. ORDER BY in the call sorts them.',
  examples: [
    { sql: 'array_agg(x ORDER BY x) FROM (VALUES (2), (1), (NULL)) t(x)', result: '[1, 2, NULL]' },
    { sql: 'array_agg(DISTINCT x ORDER BY x DESC) FROM (VALUES (1), (2), (1)) t(x)', result: '[2, 1]' },
    { sql: 'array_agg(x) FROM (VALUES (1)) t(x) WHERE x > 1', result: 'NULL' },
  ],
  isOrdered: true,
  coerce(args) {
    if (args.length !== 1) throw fail('FUNCTION_ARGUMENTS', [`array_agg takes one argument, got ${args.length}`])
    return args
  },
  returns: ([type]) => listOf(type),
  stateTypes: ([type]) => [listOf(type)],
  accumulator: options => new ArrayAgg(options),
}

class ArrayAgg implements Accumulator {
  readonly #rows: Collected

  constructor({ args, charge }: AccumulatorOptions) {
    this.#rows = new Collected(args, charge)
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
    return this.#rows.lists(from, n)[0]
  }

  close(): void {
    this.#rows.close()
  }
}
