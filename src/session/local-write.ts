/** A write whose tasks run in this process: they stage, then the coordinator commits. */
import type { Batch } from '../arrow/batch.js'
import { releaseBatch } from '../arrow/column.js'
import type { CommittedWrite, WriteIntent } from '../catalog/table-write.js'
import { invariant } from '../common/invariant.js'
import { fail, toBallistaError } from '../common/errors.js'
import type { WriteCoordinator } from '../commit/coordinator.js'
import type { StagePlan, TaskReport } from '../exchange/stage.js'

export interface LocalWrite {
  readonly intent: WriteIntent
  readonly stages: readonly StagePlan[]
  /** Those of all tasks, when their batches have ended. */
  readonly reports: readonly TaskReport[]
  readonly batches: AsyncIterable<Batch>
}

/** Gives no batches. When it ends, the rows are in their table; leaving it, or a failure, leaves nothing of them. */
export async function* localWrite(
  coordinator: WriteCoordinator,
  { batches, intent, reports, stages }: LocalWrite,
  onWritten: (written: CommittedWrite) => void | Promise<void>,
): AsyncGenerator<Batch, void, undefined> {
  const known = await coordinator.begin(intent)
  if (known !== undefined) return onWritten(known)
  let why = fail('CANCELLED', ['the consumer has left'])
  try {
    for await (const batch of batches) releaseBatch(batch)
    const tasks = stages.reduce((sum, { taskCount }) => sum + taskCount, 0)
    invariant(reports.length === tasks, `${reports.length} of ${tasks} tasks of a write have reported`)
    await onWritten(
      await coordinator.commit(
        intent,
        reports.flatMap(({ parts = [] }) => parts),
      ),
    )
    yield* []
  } catch (error) {
    why = toBallistaError(error)
    throw error
  } finally {
    await coordinator.abort(intent, why)
  }
}
