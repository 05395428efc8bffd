/** What the main thread and a worker thread say to each other about tasks. Batches travel as positions; bytes stay in the arena. */
import type { Batch, Column } from '../arrow/batch.js'
import type { Schema } from '../arrow/schema.js'
import type { ErrorInfo } from '../common/errors.js'
import type { MetricsRow } from '../runtime/metrics.js'
import type { EdgeToRead, EdgeToWrite } from '../runtime/task-context.js'
import type { EncodedBatch } from './encoded-batch.js'
import type { OutputPart } from './output-item.js'
import type { ReceivedBatch } from './received-batch.js'
import type { TaskReport, TaskSpec } from './stage.js'

/** A batch without its schema, which both ends of an edge know. */
export interface PortableBatch {
  readonly rowCount: number
  readonly columns: readonly Column[]
}

export const toPortable = (batch: Batch): PortableBatch => ({ rowCount: batch.rowCount, columns: batch.columns })
export const fromPortable = (batch: PortableBatch, schema: Schema): Batch => ({
  schema,
  rowCount: batch.rowCount,
  columns: batch.columns,
})

/** An output item without its schema. */
export type PortableItem =
  | { readonly kind: 'batch'; readonly batch: PortableBatch }
  | { readonly kind: 'encoded'; readonly encoded: EncodedBatch }

/** An OutputPart without its schema. */
export interface PortablePart {
  readonly partition: number
  readonly item: PortableItem
  readonly bytes: number
}

export const toPortablePart = ({ partition, item, bytes }: OutputPart): PortablePart => ({
  partition,
  item: item.kind === 'batch' ? { kind: 'batch', batch: toPortable(item.batch) } : item,
  bytes,
})

export const fromPortablePart = ({ partition, item, bytes }: PortablePart, schema: Schema): OutputPart => ({
  partition,
  item: item.kind === 'batch' ? { kind: 'batch', batch: fromPortable(item.batch, schema) } : item,
  bytes,
})

/** Where a batch goes. */
export interface ToReader {
  readonly task: number
  readonly reader: number
  /** The reader answers with `readCredit` when it has used the batch. */
  readonly wantsCredit: boolean
}

/** `task` numbers a run of a task in its host, `reader` the inputs that it has opened. `bytes` of credit messages count from the start of the channel. */
export type ToThread =
  | { readonly kind: 'run'; readonly task: number; readonly spec: TaskSpec; readonly writeLimit: number }
  | { readonly kind: 'cancel'; readonly task: number; readonly reason: ErrorInfo }
  /** Answered by `sampled`, unless the task has ended. */
  | { readonly kind: 'sample'; readonly task: number }
  /** The writer of `edge`: for `bytes` it need not wait any more, and for `limit` bytes beyond them it need not either. */
  | {
      readonly kind: 'writeCredit'
      readonly task: number
      readonly edge: number
      readonly bytes: number
      readonly limit: number
    }
  | { readonly kind: 'writeClosed'; readonly task: number; readonly edge: number; readonly partition: number }
  /** Batches of the partition (undefined: of all) are wanted encoded. */
  | {
      readonly kind: 'writeEncoded'
      readonly task: number
      readonly edge: number
      readonly partition: number | undefined
    }
  | { readonly kind: 'writeFailed'; readonly task: number; readonly edge: number; readonly error: ErrorInfo }
  /** Every consumer has acknowledged its end. */
  | { readonly kind: 'writeDrained'; readonly task: number; readonly edge: number }
  /** References of both stay in the sender's ledger until the thread has counted them as received. */
  | (ToReader & { readonly kind: 'batch'; readonly batch: PortableBatch; readonly bytes: number })
  | (ToReader & { readonly kind: 'received'; readonly received: ReceivedBatch })
  | { readonly kind: 'readEnd'; readonly task: number; readonly reader: number }
  | { readonly kind: 'readFailed'; readonly task: number; readonly reader: number; readonly error: ErrorInfo }

export type FromThread =
  | { readonly kind: 'openWriter'; readonly task: number; readonly output: EdgeToWrite }
  /** The references pass with the message. */
  | { readonly kind: 'write'; readonly task: number; readonly edge: number; readonly parts: readonly PortablePart[] }
  | { readonly kind: 'writeEnd'; readonly task: number; readonly edge: number }
  | { readonly kind: 'writeAbort'; readonly task: number; readonly edge: number; readonly error: ErrorInfo }
  | { readonly kind: 'openReader'; readonly task: number; readonly reader: number; readonly input: EdgeToRead }
  /** A batch came for a task that had ended: the thread has let it go. */
  | { readonly kind: 'batchDropped'; readonly task: number }
  /** It has used `bytes`. */
  | { readonly kind: 'readCredit'; readonly task: number; readonly reader: number; readonly bytes: number }
  | { readonly kind: 'closeReader'; readonly task: number; readonly reader: number }
  /** What its operators have counted so far. */
  | { readonly kind: 'sampled'; readonly task: number; readonly operators: readonly MetricsRow[] }
  /** `received`: batches that the thread had received by then, for whatever task. */
  | { readonly kind: 'done'; readonly task: number; readonly report: TaskReport; readonly received: number }
