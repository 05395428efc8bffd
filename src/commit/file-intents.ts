/**
 * Intents as files where the writes stage, for coordinators without a store: whoever writes next to a table ends what a process that is
 * no more has left there.
 *
 *   .t.staging/<write id>/INTENT.json   the intent and its process, until nothing is staged any more
 *   .t.staging/keys/<digest>.json       the write of an idempotency key, and its outcome, for a day
 */
import { createHash } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import type { FileTarget, WriteIntent } from '../catalog/table-write.js'
import type { Clock } from '../common/clock.js'
import { BallistaError, fail } from '../common/errors.js'
import { decodeWireText, encodeWireText } from '../common/wire.js'
import { stagingRoot } from '../formats/write-manifest.js'
import type { CommitFs } from './file-system.js'
import type { StoredWrite, WriteIntents } from './write-intents.js'
import type { WriteOutcome } from './write-state.js'

/** Which processes are still at work. */
export interface ProcessTable {
  /** Of this process: unlike that of any other, also on other hosts. */
  readonly self: string
  /** False only if it certainly runs no more. */
  isRunning(identity: string): boolean
}

interface IntentFile {
  readonly intent: WriteIntent
  readonly process: string
}

interface KeyFile {
  readonly writeId: string
  readonly outcome?: WriteOutcome
  readonly atMs: number
}

const INTENT = 'INTENT.json'
const TEMPORARY = 'INTENT.json.tmp'
const KEYS = 'keys'
const KEPT_MS = 24 * 3_600_000
const MAX_TRIES = 5

export class FileIntents implements WriteIntents {
  readonly #fs: CommitFs
  readonly #processes: ProcessTable
  readonly #clock: Clock
  /** For error messages. */
  readonly #host: string

  constructor(fs: CommitFs, processes: ProcessTable, clock: Clock, host: string) {
    this.#host = host
    this.#fs = fs
    this.#processes = processes
    this.#clock = clock
  }

  async find(intent: WriteIntent): Promise<StoredWrite | undefined> {
    const path = keyPath(intent)
    const known = path === undefined ? undefined : await this.#read<KeyFile>(path)
    if (path === undefined || known === undefined) return undefined
    const { outcome, writeId } = known
    const own = { ...intent, writeId }
    if (outcome?.kind === 'committed') return { intent: own, outcome, isRunning: false }
    // Without an outcome it runs, or has been aborted by who could not say so.
    const isStaged = (await this.#fs.read(join(stagingRoot(intent.target.path), writeId, INTENT))) !== undefined
    if (outcome === undefined && isStaged) return { intent: own, isRunning: true }
    await this.#fs.unlink(path)
    return undefined
  }

  async begin(intent: WriteIntent): Promise<void> {
    try {
      await this.#begin(intent)
    } catch (error) {
      await this.forget(intent).catch(() => undefined)
      if (error instanceof BallistaError) throw error
      throw fail('FILE_NOT_WRITABLE', [this.#host, intent.target.path, (error as Error).message], { cause: error })
    }
  }

  async #begin(intent: WriteIntent): Promise<void> {
    const root = stagingRoot(intent.target.path)
    const directory = join(root, intent.writeId)
    const file: IntentFile = { intent, process: this.#processes.self }
    await this.#createIn(directory, TEMPORARY, encoded(file), path => this.#fs.rename(path, join(directory, INTENT)))
    await this.#fs.sync(directory)
    await this.#fs.sync(root)
    const path = keyPath(intent)
    if (path !== undefined) await this.#take(path, intent)
  }

  async record(intent: WriteIntent, outcome: WriteOutcome): Promise<void> {
    const path = keyPath(intent)
    if (path === undefined) return
    if (outcome.kind === 'committed') {
      const name = temporaryKey(path, intent)
      const bytes = this.#keyFile(intent.writeId, outcome)
      await this.#createIn(dirname(path), name, bytes, temporary => this.#fs.rename(temporary, path))
    } else {
      const known = await this.#read<KeyFile>(path)
      // What has been committed is not undone by who found it under way.
      if (known?.writeId === intent.writeId && known.outcome === undefined) await this.#fs.unlink(path)
    }
    await this.#fs.sync(dirname(path))
  }

  async forget({ target, writeId }: WriteIntent): Promise<void> {
    const root = stagingRoot(target.path)
    for (const name of [INTENT, TEMPORARY]) await this.#fs.unlink(join(root, writeId, name))
    await this.#fs.removeDirectory(join(root, writeId))
    await this.#fs.removeDirectory(join(root, KEYS))
    await this.#fs.removeDirectory(root)
  }

  async abandoned(target?: FileTarget): Promise<readonly StoredWrite[]> {
    if (target === undefined) return []
    const root = stagingRoot(target.path)
    const found: StoredWrite[] = []
    for (const writeId of await this.#fs.list(root)) {
      if (writeId === KEYS) continue
      const file = await this.#read<IntentFile>(join(root, writeId, INTENT))
      if (file === undefined) {
        // It ended before the intent was there, or after; one that is just beginning tries again.
        await this.#fs.unlink(join(root, writeId, TEMPORARY))
        await this.#fs.removeDirectory(join(root, writeId))
        continue
      }
      if (file.process !== this.#processes.self && this.#processes.isRunning(file.process)) continue
      const path = keyPath(file.intent)
      const known = path === undefined ? undefined : await this.#read<KeyFile>(path)
      const outcome = known?.writeId === writeId ? known.outcome : undefined
      found.push({ intent: file.intent, isRunning: false, ...(outcome === undefined ? {} : { outcome }) })
    }
    await this.#removeOldKeys(root)
    return found
  }

  /** Makes a temporary file, then `place`s it. Others remove empty directories and such files, also those that have just been made. */
  async #createIn(
    directory: string,
    name: string,
    bytes: Uint8Array,
    place: (temporary: string) => Promise<void>,
  ): Promise<void> {
    const temporary = join(directory, name)
    for (let tries = 1; ; tries++) {
      await this.#fs.makeDirectory(directory)
      try {
        await this.#fs.unlink(temporary)
        await this.#fs.create(temporary, bytes)
        return await place(temporary)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || tries >= MAX_TRIES) throw error
      }
    }
  }

  /** By a link, so that two writes with one key do not both take it, and it is never there in part. */
  async #take(path: string, intent: WriteIntent): Promise<void> {
    const name = temporaryKey(path, intent)
    try {
      await this.#createIn(dirname(path), name, this.#keyFile(intent.writeId), file => this.#fs.link(file, path))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      throw fail('WRITE_CONFLICT', [intent.target.path, 'the same write is under way'])
    } finally {
      await this.#fs.unlink(join(dirname(path), name))
    }
    await this.#fs.sync(dirname(path))
  }

  #keyFile(writeId: string, outcome?: WriteOutcome): Uint8Array {
    const atMs = this.#clock.wallMs()
    return encoded(outcome === undefined ? { writeId, atMs } : { writeId, outcome, atMs })
  }

  /** Keys of the day before, and what writes that are no more have left half done. */
  async #removeOldKeys(root: string): Promise<void> {
    for (const name of await this.#fs.list(join(root, KEYS))) {
      const path = join(root, KEYS, name)
      const [, owner] = /\.([^.]+)\.tmp$/.exec(name) ?? []
      const isOld =
        owner === undefined
          ? this.#clock.wallMs() - ((await this.#read<KeyFile>(path))?.atMs ?? 0) > KEPT_MS
          : (await this.#fs.status(join(root, owner))) === undefined
      if (isOld) await this.#fs.unlink(path)
    }
  }

  /** Undefined also for what a crash has left of a file. */
  async #read<T>(path: string): Promise<T | undefined> {
    const bytes = await this.#fs.read(path)
    if (bytes === undefined) return undefined
    try {
      return decodeWireText(Buffer.from(bytes).toString('utf8')) as T
    } catch {
      return undefined
    }
  }
}

const temporaryKey = (path: string, { writeId }: WriteIntent): string => `${basename(path)}.${writeId}.tmp`

const encoded = (value: IntentFile | KeyFile): Uint8Array => Buffer.from(encodeWireText(value))

function keyPath({ idempotencyKey, target }: WriteIntent): string | undefined {
  if (idempotencyKey === undefined) return undefined
  const digest = createHash('sha256').update(idempotencyKey).digest('hex')
  return join(stagingRoot(target.path), KEYS, `${digest}.json`)
}
