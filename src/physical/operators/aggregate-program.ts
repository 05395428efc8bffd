/** An AggregateExec made ready to run: what is evaluated for each batch, and where each aggregate finds its columns. */
import type { Batch, Column } from '../../arrow/batch.js'
import { releaseColumn, retainColumn } from '../../arrow/column.js'
import { field, type Schema } from '../../arrow/schema.js'
import { takeRows } from './group-states.js'
import type { DataType } from '../../arrow/types.js'
import { equals } from '../../common/tree.js'
import { inputExpr } from '../../expr/build.js'
import { compileExprs, compilePredicate } from '../../expr/compile.js'
import { typeOf, type AggregateExpr, type Expr } from '../../expr/expr.js'
import { inputsOf, stateTypesOf } from '../../expr/functions/aggregate/open.js'
import { aggregateFunction } from '../../expr/functions/index.js'
import type { AggregateExec } from './aggregate.js'
import type { GroupStates } from './group-states.js'

/** One aggregate of a plan. */
export interface AggregateSpec {
  readonly expr: AggregateExpr
  /** Types of the columns that `update` takes, and of those that `merge` takes. */
  readonly inputs: readonly DataType[]
  readonly states: readonly DataType[]
  /** Only the first of equal inputs counts. (ORDER BY can only name arguments then, so that its keys change nothing.) */
  readonly isDistinct: boolean
  /** Only whether a value is NULL matters: dictionaries may stay. */
  readonly isCount: boolean
  /** Aggregates of one number are given the same rows and the same arguments; -1: no other is. */
  readonly family: number
}

/** DISTINCT changes nothing for some aggregates, such as the least and the greatest value. */
export const isDistinct = (expr: AggregateExpr): boolean =>
  expr.distinct && aggregateFunction(expr.name)?.ignoresDuplicates !== true

export function aggregateSpecs(plan: AggregateExec): AggregateSpec[] {
  const families: (readonly Expr[])[] = []
  const isInput = plan.mode !== 'final'
  return plan.aggregates.map(({ expr }) => {
    let family = -1
    if (!expr.distinct && expr.filter === undefined && expr.orderBy === undefined) {
      family = families.findIndex(args => equals(args, expr.args))
      if (family < 0) family = families.push(expr.args) - 1
    }
    return {
      expr,
      inputs: inputsOf(expr).map(typeOf),
      states: stateTypesOf(expr),
      isDistinct: isInput && isDistinct(expr),
      isCount: isInput && expr.name === 'count',
      family,
    }
  })
}

/** The columns of one aggregate among the evaluated ones: arguments, or the states to merge. */
interface Place {
  readonly first: number
  readonly columnCount: number
  readonly select: ReturnType<typeof compilePredicate> | undefined
}

export class AggregateProgram {
  readonly plan: AggregateExec
  readonly specs: readonly AggregateSpec[]
  readonly groupTypes: readonly DataType[]
  readonly #places: readonly Place[]
  readonly #evaluate: (batch: Batch) => Column[]

  constructor(plan: AggregateExec) {
    const input = plan.children[0].schema
    const exprs: Expr[] = plan.groups.map(({ expr }) => expr)
    this.plan = plan
    this.specs = aggregateSpecs(plan)
    this.groupTypes = exprs.map(typeOf)
    this.#places = this.specs.map(({ expr, states }) => {
      const first = exprs.length
      const columns = plan.mode === 'final' ? stateInputs(states, first, input) : inputsOf(expr)
      exprs.push(...columns)
      const hasFilter = plan.mode !== 'final' && expr.filter !== undefined
      const select = hasFilter ? compilePredicate(expr.filter, input) : undefined
      return { first, columnCount: columns.length, select }
    })
    const compiled = exprs.length === 0 ? undefined : compileExprs(exprs, input)
    this.#evaluate = batch => compiled?.evaluate(batch) ?? []
  }

  /** Evaluates a batch and adds its rows to their groups. */
  add(batch: Batch, states: GroupStates): void {
    const columns = this.#evaluate(batch)
    try {
      states.assign(columns.slice(0, this.groupTypes.length), batch.rowCount)
      this.#places.forEach((place, index) => this.#feed(index, place, batch, columns, states))
    } finally {
      columns.forEach(releaseColumn)
    }
  }

  /** Adds each row of a batch as a group of its own; the group columns, owned by the caller. */
  addEach(batch: Batch, states: GroupStates): Column[] {
    const columns = this.#evaluate(batch)
    try {
      states.assignEach(batch.rowCount)
      this.#places.forEach((place, index) => this.#feed(index, place, batch, columns, states))
      const groups = columns.slice(0, this.groupTypes.length)
      groups.forEach(retainColumn)
      return groups
    } finally {
      columns.forEach(releaseColumn)
    }
  }

  #feed(index: number, place: Place, batch: Batch, columns: readonly Column[], states: GroupStates): void {
    const args = columns.slice(place.first, place.first + place.columnCount)
    const { rows } = states
    const feed = this.plan.mode === 'final' ? states.merge : states.update
    if (place.select === undefined) return feed.call(states, index, args, rows)
    const selection = place.select.select(batch)
    try {
      if (selection.indices === 0 && selection.count === rows.count) feed.call(states, index, args, rows)
      else
        takeRows(args, rows, selection.indices, selection.count, (some, picked) =>
          feed.call(states, index, some, picked),
        )
    } finally {
      selection.release()
    }
  }
}

/** The state columns of an aggregate as inputs of the final phase, from column `first` on. */
const stateInputs = (types: readonly DataType[], first: number, { fields }: Schema): Expr[] =>
  types.map((type, index) => inputExpr(first + index, fields[first + index].name, type))

/** What spilled groups look like: the groups, then the states of aggregates without DISTINCT. */
export interface StateLayout {
  readonly groupCount: number
  readonly states: Schema
  /** For each aggregate: its state columns, or, with DISTINCT, the schema of pairs of a group and values. */
  readonly aggregates: readonly StatePlace[]
}

export interface StatePlace {
  readonly first: number
  readonly columnCount: number
  readonly pairs: Schema | undefined
}

export function stateLayout({ plan, specs, groupTypes }: AggregateProgram): StateLayout {
  const groups = groupTypes.map((type, index) => field(plan.groups[index].name, type))
  const fields = [...groups]
  const aggregates = specs.map(({ inputs, states, isDistinct: hasPairs }, index) => {
    const first = fields.length
    const name = plan.aggregates[index].name
    if (hasPairs)
      return {
        first,
        columnCount: 0,
        pairs: { fields: [...groups, ...inputs.map((type, i) => field(`${name}[${i}]`, type))] },
      }
    fields.push(...states.map((type, i) => field(`${name}[${i}]`, type)))
    return { first, columnCount: fields.length - first, pairs: undefined }
  })
  return { groupCount: groups.length, states: { fields }, aggregates }
}
