/** Small operators over batches of one INT column, with a reference for each over plain lists, for the runtime's tests. */
import type { Batch } from '../../src/arrow/batch.js'
import { batchFromValues, columnValues, releaseBatch, retainBatch } from '../../src/arrow/column.js'
import { field, schemaOf } from '../../src/arrow/schema.js'
import { INT32 } from '../../src/arrow/types.js'
import { fail } from '../../src/common/errors.js'
import { FINISHED, type Operator, type Output } from '../../src/runtime/operator.js'
import type { PlanLike, RunnableOperator } from '../../src/runtime/pipeline.js'

export const NUMBERS = schemaOf(field('n', INT32))

export const numbers = (values: readonly number[]): Batch => batchFromValues(NUMBERS, [values])
export const valuesOf = (batch: Batch): number[] => columnValues(batch.columns[0]) as number[]

/** What the operators of one run did. */
export interface Journal {
  opened: number
  closed: number
  /** Batches that sources gave. */
  pulled: number
  sourcesOpened: number
  sourcesClosed: number
}

export const journal = (): Journal => ({ opened: 0, closed: 0, pulled: 0, sourcesOpened: 0, sourcesClosed: 0 })

export type FakePlan = PlanLike &
  (
    | {
        readonly kind: 'Numbers'
        readonly batches: readonly (readonly number[])[]
        readonly slow: boolean
        readonly failAt?: number
      }
    | { readonly kind: 'Add'; readonly amount: number; readonly style: 'generator' | 'array' | 'async' }
    | { readonly kind: 'Repeat'; readonly times: number; readonly async: boolean }
    | { readonly kind: 'DropOdd' }
    | { readonly kind: 'Buffer'; readonly count: number }
    | { readonly kind: 'Limit'; readonly rows: number }
    | { readonly kind: 'Fail'; readonly at: number; readonly where: 'push' | 'middle' | 'finish' | 'close' }
    | { readonly kind: 'Concat' }
    | { readonly kind: 'CrossSum' }
  )

/** A FakePlan without schema and children. */
export type FakeNode = FakePlan extends infer P ? (P extends FakePlan ? Omit<P, 'schema' | 'children'> : never) : never

export const plan = (node: FakeNode, ...children: FakePlan[]): FakePlan =>
  ({ ...node, schema: NUMBERS, children }) as FakePlan

const turn = (): Promise<void> => new Promise(resolve => void setImmediate(resolve))

async function* source(node: Extract<FakePlan, { kind: 'Numbers' }>, log: Journal): AsyncGenerator<Batch> {
  log.sourcesOpened++
  try {
    for (const [i, batch] of node.batches.entries()) {
      if (node.slow) await turn()
      if (i === node.failAt) throw fail('INVALID_ARGUMENT', ['source failed'])
      log.pulled++
      yield numbers(batch)
    }
  } finally {
    log.sourcesClosed++
  }
}

/** Counts opens and closes, and checks that nothing is called after close. */
function tracked(log: Journal, operator: Operator): Operator {
  log.opened++
  let open = true
  const checked = (): void => {
    if (!open) throw new Error('called after close')
  }
  return {
    push(batch) {
      checked()
      return operator.push(batch)
    },
    finish() {
      checked()
      return operator.finish?.()
    },
    close() {
      checked()
      open = false
      log.closed++
      operator.close?.()
    },
  }
}

function add(node: Extract<FakePlan, { kind: 'Add' }>): Operator {
  const apply = (batch: Batch): Batch => numbers(valuesOf(batch).map(value => value + node.amount))
  switch (node.style) {
    case 'generator':
      return {
        *push(batch) {
          yield apply(batch)
        },
      }
    case 'array':
      return { push: batch => [apply(batch)] }
    case 'async':
      return {
        async *push(batch) {
          await turn()
          yield apply(batch)
          await turn()
        },
      }
  }
}

function repeat(node: Extract<FakePlan, { kind: 'Repeat' }>): Operator {
  function* copies(batch: Batch): Generator<Batch> {
    for (let i = 0; i < node.times; i++) yield numbers(valuesOf(batch))
  }
  async function* slowCopies(batch: Batch): AsyncGenerator<Batch> {
    for (const copy of copies(batch)) {
      yield copy
      await turn()
    }
  }
  return { push: node.async ? slowCopies : copies }
}

function dropOdd(): Operator {
  return {
    *push(batch) {
      yield numbers(valuesOf(batch).filter(value => value % 2 === 0))
    },
  }
}

/** Holds batches and gives them in groups of `count`. */
function buffer(count: number): Operator {
  const held: Batch[] = []
  function* flush(): Generator<Batch> {
    for (let batch = held.shift(); batch !== undefined; batch = held.shift()) yield batch
  }
  return {
    push(batch): Output {
      retainBatch(batch)
      held.push(batch)
      return held.length < count ? undefined : flush()
    },
    finish: flush,
    close: () => held.splice(0).forEach(releaseBatch),
  }
}

function limit(rows: number): Operator {
  let left = rows
  return {
    *push(batch) {
      const values = valuesOf(batch).slice(0, left)
      left -= values.length
      yield numbers(values)
      if (left === 0) yield FINISHED
    },
  }
}

function failing(node: Extract<FakePlan, { kind: 'Fail' }>): Operator {
  let pushed = 0
  const failure = (): Error => fail('INVALID_ARGUMENT', [`failed in ${node.where}`])
  return {
    *push(batch) {
      const now = pushed++ === node.at
      if (now && node.where === 'push') throw failure()
      yield numbers(valuesOf(batch))
      if (now && node.where === 'middle') throw failure()
    },
    finish() {
      if (node.where === 'finish') throw failure()
      return undefined
    },
    close() {
      if (node.where === 'close') throw failure()
    },
  }
}

class BuildSum {
  total = 0
  closed = 0
  readonly #log: Journal
  constructor(log: Journal) {
    this.#log = log
    log.opened++
  }
  close(): void {
    this.#log.closed++
  }
}

/** The table of fake operators over one journal. */
export function fakeOperators(log: Journal): RunnableOperator[] {
  const transform = <K extends FakePlan['kind']>(
    kind: K,
    make: (node: Extract<FakePlan, { kind: K }>) => Operator,
  ): RunnableOperator => ({ kind, open: node => tracked(log, make(node as Extract<FakePlan, { kind: K }>)) })
  return [
    { kind: 'Numbers', source: node => source(node as Extract<FakePlan, { kind: 'Numbers' }>, log) },
    {
      kind: 'Concat',
      async *source(_node, _ctx, inputs) {
        for (const input of inputs) yield* input
      },
    },
    {
      kind: 'CrossSum',
      build: {
        state: () => new BuildSum(log),
        sink: state => ({
          push(batch) {
            for (const value of valuesOf(batch)) (state as BuildSum).total += value
          },
          finish: () => undefined,
        }),
      },
      open: (_node, _ctx, state) =>
        tracked(log, {
          *push(batch) {
            yield numbers(valuesOf(batch).map(value => value + (state as BuildSum).total))
          },
        }),
    },
    transform('Add', add),
    transform('Repeat', repeat),
    transform('DropOdd', dropOdd),
    transform('Buffer', node => buffer(node.count)),
    transform('Limit', node => limit(node.rows)),
    transform('Fail', failing),
  ]
}

export interface Expected {
  /** What comes out if nothing fails, batch by batch, in order. */
  readonly batches: readonly (readonly number[])[]
  /** `maybe`: an early end above may stop the plan before it fails. */
  readonly fails: 'no' | 'maybe' | 'yes'
}

/** What a plan gives, computed over plain lists. */
export function reference(node: FakePlan): Expected {
  const inputs = node.children.map(child => reference(child as FakePlan))
  const some = inputs.some(input => input.fails === 'yes')
    ? 'yes'
    : inputs.some(input => input.fails === 'maybe')
      ? 'maybe'
      : 'no'
  const result = (batches: readonly (readonly number[])[], fails: Expected['fails'] = some): Expected => ({
    batches: batches.filter(batch => batch.length > 0),
    fails,
  })
  const map = (change: (value: number) => number): Expected =>
    result(inputs[inputs.length - 1].batches.map(batch => batch.map(change)))
  switch (node.kind) {
    case 'Numbers':
      return result(node.batches, node.failAt !== undefined && node.failAt < node.batches.length ? 'yes' : 'no')
    case 'Add':
      return map(value => value + node.amount)
    case 'Repeat':
      return result(inputs[0].batches.flatMap(batch => Array<readonly number[]>(node.times).fill(batch)))
    case 'DropOdd':
      return result(inputs[0].batches.map(batch => batch.filter(value => value % 2 === 0)))
    case 'Buffer':
      return inputs[0]
    case 'Limit':
      return result(firstRows(inputs[0].batches, node.rows), some === 'no' ? 'no' : 'maybe')
    case 'Fail': {
      const reached = node.where === 'finish' || node.where === 'close' || inputs[0].batches.length > node.at
      return result(inputs[0].batches, reached ? 'yes' : some)
    }
    case 'Concat':
      return result(inputs.flatMap(input => input.batches))
    case 'CrossSum': {
      const total = inputs[0].batches.flat().reduce((sum, value) => sum + value, 0)
      return map(value => value + total)
    }
  }
}

function firstRows(batches: readonly (readonly number[])[], rows: number): number[][] {
  let left = rows
  return batches.map(batch => {
    const taken = batch.slice(0, left)
    left -= taken.length
    return taken
  })
}
