/** An aggregate function in JavaScript: one object a group. */
import type { Column } from '../../../arrow/batch.js'
import { columnFromValues, columnValues } from '../../../arrow/column.js'
import { views } from '../../../arrow/memory.js'
import type { Charge } from '../../../arrow/segments.js'
import type { DataType } from '../../../arrow/types.js'
import { formOf } from '../../js-forms.js'
import { attempt, guarded, type AggregateCode, type UserFunction } from '../user-function.js'
import { statesOf, type Accumulator, type AccumulatorOptions, type GroupRows } from './accumulator.js'

type State = Record<string, unknown>

/** What a group is charged with: an object of some fields. The engine cannot see what else the code holds. */
const STATE_BYTES = 128

export class UserAccumulator implements Accumulator {
  readonly #declared: UserFunction
  readonly #code: AggregateCode
  readonly #charge: Charge
  readonly #states: State[] = []

  constructor(declared: UserFunction, code: AggregateCode, { charge, groupCount }: AccumulatorOptions) {
    this.#declared = declared
    this.#code = code
    this.#charge = charge
    this.#grow(groupCount)
  }

  update(rows: GroupRows, args: readonly Column[]): void {
    const { name, nulls } = this.#declared
    this.#eachRow(rows, args, (group, values) => {
      if (nulls === 'propagate' && values.includes(null)) return
      this.#states[group] = attempt(name, values, () => this.#code.update(this.#states[group], ...values))
    })
  }

  merge(rows: GroupRows, states: readonly Column[]): void {
    const { name, state } = this.#declared
    this.#eachRow(rows, states, (group, values) => {
      const other = Object.fromEntries(state.map(([key], i) => [key, values[i]]))
      this.#states[group] = attempt(name, [], () => this.#code.merge(this.#states[group], other))
    })
  }

  states(from: number, n: number): Column[] {
    const { name, state } = this.#declared
    const part = this.#states.slice(from, from + n)
    return statesOf(state, ([key, type]) =>
      columnFromValues(
        type,
        part.map(group => guarded(`${name}: ${key} of its state`, [], type, () => group[key])),
      ),
    )
  }

  finish(from: number, n: number): Column {
    const { name, returns } = this.#declared
    const results = this.#states
      .slice(from, from + n)
      .map(group => guarded(name, [], returns, () => this.#code.finish(group)))
    return columnFromValues(returns, results)
  }

  close(): void {
    this.#charge(-this.#states.length * STATE_BYTES)
    this.#states.length = 0
  }

  #grow(groupCount: number): void {
    const added = groupCount - this.#states.length
    if (added <= 0) return
    this.#charge(added * STATE_BYTES)
    const { name } = this.#declared
    for (let i = 0; i < added; i++) this.#states.push(attempt(name, [], () => this.#code.initial()))
  }

  #eachRow(rows: GroupRows, columns: readonly Column[], visit: (group: number, values: unknown[]) => void): void {
    this.#grow(rows.groupCount)
    const lists = columns.map(column => shaped(column, column.type))
    // Copied: user code may run queries of its own kind of work, and the arena is not its business.
    const groups = rows.groups === 0 ? undefined : views().u32.slice(rows.groups / 4, rows.groups / 4 + rows.count)
    for (let row = 0; row < rows.count; row++)
      visit(
        groups?.[row] ?? 0,
        lists.map(list => list[row]),
      )
  }
}

function shaped(column: Column, type: DataType): unknown[] {
  const form = formOf(type, {})
  return columnValues(column).map(value => (value === null ? null : form(value)))
}
