/** The threads that make TPC-H data: jobs wait in one queue, each thread does one at a time. */
import { availableParallelism } from 'node:os'
import { sweepOwner } from '../src/arrow/memory.js'
import { deferred, type Deferred } from '../src/common/deferred.js'
import { BallistaError } from '../src/common/errors.js'
import { WorkerPool } from '../src/runtime/worker-pool.js'
import type { EncodedChunk } from './encode-chunk.js'
import type { GeneratorAnswer, GeneratorData, GeneratorJob } from './generate-job.js'

interface QueuedJob {
  readonly job: GeneratorJob
  readonly answer: Deferred<EncodedChunk | undefined>
}

export class GeneratorThreads {
  readonly count: number
  readonly #pool: WorkerPool
  readonly #idle: number[]
  readonly #running = new Map<number, QueuedJob>()
  readonly #waiting: QueuedJob[] = []

  constructor(data: GeneratorData, count = availableParallelism()) {
    this.count = count
    this.#idle = Array.from({ length: count }, (_, thread) => thread)
    this.#pool = new WorkerPool({
      entry: new URL('./generate-worker.js', import.meta.url),
      threads: count,
      data,
      onMessage: (thread, message) => this.#answered(thread, message as GeneratorAnswer),
      onLost: (thread, error, arena) => {
        if (arena !== undefined) sweepOwner(arena)
        this.#settle(thread, ({ answer }) => answer.reject(error))
      },
    })
  }

  /** Resolves when the threads take jobs; they keep the process alive until `close`. THREAD_LOST if one cannot start. */
  async start(): Promise<void> {
    await this.#pool.start()
    this.#pool.hold()
  }

  /** Does a job when a thread is free; the chunk of a `rows` job. THREAD_LOST, or what the job threw. */
  run(job: GeneratorJob): Promise<EncodedChunk | undefined> {
    const queued = { job, answer: deferred<EncodedChunk | undefined>() }
    // Whoever waits for an earlier job may fail first and never look at this one.
    queued.answer.promise.catch(() => undefined)
    this.#waiting.push(queued)
    this.#assign()
    return queued.answer.promise
  }

  /** Drops the jobs that wait, lets the running ones end, and ends the threads. */
  async close(): Promise<void> {
    this.#waiting.length = 0
    await this.#pool.close()
  }

  #assign(): void {
    while (this.#idle.length > 0 && this.#waiting.length > 0) {
      const [thread, queued] = [this.#idle[0], this.#waiting[0]]
      this.#idle.shift()
      this.#waiting.shift()
      this.#running.set(thread, queued)
      this.#pool.post(thread, queued.job)
    }
  }

  #answered(thread: number, message: GeneratorAnswer): void {
    this.#settle(thread, ({ answer }) => {
      if (message.kind === 'done') answer.resolve(message.chunk)
      else answer.reject(new BallistaError(message.error))
    })
  }

  #settle(thread: number, settle: (queued: QueuedJob) => void): void {
    const queued = this.#running.get(thread)
    if (queued === undefined) return
    this.#running.delete(thread)
    this.#idle.push(thread)
    settle(queued)
    this.#assign()
  }
}
