/** first_value(x), last_value(x), any_value(x): the value of one row of each group. */
import type { Column } from '../../../arrow/batch.js'
import { columnFromValues, isValid, releaseColumn } from '../../../arrow/column.js'
import { views } from '../../../arrow/memory.js'
import { BOOLEAN, type DataType } from '../../../arrow/types.js'
import { fail } from '../../../common/errors.js'
import type { FunctionExample } from '../function.js'
import type { Accumulator, AccumulatorOptions, AggregateDefinition, GroupRows } from './accumulator.js'
import { ChosenRows } from './chosen.js'

interface Kind {
  readonly name: string
  readonly aliases: readonly string[]
  readonly description: string
  readonly takesLast: boolean
  readonly skipsNulls: boolean
  readonly examples: readonly FunctionExample[]
}

const KINDS: readonly Kind[] = [
  {
    name: 'any_value',
    aliases: [],
    description: 'A value that is not NULL, whichever comes first; NULL where there is none.',
    takesLast: false,
    skipsNulls: true,
    examples: [
      { sql: 'any_value(x) FROM (VALUES (NULL), (7), (7)) t(x)', result: '7' },
      { sql: 'any_value(x) FROM (VALUES (CAST(NULL AS INT))) t(x)', result: 'NULL' },
    ],
  },
  {
    name: 'first_value',
    aliases: ['first'],
    description:
      'The value of the first row, by the ORDER BY in the call if there is one; NULL if that is NULL (unless IGNORE NULLS is written).',
    takesLast: false,
    skipsNulls: false,
    examples: [
      { sql: 'first_value(x ORDER BY x DESC NULLS LAST) FROM (VALUES (1), (3), (2)) t(x)', result: '3' },
      { sql: 'first_value(x) FROM (VALUES (NULL), (1)) t(x)', result: 'NULL' },
      { sql: 'first_value(x) IGNORE NULLS FROM (VALUES (NULL), (1)) t(x)', result: '1' },
    ],
  },
  {
    name: 'last_value',
    aliases: ['last'],
    description:
      'The value of the last row, by the ORDER BY in the call if there is one; NULL if that is NULL (unless IGNORE NULLS is written).',
    takesLast: true,
    skipsNulls: false,
    examples: [
      { sql: 'last_value(x ORDER BY x) FROM (VALUES (1), (3), (2)) t(x)', result: '3' },
      { sql: 'last_value(x) FROM (VALUES (1), (NULL)) t(x)', result: 'NULL' },
    ],
  },
]

export const FIRST_LAST: readonly AggregateDefinition[] = KINDS.map(kind => ({
  name: kind.name,
  aliases: kind.aliases,
  description: kind.description,
  examples: kind.examples,
  isOrdered: true,
  ignoresDuplicates: kind.skipsNulls,
  coerce: args => oneArgument(kind.name, args),
  returns: ([type]) => type,
  stateTypes: ([type]) => [type, BOOLEAN],
  accumulator: options => new OneRow(options, kind),
}))

/** Exactly one argument, of any type. */
export function oneArgument(name: string, args: readonly DataType[]): readonly DataType[] {
  if (args.length !== 1) throw fail('FUNCTION_ARGUMENTS', [`${name} takes one argument, got ${args.length}`])
  return args
}

/** States: the value, and whether there is one (which may be NULL). */
class OneRow implements Accumulator {
  readonly #kind: Kind
  readonly #rows: ChosenRows

  constructor({ args, charge }: AccumulatorOptions, kind: Kind) {
    this.#kind = kind
    this.#rows = new ChosenRows(args, charge)
  }

  update(rows: GroupRows, [column]: readonly Column[]): void {
    this.#choose(rows, column, this.#kind.skipsNulls ? row => isValid(column, row) : () => true)
  }

  merge(rows: GroupRows, [column, present]: readonly Column[]): void {
    const { u8 } = views()
    this.#choose(rows, column, row => ((u8[present.values + (row >>> 3)] >>> (row & 7)) & 1) === 1)
  }

  states(from: number, n: number): Column[] {
    const [column] = this.#rows.columns(from, n)
    try {
      const present = Array.from({ length: n }, (_, i) => this.#rows.has(from + i))
      return [column, columnFromValues(BOOLEAN, present)]
    } catch (error) {
      releaseColumn(column)
      throw error
    }
  }

  finish(from: number, n: number): Column {
    return this.#rows.columns(from, n)[0]
  }

  close(): void {
    this.#rows.close()
  }

  #choose({ groups, count, groupCount }: GroupRows, column: Column, counts: (row: number) => boolean): void {
    this.#rows.reserve(groupCount)
    const { u32 } = views()
    const chosen = new Map<number, number>()
    for (let row = 0; row < count; row++) {
      const group = groups === 0 ? 0 : u32[groups / 4 + row]
      if (!this.#kind.takesLast && (chosen.has(group) || this.#rows.has(group))) continue
      if (counts(row)) chosen.set(group, row)
    }
    this.#rows.choose([...chosen.keys()], [...chosen.values()], [column])
  }
}
