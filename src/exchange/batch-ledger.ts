/** What is on its way to a worker thread, and who owns it meanwhile. */
import { Gate } from '../common/gate.js'
import { releaseParcel, type Parcel } from './received-batch.js'

/** Batches that each thread has received since the pool was made, in order; threads count in memory that all share. */
export class ReceivedCounts {
  readonly shared: SharedArrayBuffer
  private readonly counts: BigInt64Array

  constructor(shared: SharedArrayBuffer) {
    this.shared = shared
    this.counts = new BigInt64Array(shared)
  }

  static forThreads(threads: number): ReceivedCounts {
    return new ReceivedCounts(new SharedArrayBuffer(8 * threads))
  }

  add(thread: number): void {
    Atomics.add(this.counts, thread, 1n)
  }

  of(thread: number): number {
    return Number(Atomics.load(this.counts, thread))
  }
}

/** Batches on their way to one thread, in order; the ledger owns each until the thread has counted it as received. */
export class BatchLedger {
  private readonly receivedCount: () => number
  /** The first of them has number `first`; some may have been received meanwhile. */
  private readonly entries: { readonly task: number; readonly parcel: Parcel }[] = []
  private first = 0
  /** By ended task: batches that came too late for it and that the thread has not let go. */
  private readonly late = new Map<number, number>()
  private readonly gate = new Gate()

  /** `receivedCount`: of the batches that were ever sent to the thread. */
  constructor(receivedCount: () => number) {
    this.receivedCount = receivedCount
  }

  sent(task: number, parcel: Parcel): void {
    this.forgetReceived()
    this.entries.push({ task, parcel })
  }

  dropped(task: number): void {
    const left = this.late.get(task)
    if (left !== undefined) this.late.set(task, left - 1)
    this.gate.notify()
  }

  /** After the end of a task, when the thread had received so many batches: resolves when it has let go what was on its way to the task. */
  async settled(task: number, received: number): Promise<void> {
    const late = this.entries.slice(Math.max(0, received - this.first)).filter(entry => entry.task === task)
    this.late.set(task, late.length)
    while ((this.late.get(task) ?? 0) > 0) await this.gate.wait()
    this.late.delete(task)
    this.forgetReceived()
  }

  /** The thread is lost or ended: it receives nothing more. */
  releaseAll(): void {
    this.forgetReceived()
    for (const { parcel } of this.entries.splice(0)) releaseParcel(parcel)
    this.late.clear()
    this.gate.notify()
  }

  private forgetReceived(): void {
    const received = this.receivedCount()
    this.entries.splice(0, received - this.first)
    this.first = received
  }
}
