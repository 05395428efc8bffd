/** ExchangeSinkExec: the root of every stage; divides rows over the consumer's partitions and sends them down the edge. */
import type { Batch } from '../arrow/batch.js'
import { releaseColumn, retainBatch } from '../arrow/column.js'
import { partitionBatch } from '../arrow/hash.js'
import { fail, toBallistaError, withContext } from '../common/errors.js'
import { compileExprs } from '../expr/compile.js'
import { displayExpr } from '../expr/display.js'
import { defineOperator } from '../physical/plan.js'
import { FINISHED, type Sink } from '../runtime/operator.js'
import type { ExchangeWriter, TaskContext } from '../runtime/task-context.js'
import { partitionCountOf, type EdgePartitioning, type ExchangeSinkExec } from './stage.js'

export const exchangeSinkOperator = defineOperator<ExchangeSinkExec>({
  kind: 'ExchangeSinkExec',
  properties: (_plan, [input]) => input,
  details: plan => `edge=${plan.edge}, partitioning=${displayPartitioning(plan.partitioning)}`,
  sink: (plan, ctx) => new ExchangeSink(plan, ctx),
  samples: () => [],
})

/** `single`, `broadcast to 8`, or `hash(a@0, b@1) into 8`. */
export function displayPartitioning(partitioning: EdgePartitioning): string {
  if (partitioning.kind === 'single') return 'single'
  if (partitioning.kind === 'broadcast') return `broadcast to ${partitioning.count}`
  return `hash(${partitioning.exprs.map(displayExpr).join(', ')}) into ${partitioning.count}`
}

class ExchangeSink implements Sink {
  private readonly writer: ExchangeWriter
  private readonly divide: (batch: Batch) => (Batch | undefined)[]
  private readonly closed: boolean[]
  private readonly signal: AbortSignal
  private readonly place: string
  /** A write that waits for a slow consumer lets go when the task is aborted. */
  private readonly letGo: () => void

  constructor(plan: ExchangeSinkExec, ctx: TaskContext) {
    const count = partitionCountOf(plan.partitioning)
    this.writer = ctx.exchange.openWriter(plan.edge, count, plan.schema)
    this.divide = divider(plan)
    this.closed = Array.from({ length: count }, () => false)
    this.signal = ctx.signal
    this.place = `stage ${ctx.stage}, partition ${ctx.partition}`
    this.letGo = () => this.fail(ctx.signal.reason)
    ctx.signal.addEventListener('abort', this.letGo, { once: true })
  }

  async push(batch: Batch): Promise<typeof FINISHED | void> {
    const parts = this.divide(batch)
    await Promise.all(parts.map((part, partition) => this.write(partition, part)))
    return this.closed.every(Boolean) ? FINISHED : undefined
  }

  private async write(partition: number, part: Batch | undefined): Promise<void> {
    if (part === undefined) return
    if ((await this.writer.write(partition, part)) === 'closed') this.closed[partition] = true
  }

  finish(): Promise<void> {
    return this.writer.end()
  }

  close(error?: Error): void {
    this.signal.removeEventListener('abort', this.letGo)
    if (error !== undefined) this.fail(error)
  }

  /** Consumers see what failed here, not merely that something did. */
  private fail(reason: unknown): void {
    const error = reason instanceof Error ? toBallistaError(reason) : fail('CANCELLED', ['the task was aborted'])
    this.writer.fail(withContext(error, this.place))
  }
}

/** The parts of a batch by partition, each with a reference of its own; empty parts are undefined. */
function divider(plan: ExchangeSinkExec): (batch: Batch) => (Batch | undefined)[] {
  const { partitioning, schema } = plan
  if (partitioning.kind !== 'hash' || partitioning.count === 1) {
    const count = partitionCountOf(partitioning)
    return batch =>
      Array.from({ length: count }, () => {
        retainBatch(batch)
        return batch
      })
  }
  const keys = compileExprs(partitioning.exprs, schema)
  return batch => {
    const columns = keys.evaluate(batch)
    try {
      return partitionBatch(batch, columns, partitioning.count)
    } finally {
      columns.forEach(releaseColumn)
    }
  }
}
