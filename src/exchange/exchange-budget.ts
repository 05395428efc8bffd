/** How much of a process's memory batches between tasks may take, divided over all its outputs and inputs. */

import type { TaskSpec } from './stage.js'

/** Whatever the limits of operators are. */
const MAX_BUDGET = 256 * 1024 ** 2
/** Of what operators may hold. */
const SHARE = 0.15

/** Bytes of all outputs and inputs of a process whose operators may hold `memoryLimit`. */
export const exchangeBytes = (memoryLimit: number): number => Math.min(MAX_BUDGET, Math.floor(memoryLimit * SHARE))

/**
 * Half is for outputs whose producers wait, a quarter for those that go to files instead, a quarter for what is on its way from
 * other processes. Whoever has nothing may take one batch in any case, so that nobody starves.
 */
export class ExchangeBudget {
  private readonly bytes: number
  private tasks = 0
  private channels = 0
  private keptBytes = 0

  constructor(bytes: number) {
    this.bytes = bytes
  }

  /** A task starts (1) or has ended (-1): it has an output, and a channel from each remote producer. */
  count(spec: TaskSpec, change: 1 | -1): void {
    this.tasks += change
    for (const { producers } of spec.inputs)
      this.channels += change * producers.filter(({ address }) => address !== undefined).length
  }

  /** What one output whose producer waits may have queued; it lets at least one batch through. */
  get outputShare(): number {
    return Math.max(1, Math.floor(this.bytes / 2 / Math.max(1, this.tasks)))
  }

  /** The window of one channel; it lets at least one frame through. */
  get inputShare(): number {
    return Math.max(1, Math.floor(this.bytes / 4 / Math.max(1, this.channels)))
  }

  /** Whether outputs that spill may hold so many bytes more. */
  mayKeep(bytes: number): boolean {
    return this.keptBytes + bytes <= this.bytes / 4
  }

  /** What outputs that spill hold in memory has changed. */
  countKept(change: number): void {
    this.keptBytes += change
  }
}
