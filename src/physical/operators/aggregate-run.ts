/** The running AggregateExec: in memory while it is granted, else by partitions in temporary files. */
import type { Batch, Column } from '../../arrow/batch.js'
import { releaseColumn } from '../../arrow/column.js'
import { Budget } from '../../runtime/budget.js'
import { afterwards, type Operator, type Output } from '../../runtime/operator.js'
import { batchSize } from '../../runtime/options.js'
import type { TaskContext } from '../../runtime/task-context.js'
import type { AggregateExec } from './aggregate.js'
import { AggregateProgram, stateLayout } from './aggregate-program.js'
import { GroupSpill, type SpillParts } from './aggregate-spill.js'
import { GroupStates } from './group-states.js'

export function openAggregate(plan: AggregateExec, ctx: TaskContext): Operator {
  const budget = new Budget(ctx, plan.kind)
  const run = new AggregateRun(plan, ctx, budget)
  return {
    push: batch => run.push(batch),
    finish: () => run.finish(),
    close() {
      run.close()
      budget.release()
    },
  }
}

/** A partial phase that makes a group of more than 4 in 5 of so many rows costs more than it saves. */
const TRIAL_ROWS = 100_000
const MAX_GROUPS_A_ROW = 0.8

class AggregateRun {
  readonly #plan: AggregateExec
  readonly #program: AggregateProgram
  readonly #parts: SpillParts
  readonly #budget: Budget
  #states: GroupStates
  #spill: GroupSpill | undefined
  /** Bytes that the last batch took. */
  #growth = 0
  #rowCount = 0
  /** A partial phase that has given up: every row goes on as a group of its own. */
  #isPassing = false

  constructor(plan: AggregateExec, ctx: TaskContext, budget: Budget) {
    this.#plan = plan
    this.#program = new AggregateProgram(plan)
    this.#budget = budget
    this.#parts = {
      ctx,
      budget,
      groupTypes: this.#program.groupTypes,
      specs: this.#program.specs,
      layout: stateLayout(this.#program),
      batchRows: ctx.config.get(batchSize),
      output: (states, from, n) => this.#output(states, from, n),
    }
    this.#states = this.#empty()
  }

  push(batch: Batch): Output {
    if (this.#isPassing) return this.#pass(batch)
    if (!this.#budget.fits(this.#growth) && this.#hasMuch)
      return this.#plan.mode === 'partial' ? this.#emitAndAdd(batch) : afterwards(() => this.#spillAndAdd(batch))
    this.#add(batch)
    return this.#doesNotReduce ? this.#giveUp() : undefined
  }

  finish(): Output {
    return this.#spill === undefined ? this.#results() : this.#spilledResults(this.#spill)
  }

  close(): void {
    this.#states.close()
    this.#spill?.close()
  }

  /** There is something that can go to a file. */
  get #hasMuch(): boolean {
    if (this.#plan.mode === 'partial') return this.#plan.groups.length > 0 && this.#states.count > 0
    const { groupTypes, specs } = this.#parts
    if (specs.some((_, index) => (this.#states.distinct(index)?.count ?? 0) > 0)) return true
    return groupTypes.length > 0 && this.#states.count > 1
  }

  get #doesNotReduce(): boolean {
    if (this.#plan.mode !== 'partial' || this.#rowCount < TRIAL_ROWS) return false
    return this.#plan.groups.length > 0 && this.#states.count > MAX_GROUPS_A_ROW * this.#rowCount
  }

  *#giveUp(): Generator<Batch> {
    yield* this.#results()
    this.#reset()
    this.#isPassing = true
  }

  *#pass(batch: Batch): Generator<Batch> {
    const states = this.#empty()
    const columns: Column[] = []
    try {
      columns.push(...this.#program.addEach(batch, states))
      this.#plan.aggregates.forEach((_, index) => columns.push(...states.states(index, 0, batch.rowCount)))
      yield { schema: this.#plan.schema, rowCount: batch.rowCount, columns: columns.splice(0) }
    } finally {
      columns.forEach(releaseColumn)
      states.close()
    }
  }

  #add(batch: Batch): void {
    this.#rowCount += batch.rowCount
    const before = this.#budget.held
    this.#program.add(batch, this.#states)
    this.#growth = Math.max(0, this.#budget.held - before)
  }

  async #spillAndAdd(batch: Batch): Promise<void> {
    await this.#spillStates()
    this.#add(batch)
  }

  async #spillStates(): Promise<void> {
    this.#spill ??= await GroupSpill.open(this.#parts, 0)
    await this.#spill.add(this.#states)
    this.#reset()
  }

  /** A partial phase may give its groups more than once. */
  *#emitAndAdd(batch: Batch): Generator<Batch> {
    yield* this.#results()
    this.#reset()
    this.#add(batch)
  }

  #reset(): void {
    this.#rowCount = 0
    const full = this.#states
    this.#states = this.#empty()
    full.close()
    this.#budget.settle()
  }

  *#results(): Generator<Batch> {
    const { count } = this.#states
    const { batchRows } = this.#parts
    for (let from = 0; from < count; from += batchRows)
      yield this.#output(this.#states, from, Math.min(batchRows, count - from))
  }

  async *#spilledResults(spill: GroupSpill): AsyncGenerator<Batch> {
    await this.#spillStates()
    yield* spill.output()
  }

  #empty(): GroupStates {
    const { groupTypes, specs, budget } = this.#parts
    return new GroupStates(groupTypes, specs, { charge: budget.charge, watchesDistinct: true })
  }

  #output(states: GroupStates, from: number, n: number): Batch {
    const columns: Column[] = []
    try {
      columns.push(...states.keys(from, n))
      this.#plan.aggregates.forEach((_, index) => {
        if (this.#plan.mode === 'partial') columns.push(...states.states(index, from, n))
        else columns.push(states.finish(index, from, n))
      })
      return { schema: this.#plan.schema, rowCount: n, columns }
    } catch (error) {
      columns.forEach(releaseColumn)
      throw error
    }
  }
}
