/** arg_min(x, y), arg_max(x, y): x of the row with the least or greatest y. */
import type { Column } from '../../../arrow/batch.js'
import { columnValues, releaseColumn } from '../../../arrow/column.js'
import { views } from '../../../arrow/memory.js'
import type { Charge } from '../../../arrow/segments.js'
import { typeName, type DataType, type Value } from '../../../arrow/types.js'
import { fail } from '../../../common/errors.js'
import { compareValues } from '../../value-compare.js'
import type { Accumulator, AccumulatorOptions, AggregateDefinition, GroupRows } from './accumulator.js'
import { ChosenRows } from './chosen.js'

const argBest = (name: string, aliases: readonly string[], word: string, sign: 1 | -1): AggregateDefinition => ({
  name,
  aliases,
  description: `The first argument of the row with the ${word} second argument. Rows where either is NULL do not count.`,
  examples: [
    {
      sql: `${name}(x, y) FROM (VALUES ('a', 2), ('b', 1), ('c', 3), (NULL, 9)) t(x, y)`,
      result: sign > 0 ? 'c' : 'b',
    },
    { sql: `${name}(x, y) FROM (VALUES ('a', CAST(NULL AS INT))) t(x, y)`, result: 'NULL' },
  ],
  coerce: args => twoArguments(name, args),
  returns: ([type]) => type,
  stateTypes: args => args,
  accumulator: options => new ArgBest(options, sign),
})

export const argMax = argBest('arg_max', ['max_by', 'argmax'], 'greatest', 1)
export const argMin = argBest('arg_min', ['min_by', 'argmin'], 'least', -1)

function twoArguments(name: string, args: readonly DataType[]): readonly DataType[] {
  const [, by] = args
  if (args.length !== 2) throw fail('FUNCTION_ARGUMENTS', [`${name} takes two arguments, got ${args.length}`])
  if (by.kind === 'struct' || by.kind === 'map')
    throw fail('FUNCTION_ARGUMENTS', [`${name} cannot order by ${typeName(by)}`])
  return args
}

/** What a value outside of the arena takes, roughly. */
const KEY_BYTES = 64

/** The states are the chosen rows; the first of equal ones stays. */
class ArgBest implements Accumulator {
  readonly #sign: 1 | -1
  readonly #rows: ChosenRows
  readonly #charge: Charge
  /** The best second argument of each group, by group. */
  readonly #best: Value[] = []

  constructor({ args, charge }: AccumulatorOptions, sign: 1 | -1) {
    this.#sign = sign
    this.#charge = charge
    this.#rows = new ChosenRows(args, charge)
  }

  update({ groups, count, groupCount }: GroupRows, columns: readonly Column[]): void {
    this.#rows.reserve(groupCount)
    const [value, by] = columns
    if (value.nullCount === count || by.nullCount === count) return
    this.#reserve(groupCount)
    const keys = columnValues(by)
    const { u8, u32 } = views()
    const isPresent = (row: number): boolean =>
      value.validity === 0 || ((u8[value.validity + (row >>> 3)] >>> (row & 7)) & 1) === 1
    const chosen = new Map<number, number>()
    for (let row = 0; row < count; row++) {
      const key = keys[row]
      if (key === null || !isPresent(row)) continue
      const group = groups === 0 ? 0 : u32[groups / 4 + row]
      const best = this.#best[group]
      if (best !== null && this.#sign * compareValues(key, best, by.type) <= 0) continue
      this.#best[group] = key
      chosen.set(group, row)
    }
    this.#rows.choose([...chosen.keys()], [...chosen.values()], columns)
  }

  merge(rows: GroupRows, states: readonly Column[]): void {
    this.update(rows, states)
  }

  states(from: number, n: number): Column[] {
    return this.#rows.columns(from, n)
  }

  finish(from: number, n: number): Column {
    const [value, by] = this.#rows.columns(from, n)
    releaseColumn(by)
    return value
  }

  close(): void {
    this.#rows.close()
    this.#charge(-this.#best.length * KEY_BYTES)
    this.#best.length = 0
  }

  #reserve(groupCount: number): void {
    if (groupCount <= this.#best.length) return
    this.#charge((groupCount - this.#best.length) * KEY_BYTES)
    while (this.#best.length < groupCount) this.#best.push(null)
  }
}
