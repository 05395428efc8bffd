/** Worker threads that share this process's arena; what they do is in the entry file they are started with. */
import { Worker } from 'node:worker_threads'
import { abandonOwner, arenaMemory } from '../arrow/memory.js'
import { deferred, type Deferred } from '../common/deferred.js'
import { fail } from '../common/errors.js'
import { dataRoots, type DataRoots } from './data-roots.js'
import { ioCounters } from './io-counters.js'
import { optimizeLess } from './optimize-less.js'

/** `workerData` of every thread: the entry must call `attachArena(memory)` before it touches a batch. */
export interface WorkerStart {
  readonly memory: WebAssembly.Memory
  /** For `attachIoCounters`. */
  readonly io: SharedArrayBuffer
  /** For `restrictToRoots`. */
  readonly roots: DataRoots | undefined
  /** 0 .. threads - 1; a thread that replaces a lost one has its number. */
  readonly thread: number
  /** For the entry, as the pool's creator gave it. */
  readonly data: unknown
}

/** What a thread must post first, when it can take messages; `arenaThread` is its number in the arena. */
export interface WorkerReady {
  readonly kind: 'ready'
  readonly arenaThread: number
}

/** Asks a thread to end: it finishes what it holds and closes its port. */
export const WORKER_STOP = 'stop'

/** A kernel call lasts milliseconds, a file read perhaps a second. */
const STOP_TIMEOUT_MS = 5_000

export interface WorkerPoolOptions {
  /** A JavaScript module. */
  readonly entry: URL
  readonly threads: number
  readonly data?: unknown
  onMessage(thread: number, message: unknown): void
  /**
   * The thread ended by itself, all its messages having been delivered; another one takes its place. `arenaThread` (absent if it
   * never became ready) is now the receiver's: to be swept once nobody uses the dead thread's blocks.
   */
  onLost(thread: number, error: Error, arenaThread: number | undefined): void
}

interface Member {
  readonly worker: Worker
  readonly ready: Deferred<void>
  readonly exited: Deferred<void>
  failure: Error | undefined
  arenaThread: number | undefined
  /** Each call of the worker's `terminate` adds a listener. */
  isTerminated: boolean
}

/** `node --input-type=module --eval …` says how a text is read: threads, which read files, refuse the flag. */
const OWN_FLAGS = process.execArgv.some(flag => flag.startsWith('--input-type')) ? { execArgv: [] } : {}

/**
 * Threads start on the first `start()`; they keep the process alive only between `hold()` and `unhold()`. All members are used
 * from the thread that made the pool.
 */
export class WorkerPool {
  readonly threads: number
  private readonly options: WorkerPoolOptions
  private readonly members: Member[] = []
  private started: Promise<void> | undefined
  private closing = false
  private holds = 0

  constructor(options: WorkerPoolOptions) {
    this.options = options
    this.threads = options.threads
  }

  /** Resolves when every thread takes messages; THREAD_LOST if one cannot start. */
  start(): Promise<void> {
    this.started ??= this.startAll()
    return this.started
  }

  /** Buffers to `transfer` are the thread's from now on. */
  post(thread: number, message: unknown, transfer: readonly ArrayBuffer[] = []): void {
    this.members[thread].worker.postMessage(message, transfer)
  }

  /** Keeps the process alive until as many `unhold()`. */
  hold(): void {
    if (this.holds++ === 0) for (const member of this.members) member.worker.ref()
  }

  unhold(): void {
    if (--this.holds === 0) for (const member of this.members) member.worker.unref()
  }

  /** Ends a thread that does not end what it was asked to; another one takes its place, and `onLost` hears of it. */
  terminate(thread: number): void {
    const member = this.members[thread]
    if (member.isTerminated) return
    member.isTerminated = true
    void member.worker.terminate()
  }

  /** Ends all threads, each after the messages it has been sent; resolves when none is left. A thread that does not end is terminated. */
  async close(): Promise<void> {
    this.closing = true
    await this.started?.catch(() => undefined)
    await Promise.all(this.members.map(endMember))
  }

  private async startAll(): Promise<void> {
    optimizeLess()
    for (let thread = 0; thread < this.threads; thread++) this.members.push(this.startThread(thread))
    this.hold()
    try {
      await Promise.all(this.members.map(member => member.ready.promise))
    } finally {
      this.unhold()
    }
  }

  private startThread(thread: number): Member {
    const start: WorkerStart = {
      memory: arenaMemory(),
      io: ioCounters(),
      roots: dataRoots(),
      thread,
      data: this.options.data,
    }
    const worker = new Worker(this.options.entry, { workerData: start, ...OWN_FLAGS })
    const member: Member = {
      worker,
      ready: deferred(),
      exited: deferred(),
      failure: undefined,
      arenaThread: undefined,
      isTerminated: false,
    }
    member.ready.promise.catch(() => undefined)
    worker.on('message', message => {
      if (!isReady(message)) return this.options.onMessage(thread, message)
      member.arenaThread = message.arenaThread
      member.ready.resolve()
    })
    worker.on('error', error => (member.failure = error))
    worker.on('exit', code => this.exited(thread, member, code))
    if (this.holds === 0) worker.unref()
    return member
  }

  private exited(thread: number, member: Member, code: number): void {
    member.exited.resolve()
    if (this.closing) {
      if (member.arenaThread !== undefined) abandonOwner(member.arenaThread)
      return
    }
    const error = fail('THREAD_LOST', [member.failure?.message ?? `exit code ${code}`], { cause: member.failure })
    member.ready.reject(error)
    // A thread that could not even start would fail again.
    if (member.arenaThread !== undefined) this.members[thread] = this.startThread(thread)
    this.options.onLost(thread, error, member.arenaThread)
  }
}

async function endMember({ worker, exited }: Member): Promise<void> {
  worker.ref()
  worker.postMessage(WORKER_STOP)
  const lastResort = setTimeout(() => void worker.terminate(), STOP_TIMEOUT_MS)
  await exited.promise
  clearTimeout(lastResort)
}

const isReady = (message: unknown): message is WorkerReady => (message as { kind?: unknown } | null)?.kind === 'ready'
