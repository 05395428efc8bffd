/** The running AggregateExec: batches to group numbers, then one loop per aggregate. */
import type { Batch, Column } from '../../arrow/batch.js'
import { makeColumn, releaseColumn } from '../../arrow/column.js'
import { kernels, withScratch } from '../../arrow/memory.js'
import { Room, type Charge } from '../../arrow/segments.js'
import { decodeDictionary, takeColumn } from '../../arrow/take.js'
import { UINT32, type DataType } from '../../arrow/types.js'
import { equals } from '../../common/tree.js'
import { inputExpr } from '../../expr/build.js'
import { compileExprs, compilePredicate } from '../../expr/compile.js'
import { typeOf, type AggregateExpr, type Expr } from '../../expr/expr.js'
import type { Accumulator, GroupRows, Siblings } from '../../expr/functions/aggregate/accumulator.js'
import { aggregateFunction } from '../../expr/functions/index.js'
import { argumentsOf, inputsOf, openAccumulator, stateTypesOf } from '../../expr/functions/aggregate/open.js'
import type { Operator } from '../../runtime/operator.js'
import { batchSize } from '../../runtime/options.js'
import type { TaskContext } from '../../runtime/task-context.js'
import type { AggregateExec } from './aggregate.js'
import { CodeGroups } from './code-groups.js'
import { GroupTable } from './group-table.js'
import { RowKeys } from './row-keys.js'

/** One aggregate of the plan. */
interface Running {
  readonly accumulator: Accumulator
  /** Its columns among the evaluated ones: arguments, or the states to merge. */
  readonly first: number
  readonly columnCount: number
  readonly select: ReturnType<typeof compilePredicate> | undefined
  readonly distinct: DistinctRows | undefined
  /** Only whether a value is NULL matters: dictionaries may stay. */
  readonly isCount: boolean
}

/** DISTINCT changes nothing for some aggregates, such as the least and the greatest value. */
export const isDistinct = (expr: AggregateExpr): boolean =>
  expr.distinct && aggregateFunction(expr.name)?.ignoresDuplicates !== true

/** A charge that sets one reservation, for everything an operator holds. */
export function chargeTo(ctx: TaskContext, owner: string): { readonly charge: Charge; release(): void } {
  const reservation = ctx.memory.reserve(owner)
  let held = 0
  let isOpen = true
  return {
    charge(delta) {
      if (isOpen) reservation.resize(held + delta)
      held += delta
    },
    release() {
      isOpen = false
      reservation.release()
    },
  }
}

export function openAggregate(plan: AggregateExec, ctx: TaskContext): Operator {
  const budget = chargeTo(ctx, plan.kind)
  const run = new AggregateRun(plan, budget.charge)
  const rows = ctx.config.get(batchSize)
  return {
    push(batch) {
      run.add(batch)
      return undefined
    },
    *finish() {
      for (let from = 0; from < run.groupCount; from += rows)
        yield run.output(from, Math.min(rows, run.groupCount - from))
    },
    close() {
      run.close()
      budget.release()
    },
  }
}

class AggregateRun {
  readonly #plan: AggregateExec
  readonly #keys: RowKeys | undefined
  readonly #table: GroupTable | undefined
  readonly #aggregates: readonly Running[]
  readonly #evaluate: (batch: Batch) => Column[]
  readonly #ids = new Room()
  readonly #codes = new CodeGroups()

  constructor(plan: AggregateExec, charge: Charge) {
    this.#plan = plan
    if (plan.groups.length > 0) {
      this.#keys = new RowKeys(
        plan.groups.map(({ expr }) => ({ type: typeOf(expr), nullable: true })),
        'group',
        charge,
      )
      this.#table = new GroupTable(this.#keys.words, this.#keys.isInteger, charge)
    }
    const exprs: Expr[] = plan.groups.map(({ expr }) => expr)
    const siblingsOf = siblingFinder()
    this.#aggregates = plan.aggregates.map(({ expr }) => {
      const columns = plan.mode === 'final' ? stateColumns(expr, exprs.length, plan) : inputsOf(expr)
      exprs.push(...columns)
      const place = { first: exprs.length - columns.length, columnCount: columns.length }
      return startAggregate(plan, expr, place, { charge, siblings: siblingsOf(expr) })
    })
    const compiled = exprs.length === 0 ? undefined : compileExprs(exprs, plan.children[0].schema)
    this.#evaluate = batch => compiled?.evaluate(batch) ?? []
  }

  get groupCount(): number {
    return this.#table === undefined ? 1 : this.#table.count
  }

  add(batch: Batch): void {
    const columns = this.#evaluate(batch)
    try {
      const groups = this.#assign(columns, batch.rowCount)
      const rows = { groups, count: batch.rowCount, groupCount: this.groupCount, isPartial: false }
      for (const aggregate of this.#aggregates) this.#update(aggregate, batch, columns, rows)
    } finally {
      columns.forEach(releaseColumn)
    }
  }

  output(from: number, n: number): Batch {
    const columns: Column[] = []
    try {
      const keys = this.#keys
      const table = this.#table
      if (keys !== undefined && table !== undefined) {
        this.#plan.groups.forEach((_, index) => columns.push(keys.decode(index, table.keys, from, n, table.nullGroup)))
      }
      for (const { accumulator } of this.#aggregates) {
        if (this.#plan.mode === 'partial') columns.push(...accumulator.states(from, n))
        else columns.push(accumulator.finish(from, n))
      }
      return { schema: this.#plan.schema, rowCount: n, columns }
    } catch (error) {
      columns.forEach(releaseColumn)
      throw error
    }
  }

  close(): void {
    for (const { accumulator, distinct } of this.#aggregates) {
      accumulator.close()
      distinct?.close()
    }
    this.#keys?.close()
    this.#table?.close()
    this.#ids.close()
    this.#codes.close()
  }

  #assign(columns: readonly Column[], rowCount: number): number {
    const keys = this.#keys
    const table = this.#table
    if (keys === undefined || table === undefined) return 0
    const ids = this.#ids.take(rowCount * 4)
    const assign = (some: readonly Column[], count: number, groups: number): void =>
      table.assign(keys.encode(some, count), count, groups)
    this.#codes.assign(columns.slice(0, this.#plan.groups.length), rowCount, ids, assign)
    return ids
  }

  #update(aggregate: Running, batch: Batch, columns: readonly Column[], rows: GroupRows): void {
    const args = columns.slice(aggregate.first, aggregate.first + aggregate.columnCount)
    if (aggregate.select === undefined) return this.#feed(aggregate, args, rows)
    const selection = aggregate.select.select(batch)
    try {
      if (selection.indices === 0 && selection.count === rows.count) this.#feed(aggregate, args, rows)
      else
        this.#feedPicked(args, rows, selection.indices, selection.count, (some, picked) =>
          this.#feed(aggregate, some, picked),
        )
    } finally {
      selection.release()
    }
  }

  /** Flattens the arguments, drops values that are not new to DISTINCT, and updates. */
  #feed(aggregate: Running, args: readonly Column[], rows: GroupRows): void {
    const { accumulator, distinct } = aggregate
    const flat = args.map(column => flatten(column, aggregate.isCount && distinct === undefined))
    try {
      if (this.#plan.mode === 'final') accumulator.merge(rows, flat)
      else if (distinct === undefined) accumulator.update(rows, flat)
      else {
        const firsts = distinct.firsts(flat, rows)
        this.#feedPicked(flat, rows, firsts.indices, firsts.count, (some, picked) => accumulator.update(picked, some))
      }
    } finally {
      flat.forEach((column, i) => column !== args[i] && releaseColumn(column))
    }
  }

  #feedPicked(
    args: readonly Column[],
    rows: GroupRows,
    indices: number,
    count: number,
    feed: (args: readonly Column[], rows: GroupRows) => void,
  ): void {
    const taken: Column[] = []
    try {
      for (const column of args) taken.push(takeColumn(column, indices, count))
      withScratch(scratch => {
        const groups = rows.groups === 0 ? 0 : scratch(count * 4)
        if (groups !== 0) kernels().groupGather(rows.groups, indices, count, groups)
        feed(taken, { groups, count, groupCount: rows.groupCount, isPartial: true })
      })
    } finally {
      taken.forEach(releaseColumn)
    }
  }
}

function startAggregate(
  plan: AggregateExec,
  expr: AggregateExpr,
  { first, columnCount }: Pick<Running, 'first' | 'columnCount'>,
  { charge, siblings }: { readonly charge: Charge; readonly siblings: Siblings | undefined },
): Running {
  const accumulator = openAccumulator(expr, {
    groupCount: plan.groups.length === 0 ? 1 : 0,
    charge,
    ...(siblings === undefined ? {} : { siblings }),
  })
  const isInput = plan.mode !== 'final'
  const distinct =
    isInput && isDistinct(expr)
      ? new DistinctRows(argumentsOf(expr).map(typeOf), plan.groups.length > 0, charge)
      : undefined
  const select =
    isInput && expr.filter !== undefined ? compilePredicate(expr.filter, plan.children[0].schema) : undefined
  return { accumulator, first, columnCount, select, distinct, isCount: expr.name === 'count' && isInput }
}

/** One object for all aggregates of equal arguments; none for those that do not get every row. */
function siblingFinder(): (expr: AggregateExpr) => Siblings | undefined {
  const known: { readonly args: readonly Expr[]; readonly siblings: Siblings }[] = []
  return ({ args, distinct, filter, orderBy }) => {
    if (distinct || filter !== undefined || orderBy !== undefined) return undefined
    const found = known.find(other => equals(other.args, args))
    if (found !== undefined) return found.siblings
    known.push({ args, siblings: {} })
    return known[known.length - 1].siblings
  }
}

/** The state columns of an aggregate as inputs of the final phase, from column `first` on. */
function stateColumns(expr: AggregateExpr, first: number, plan: AggregateExec): Expr[] {
  const { fields } = plan.children[0].schema
  return stateTypesOf(expr).map((type, index) => inputExpr(first + index, fields[first + index].name, type))
}

function flatten(column: Column, keepsCodes: boolean): Column {
  const { dictionary } = column
  return dictionary === undefined || (keepsCodes && dictionary.nullCount === 0) ? column : decodeDictionary(column)
}

/** The values that each group has had, for DISTINCT. */
class DistinctRows {
  readonly #keys: RowKeys
  readonly #table: GroupTable
  readonly #isGrouped: boolean
  readonly #argumentCount: number
  readonly #ids = new Room()
  readonly #firsts = new Room()

  constructor(args: readonly DataType[], isGrouped: boolean, charge: Charge) {
    const types = isGrouped ? [UINT32, ...args] : args
    this.#isGrouped = isGrouped
    this.#argumentCount = args.length
    this.#keys = new RowKeys(
      types.map(type => ({ type, nullable: true })),
      'group',
      charge,
    )
    this.#table = new GroupTable(this.#keys.words, this.#keys.isInteger, charge)
  }

  /**
   * The rows whose group has not had their values before: u32 row numbers, valid until the next call. Columns after those of
   * the arguments do not count.
   */
  firsts(
    columns: readonly Column[],
    { groups, count }: GroupRows,
  ): { readonly indices: number; readonly count: number } {
    const args = columns.slice(0, this.#argumentCount)
    const group = makeColumn({ type: UINT32, length: count, values: groups })
    const known = this.#table.count
    const ids = this.#ids.take(count * 4)
    this.#table.assign(this.#keys.encode(this.#isGrouped ? [group, ...args] : args, count), count, ids)
    const indices = this.#firsts.take(count * 4 + 4)
    return { indices, count: kernels().groupFirsts(ids, count, known, indices) }
  }

  close(): void {
    this.#keys.close()
    this.#table.close()
    this.#ids.close()
    this.#firsts.close()
  }
}
