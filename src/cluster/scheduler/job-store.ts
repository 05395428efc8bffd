/**
 * Records of jobs that outlive their scheduler: those that have ended, and those that had not when it was killed. What a job needs to run
 * again is with its client, and what its write has come to with the write's intent: the record is for people, and may be a moment late.
 */
import type { Clock } from '../../common/clock.js'
import { fail } from '../../common/errors.js'
import type { Logger } from '../../common/log.js'
import { decodeWire, encodeWire } from '../../common/wire.js'
import type { KeyValueStore } from '../../kv/kv-store.js'
import type { JobRecord, OperatorText } from './job-record.js'

const LIVE = 'job/live/'
const ENDED = 'job/ended/'

export interface JobStoreOptions {
  readonly store: KeyValueStore
  readonly clock: Clock
  readonly log: Logger
}

export class JobStore {
  private readonly options: JobStoreOptions

  private constructor(options: JobStoreOptions) {
    this.options = options
  }

  /** Jobs that were alive when the store was left have failed with SCHEDULER_RESTARTED when it resolves. */
  static async open(options: JobStoreOptions): Promise<JobStore> {
    const { clock, log, store } = options
    const wallMs = clock.wallMs()
    const interrupted = await store.transact(transaction => {
      const live = [...transaction.scan(LIVE)]
      for (const { key, value } of live) {
        const record = failedAt(decoded(value), wallMs)
        transaction.delete(key)
        transaction.put(endedKey(record), encoded(record))
      }
      return live.length
    })
    if (interrupted > 0) log.warn('jobs were interrupted', { jobs: interrupted })
    return new JobStore(options)
  }

  /** Oldest first. */
  ended(): readonly JobRecord[] {
    return Array.from(this.options.store.scan(ENDED), ({ value }) => decoded(value))
  }

  began(record: JobRecord): void {
    this.keep(store => store.transact(transaction => transaction.put(LIVE + record.jobId, encoded(record))))
  }

  hasEnded(record: JobRecord): void {
    this.keep(store =>
      store.transact(transaction => {
        transaction.delete(LIVE + record.jobId)
        transaction.put(endedKey(record), encoded(record))
      }),
    )
  }

  forget(records: readonly JobRecord[]): void {
    this.keep(store => store.transact(transaction => records.forEach(record => transaction.delete(endedKey(record)))))
  }

  /** Nobody waits for it: transactions are in order. */
  private keep(change: (store: KeyValueStore) => Promise<void>): void {
    const { log, store } = this.options
    change(store).catch((error: unknown) => log.warn('a job was not recorded', { error: (error as Error).message }))
  }
}

const endedKey = ({ endedAtMs = 0, jobId }: JobRecord): string =>
  `${ENDED}${String(Math.trunc(endedAtMs)).padStart(15, '0')}-${jobId}`

const failedAt = (record: JobRecord, wallMs: number): JobRecord => ({
  ...record,
  phase: 'failed',
  endedAtMs: wallMs,
  elapsedMs: Math.max(0, wallMs - record.submittedAtMs),
  error: fail('SCHEDULER_RESTARTED').toInfo(),
})

type StoredRecord = Omit<JobRecord, 'plans'> & {
  readonly plans: Omit<JobRecord['plans'], 'operators'> & {
    readonly operators: readonly (readonly [number, readonly OperatorText[]])[]
  }
}

const encoded = (record: JobRecord): Uint8Array =>
  encodeWire({
    ...record,
    plans: { ...record.plans, operators: [...record.plans.operators] },
  } satisfies StoredRecord)

function decoded(bytes: Uint8Array): JobRecord {
  const record = decodeWire(bytes, 'the store') as StoredRecord
  return { ...record, plans: { ...record.plans, operators: new Map(record.plans.operators) } }
}
