/** What a coordinator remembers of its writes, so that another one can end them, and so that a write that is tried again is done once. */
import type { FileTarget, WriteIntent } from '../catalog/table-write.js'
import type { WriteOutcome } from './write-state.js'

export interface StoredWrite {
  readonly intent: WriteIntent
  /** Absent: not decided, as far as is known. */
  readonly outcome?: WriteOutcome
  /** Somebody may still be at work on it. */
  readonly isRunning: boolean
}

/** Everything lasts when the call resolves. */
export interface WriteIntents {
  /** The write with this key and target, unless it was aborted: then the key is free. Only for intents with a key. */
  find(intent: WriteIntent): Promise<StoredWrite | undefined>
  /** Before anything is staged. WRITE_CONFLICT if the key has been taken meanwhile. */
  begin(intent: WriteIntent): Promise<void>
  record(intent: WriteIntent, outcome: WriteOutcome): Promise<void>
  /** Nothing of it is staged any more. Its outcome stays with its key. */
  forget(intent: WriteIntent): Promise<void>
  /** Those that nobody will end: with a target, at least those that stage beside it. */
  abandoned(target?: FileTarget): Promise<readonly StoredWrite[]>
}

/** Of one process, for as long as it lives. */
export class MemoryIntents implements WriteIntents {
  readonly #writes = new Map<string, StoredWrite>()

  async find({ idempotencyKey, target }: WriteIntent): Promise<StoredWrite | undefined> {
    return [...this.#writes.values()].find(
      ({ intent, outcome }) =>
        intent.idempotencyKey === idempotencyKey && intent.target.path === target.path && outcome?.kind !== 'aborted',
    )
  }

  async begin(intent: WriteIntent): Promise<void> {
    this.#writes.set(intent.writeId, { intent, isRunning: true })
  }

  async record(intent: WriteIntent, outcome: WriteOutcome): Promise<void> {
    this.#writes.set(intent.writeId, { intent, outcome, isRunning: true })
  }

  async forget({ idempotencyKey, writeId }: WriteIntent): Promise<void> {
    if (idempotencyKey === undefined) this.#writes.delete(writeId)
  }

  async abandoned(): Promise<readonly StoredWrite[]> {
    return []
  }
}
