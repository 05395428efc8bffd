/** string_agg(x, separator): the strings of a group, joined. */
import type { Column } from '../../../arrow/batch.js'
import { columnFromValues, columnValues, releaseColumn } from '../../../arrow/column.js'
import { UTF8, typeName, type DataType } from '../../../arrow/types.js'
import { fail } from '../../../common/errors.js'
import { canCast } from '../../types.js'
import { listOf } from '../signature.js'
import type { Accumulator, AccumulatorOptions, AggregateDefinition, GroupRows } from './accumulator.js'
import { Collected } from './collected.js'

export const stringAgg: AggregateDefinition = {
  name: 'string_agg',
  aliases: ['group_concat', 'listagg'],
  description:
    'The values that are not NULL as text, joined by a separator (default `,`); NULL where there are none. ORDER BY in the call sorts them.',
  examples: [
    { sql: "string_agg(x, '-' ORDER BY x DESC) FROM (VALUES ('a'), ('b'), (NULL)) t(x)", result: 'b-a' },
    { sql: "string_agg(x ORDER BY x) FROM (VALUES ('a'), ('b')) t(x)", result: 'a,b' },
    { sql: "string_agg(x, '-') FROM (VALUES (CAST(NULL AS VARCHAR))) t(x)", result: 'NULL' },
  ],
  isOrdered: true,
  constantsFrom: 1,
  coerce: stringArguments,
  returns: () => UTF8,
  stateTypes: () => [listOf(UTF8)],
  accumulator: options => new StringAgg(options),
}

function stringArguments(args: readonly DataType[]): readonly DataType[] {
  const [value, separator = UTF8] = args
  const isText = (type: DataType): boolean => type.kind === 'utf8' || type.kind === 'null'
  if (args.length === 0 || args.length > 2 || !canCast(value, UTF8) || !isText(separator))
    throw fail('FUNCTION_ARGUMENTS', [`string_agg takes (text, [VARCHAR]), got (${args.map(typeName).join(', ')})`])
  return args.map(() => UTF8)
}

class StringAgg implements Accumulator {
  readonly #rows: Collected
  readonly #separator: string

  constructor({ constants, charge }: AccumulatorOptions) {
    this.#rows = new Collected([UTF8], charge)
    const separator = constants.length < 2 ? ',' : constants[1]
    this.#separator = typeof separator === 'string' ? separator : ''
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
      const texts = columnValues(columns[0])
      const joined = Array.from({ length: n }, (_, group) => {
        const [start, end] = [starts[group], starts[group + 1]]
        return start === end ? null : texts.slice(start, end).join(this.#separator)
      })
      return columnFromValues(UTF8, joined)
    } finally {
      columns.forEach(releaseColumn)
    }
  }

  close(): void {
    this.#rows.close()
  }
}
