/** Runs writes through the commit protocol: the one place that decides whether staged parts become visible. */
import type { CommittedWrite, FileTarget, StagedPart, TableCommitter, WriteIntent } from '../catalog/table-write.js'
import { deferred, type Deferred } from '../common/deferred.js'
import { BallistaError, fail, toBallistaError, type ErrorCode } from '../common/errors.js'
import type { StoredWrite, WriteIntents } from './write-intents.js'
import { nextStep, staging, stepWrite, type WriteEvent, type WriteState, type WriteStep } from './write-state.js'

export interface CoordinatorOptions {
  readonly intents: WriteIntents
  /** One for each kind of target. */
  readonly committers: readonly TableCommitter[]
  /** Between their begin and their end, by id; default: those of this process, whichever of its sessions they belong to. */
  readonly running?: RunningWrites
}

interface RunningWrite {
  readonly state: WriteState
  readonly ended: Deferred<void>
}

export type RunningWrites = Map<string, RunningWrite>

const OF_THIS_PROCESS: RunningWrites = new Map()

/** Publishing fails for good: it has done nothing, and another time will not be better. */
const FINAL: ReadonlySet<ErrorCode> = new Set(['FILE_EXISTS', 'WRITE_CONFLICT'])

/** How often a step after the manifest is tried before it is left to who comes next. */
const MAX_TRIES = 3

/**
 * For each write either `begin`, then `commit` or `abort`, exactly one of them; `abort` may also come after a `commit`
 * that failed. All parts of one write come from one attempt of its query.
 */
export class WriteCoordinator {
  readonly #intents: WriteIntents
  readonly #committers: readonly TableCommitter[]
  readonly #running: RunningWrites

  constructor({ intents, committers, running = OF_THIS_PROCESS }: CoordinatorOptions) {
    this.#running = running
    this.#intents = intents
    this.#committers = committers
  }

  /**
   * Ends what was left behind beside the target, then makes place for staging. Gives what an earlier write with the same key has
   * written, for which it waits while that one runs in this process: then this one is over. Throws WRITE_CONFLICT while it runs in
   * another process, and what the committer throws.
   */
  async begin(intent: WriteIntent): Promise<CommittedWrite | undefined> {
    const committer = this.committerOf(intent.target)
    await this.recover(intent.target)
    const earlier = intent.idempotencyKey === undefined ? undefined : await this.#earlier(intent)
    if (earlier !== undefined) return earlier
    // Before others can find the intent: sessions of this process would take it for one that was left behind.
    this.#enter(intent, staging)
    try {
      await this.#intents.begin(intent)
    } catch (error) {
      this.#leave(intent)
      // Another one has taken the key meanwhile.
      if (toBallistaError(error).code === 'WRITE_CONFLICT') return this.begin(intent)
      throw error
    }
    try {
      await committer.begin(intent)
    } catch (error) {
      await this.abort(intent, toBallistaError(error))
      throw error
    }
    return undefined
  }

  /** Makes the parts visible. What it throws says that nothing of them is, or (WRITE_UNFINISHED) that they will be later. */
  async commit(intent: WriteIntent, parts: readonly StagedPart[]): Promise<CommittedWrite> {
    const outcome = await this.#end(intent, { kind: 'sealed', parts: withRows(parts) })
    if (outcome.kind === 'committed') return outcome
    throw new BallistaError(outcome.error)
  }

  /** Leaves nothing of what was staged. What cannot be removed now is removed before the next write. Never throws. */
  async abort(intent: WriteIntent, why: BallistaError): Promise<void> {
    if (!this.#running.has(intent.writeId)) return
    await this.#end(intent, { kind: 'failed', error: why.toInfo() }).catch(() => undefined)
  }

  /** Ends the writes whose coordinator has ended, forward or back; of one target, or all that are known. */
  async recover(target?: FileTarget): Promise<void> {
    for (const { intent, outcome } of await this.#intents.abandoned(target)) {
      if (this.#running.has(intent.writeId)) continue
      this.#enter(intent, outcome === undefined ? { phase: 'found' } : { phase: 'found', outcome })
      await this.#drive(intent)
    }
  }

  /** NOT_SUPPORTED for a kind of target that no committer knows. */
  committerOf({ kind }: FileTarget): TableCommitter {
    const committer = this.#committers.find(each => each.kind === kind)
    if (committer !== undefined) return committer
    throw fail('NOT_SUPPORTED', [`writing to a table of the kind '${kind}' without the extension that knows it`])
  }

  /** What the write with the same key has come to; undefined: there is none, or nothing of it is visible. */
  async #earlier(intent: WriteIntent): Promise<CommittedWrite | undefined> {
    for (;;) {
      const known = await this.#intents.find(intent)
      if (known === undefined) return undefined
      if (known.outcome?.kind === 'committed') return known.outcome
      const running = this.#running.get(known.intent.writeId)
      if (running === undefined) throw fail('WRITE_CONFLICT', [intent.target.path, 'the same write is under way'])
      await running.ended.promise
    }
  }

  #enter({ writeId }: WriteIntent, state: WriteState): void {
    this.#running.set(writeId, { state, ended: this.#running.get(writeId)?.ended ?? deferred() })
  }

  #leave({ writeId }: WriteIntent): void {
    this.#running.get(writeId)?.ended.resolve()
    this.#running.delete(writeId)
  }

  async #end(intent: WriteIntent, event: WriteEvent): Promise<NonNullable<StoredWrite['outcome']>> {
    this.#enter(intent, stepWrite(this.#running.get(intent.writeId)?.state ?? staging, event))
    return this.#drive(intent)
  }

  /** Goes on to the end. A write that cannot get there now is left as it is, to be found by `recover`. */
  async #drive(intent: WriteIntent): Promise<NonNullable<StoredWrite['outcome']>> {
    const { writeId } = intent
    let state = this.#running.get(writeId)?.state ?? staging
    try {
      for (let step = nextStep(state); step !== undefined; step = nextStep(state)) {
        state = stepWrite(state, await this.#perform(intent, step, state))
        this.#enter(intent, state)
      }
    } catch (error) {
      // What is decided and recorded stays so; what is left of its files is removed before the next write.
      if (state.phase === 'recorded') return state.outcome
      const cause = toBallistaError(error)
      throw fail('WRITE_UNFINISHED', [intent.target.path, cause.message], { cause: error })
    } finally {
      this.#leave(intent)
    }
    if (state.phase === 'ended') return state.outcome
    throw fail('INTERNAL', [`write ${writeId} has stopped in phase ${state.phase}`])
  }

  async #perform(intent: WriteIntent, step: WriteStep, state: WriteState): Promise<WriteEvent> {
    const committer = this.committerOf(intent.target)
    switch (step) {
      case 'inspect':
        return { kind: 'inspected', isPrepared: await committer.isPrepared(intent) }
      case 'prepare':
        return prepare(committer, intent, state)
      case 'publish':
        return publish(committer, intent)
      case 'record':
        if (state.phase === 'decided') await repeated(() => this.#intents.record(intent, state.outcome))
        return { kind: 'recorded' }
      case 'clean':
        await repeated(() => committer.clean(intent))
        await repeated(() => this.#intents.forget(intent))
        return { kind: 'cleaned' }
    }
  }
}

/** Without files of no rows, unless there is no other. */
function withRows(parts: readonly StagedPart[]): readonly StagedPart[] {
  const filled = parts.filter(({ rows }) => rows > 0)
  return filled.length > 0 ? filled : parts.slice(0, 1)
}

async function prepare(committer: TableCommitter, intent: WriteIntent, state: WriteState): Promise<WriteEvent> {
  try {
    await committer.prepare(intent, state.phase === 'sealed' ? state.parts : [])
    return { kind: 'prepared' }
  } catch (error) {
    return { kind: 'failed', error: toBallistaError(error).toInfo() }
  }
}

async function publish(committer: TableCommitter, intent: WriteIntent): Promise<WriteEvent> {
  try {
    return { kind: 'published', written: await repeated(() => committer.publish(intent)) }
  } catch (error) {
    const cause = toBallistaError(error)
    if (FINAL.has(cause.code)) return { kind: 'failed', error: cause.toInfo() }
    throw error
  }
}

/** The first result of a few tries; what fails for good is tried once. */
async function repeated<T>(action: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await action()
    } catch (error) {
      if (tries >= MAX_TRIES || FINAL.has(toBallistaError(error).code)) throw error
    }
  }
}
