/** bit_and(x), bit_or(x), bit_xor(x) of whole numbers. */
import type { Column } from '../../../arrow/batch.js'
import { defaultWidth, makeColumn } from '../../../arrow/column.js'
import { alloc, kernels, views, withScratch } from '../../../arrow/memory.js'
import { Segments, zeroFill, type Fill } from '../../../arrow/segments.js'
import { INT64, typeName, type DataType } from '../../../arrow/types.js'
import { fail } from '../../../common/errors.js'
import {
  Seen,
  withNulls,
  type Accumulator,
  type AccumulatorOptions,
  type AggregateDefinition,
  type GroupRows,
} from './accumulator.js'

interface Kind {
  readonly name: string
  readonly word: string
  /** As the kernel numbers them. */
  readonly op: 0 | 1 | 2
  /** For the values 6, 3 and 2. */
  readonly example: string
}

const KINDS: readonly Kind[] = [
  { name: 'bit_and', word: 'that are set in every value', op: 0, example: '2' },
  { name: 'bit_or', word: 'that are set in any value', op: 1, example: '7' },
  { name: 'bit_xor', word: 'that are set in an odd number of values', op: 2, example: '7' },
]

export const BITS: readonly AggregateDefinition[] = KINDS.map(kind => ({
  name: kind.name,
  aliases: [],
  description: `The bits ${kind.word} that is not NULL; NULL where there is none.`,
  examples: [
    { sql: `${kind.name}(x) FROM (VALUES (6), (3), (2), (NULL)) t(x)`, result: kind.example },
    { sql: `${kind.name}(x) FROM (VALUES (CAST(NULL AS INT))) t(x)`, result: 'NULL' },
  ],
  ignoresDuplicates: kind.op !== 2,
  coerce: args => [wholeArgument(kind.name, args)],
  returns: ([type]) => type,
  stateTypes: ([type]) => [type],
  accumulator: options => new Bits(options, kind.op),
}))

function wholeArgument(name: string, args: readonly DataType[]): DataType {
  const [type] = args
  if (args.length === 1 && type.kind === 'null') return INT64
  if (args.length !== 1 || type.kind !== 'int')
    throw fail('FUNCTION_ARGUMENTS', [`${name} takes a whole number, got (${args.map(typeName).join(', ')})`])
  return type
}

/** For AND, which starts with all bits set. */
const allOnes: Fill = (position, byteLength) => void views().u8.fill(0xff, position, position + byteLength)

/** 64 bits a group. */
class Bits implements Accumulator {
  readonly #type: DataType
  readonly #op: Kind['op']
  readonly #seen: Seen
  readonly #entries: Segments

  constructor(options: AccumulatorOptions, op: Kind['op']) {
    this.#type = options.args[0]
    this.#op = op
    this.#seen = new Seen(options)
    this.#entries = new Segments(8, options.charge, op === 0 ? allOnes : zeroFill)
  }

  update(rows: GroupRows, [column]: readonly Column[]): void {
    const { groups, count, groupCount } = rows
    this.#seen.update(rows, column.validity)
    this.#entries.reserve(groupCount)
    const { bitsUpdate, castToI64 } = kernels()
    withScratch(scratch => {
      const words = column.width === 8 ? column.values : scratch(count * 8)
      if (column.width !== 8) castToI64(column.values, column.width, 1, count, words)
      bitsUpdate(groups, words, column.validity, count, this.#op, this.#entries.directory)
    })
  }

  merge(rows: GroupRows, states: readonly Column[]): void {
    this.update(rows, states)
  }

  states(from: number, n: number): Column[] {
    return [this.finish(from, n)]
  }

  finish(from: number, n: number): Column {
    this.#entries.reserve(from + n)
    const nulls = this.#seen.nulls(from, n)
    const width = defaultWidth(this.#type)
    return withNulls(nulls, () => {
      const values = alloc(n * width)
      kernels().groupDecode(this.#entries.directory, from, n, 8, 0, 0, width, values)
      return makeColumn({ type: this.#type, length: n, values, ...nulls, blocks: [values, ...nulls.blocks] })
    })
  }

  close(): void {
    this.#seen.close()
    this.#entries.close()
  }
}
