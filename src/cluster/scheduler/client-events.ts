/** What the client of a job is told over its call, which is gone when the client is. */
import type { CommittedWrite } from '../../catalog/table-write.js'
import type { BallistaError } from '../../common/errors.js'
import { encodeWire } from '../../common/wire.js'
import type { SubmitCall } from '../../exchange/grpc.js'
import type { QueryEvent } from '../../exchange/proto/messages.js'
import { encodeError } from '../../exchange/protocol.js'
import type { JobSummary } from './job-record.js'

export function tell(call: SubmitCall, event: QueryEvent): void {
  if (call.writable) call.write(event)
}

export const progressEvent = (summary: JobSummary): QueryEvent => ({ progress: { job: encodeWire(summary) } })

export const failedEvent = (error: BallistaError): QueryEvent => ({ failed: { error: encodeError(error) } })

export interface Finished {
  /** Rows that stand for the result of the stages. */
  readonly explanation?: readonly (readonly string[])[] | undefined
  /** Without an explanation, its count is the one row. */
  readonly written?: CommittedWrite | undefined
}

export function finishedEvent({ explanation, written }: Finished): QueryEvent {
  const rows = explanation ?? (written === undefined ? undefined : [[String(written.rows)]])
  return { finished: { explanation: rows === undefined ? new Uint8Array(0) : encodeWire(rows) } }
}
