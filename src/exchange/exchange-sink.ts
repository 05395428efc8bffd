/** ExchangeSinkExec: the root of every stage; divides rows over the consumers' partitions and sends them down its edges. */
import type { Batch } from '../arrow/batch.js'
import { releaseBatch, releaseColumn, retainBatch } from '../arrow/column.js'
import { partitionBatch } from '../arrow/hash.js'
import type { Schema } from '../arrow/schema.js'
import { sliceBatch } from '../arrow/take.js'
import { fail, toBallistaError, withContext } from '../common/errors.js'
import { compileExprs } from '../expr/compile.js'
import { displayPartitioning } from '../physical/operators/exchange.js'
import { defineOperator } from '../physical/plan.js'
import { FINISHED, type Sink } from '../runtime/operator.js'
import type { ExchangeWriter, TaskContext } from '../runtime/task-context.js'
import { partitionCountOf, type EdgeOutput, type EdgePartitioning, type ExchangeSinkExec } from './stage.js'

export const exchangeSinkOperator = defineOperator<ExchangeSinkExec>({
  kind: 'ExchangeSinkExec',
  properties: (_plan, [input]) => input,
  details: plan => plan.outputs.map(displayOutput).join('; '),
  sink: (plan, ctx) => new ExchangeSink(plan, ctx),
  samples: () => [],
})

/** `edge=3, partitioning=single, materialized`. */
function displayOutput({ edge, partitioning, columns, materialized, spillable }: EdgeOutput): string {
  const sent = columns === undefined ? '' : `, columns=[${columns.join(', ')}]`
  const storage = materialized === true ? ', materialized' : spillable === true ? ', spillable' : ''
  return `edge=${edge}, partitioning=${displayPartitioning(partitioning)}${sent}${storage}`
}

/** A whole batch of a wide table takes long on its way through a network; so many rows fill a screen. */
const FIRST_ROWS = 4096

class ExchangeSink implements Sink {
  private readonly edges: readonly OpenEdge[]
  private readonly signal: AbortSignal
  private readonly place: string
  /** Somebody waits for the first rows of a plain scan. */
  private isAwaited: boolean
  /** A write that waits for a slow consumer lets go when the task is aborted. */
  private readonly letGo: () => void

  constructor(plan: ExchangeSinkExec, ctx: TaskContext) {
    this.edges = plan.outputs.map(output => new OpenEdge(output, plan.schema, ctx))
    this.signal = ctx.signal
    this.isAwaited = plan.onDemand === true
    this.place = `stage ${ctx.stage}, partition ${ctx.partition}`
    this.letGo = () => this.fail(ctx.signal.reason)
    ctx.signal.addEventListener('abort', this.letGo, { once: true })
  }

  async push(batch: Batch): Promise<typeof FINISHED | void> {
    if (this.isAwaited && batch.rowCount > FIRST_ROWS) await this.sendFirst(batch)
    else await this.send(batch)
    this.isAwaited = false
    return this.edges.every(edge => edge.isClosed) ? FINISHED : undefined
  }

  private async send(batch: Batch): Promise<void> {
    await Promise.all(this.edges.map(edge => edge.send(batch)))
  }

  /** A few rows, then the others. */
  private async sendFirst(batch: Batch): Promise<void> {
    for (const [from, to] of [
      [0, FIRST_ROWS],
      [FIRST_ROWS, batch.rowCount],
    ]) {
      const part = sliceBatch(batch, from, to)
      try {
        await this.send(part)
      } finally {
        releaseBatch(part)
      }
    }
  }

  async finish(): Promise<void> {
    await Promise.all(this.edges.map(edge => edge.writer.end()))
  }

  close(error?: Error): void {
    this.signal.removeEventListener('abort', this.letGo)
    if (error !== undefined) this.fail(error)
  }

  /** Consumers see what failed here, not merely that something did. */
  private fail(reason: unknown): void {
    const error = reason instanceof Error ? toBallistaError(reason) : fail('CANCELLED', ['the task was aborted'])
    for (const { writer } of this.edges) writer.fail(withContext(error, this.place))
  }
}

class OpenEdge {
  readonly writer: ExchangeWriter
  /** No partition wants more. */
  isClosed = false
  private readonly divide: Divide

  constructor({ partitioning, columns, ...output }: EdgeOutput, schema: Schema, ctx: TaskContext) {
    const partitionCount = partitionCountOf(partitioning)
    const sent = columns === undefined ? schema : { fields: columns.map(column => schema.fields[column]) }
    this.writer = ctx.exchange.openWriter({ ...output, schema: sent, partitionCount })
    const divide = divider(partitioning, schema, ctx.partition)
    this.divide = columns === undefined ? divide : narrow(divide, columns, sent)
  }

  /** Borrows the batch. */
  async send(batch: Batch): Promise<void> {
    if (this.isClosed) return
    this.isClosed = (await this.writer.write(this.divide(batch))) === 'closed'
  }
}

/** The parts of a batch by partition, each with a reference of its own; empty parts are undefined. */
type Divide = (batch: Batch) => readonly (Batch | undefined)[]

/** `task`: several producers begin their turns at different partitions. */
function divider(partitioning: EdgePartitioning, schema: Schema, task: number): Divide {
  const count = partitionCountOf(partitioning)
  if (partitioning.kind === 'roundRobin') {
    let turn = task
    return batch => {
      retainBatch(batch)
      const parts = Array.from<Batch | undefined>({ length: count })
      parts[turn++ % count] = batch
      return parts
    }
  }
  if (partitioning.kind !== 'hash' || count === 1) return toEach(count)
  const keys = compileExprs(partitioning.exprs, schema)
  return batch => {
    const columns = keys.evaluate(batch)
    try {
      return partitionBatch(batch, columns, count)
    } finally {
      columns.forEach(releaseColumn)
    }
  }
}

/** Divides batches of only some of the columns. */
const narrow =
  (divide: Divide, columns: readonly number[], schema: Schema): Divide =>
  batch =>
    divide({ schema, rowCount: batch.rowCount, columns: columns.map(column => batch.columns[column]) })

const toEach =
  (count: number): Divide =>
  batch =>
    Array.from({ length: count }, () => {
      retainBatch(batch)
      return batch
    })
