/** Time that stands still while anything can run: events in the order of their virtual times, one after the other. */
import type { Timer } from '../../common/clock.js'
import { eventLoopSlices } from '../../runtime/time-slice.js'

/** On whose machine an event happens. */
export interface Owner {
  readonly name: string
  /** A paused machine runs nothing: what is due waits in `held` until it goes on. */
  readonly paused: boolean
  readonly held: ScheduledEvent[]
}

export interface ScheduledEvent {
  atMs: number
  /** Events of one time happen in the order in which they were scheduled. */
  order: number
  readonly owner: Owner
  /** `undefined` once it has been cancelled or has happened. */
  action: (() => void) | undefined
}

/**
 * The queue of everything that will happen. What an event sets going (promises, streams) runs to its end before the next event: it
 * must wait for nothing but events, and for what `external` was told of.
 */
export class VirtualTime {
  /** Milliseconds since the beginning. */
  nowMs = 0
  private readonly heap: ScheduledEvent[] = []
  private scheduled = 0
  private externals = 0
  private live = 0

  /** Events that will happen. */
  get pending(): number {
    return this.live
  }

  at(atMs: number, owner: Owner, action: () => void): Timer {
    const event: ScheduledEvent = { atMs: Math.max(atMs, this.nowMs), order: this.scheduled++, owner, action }
    this.live++
    pushHeap(this.heap, event)
    return {
      cancel: () => {
        if (event.action === undefined) return
        event.action = undefined
        this.live--
      },
    }
  }

  /** Waits, in real time, for work that is not made of events. */
  async external<T>(work: () => Promise<T>): Promise<T> {
    this.externals++
    try {
      return await work()
    } finally {
      this.externals--
    }
  }

  /** Lets events happen until `done`, or until there are none before `limitMs`; true if `done`. */
  async run(done: () => boolean, limitMs: number): Promise<boolean> {
    await this.settle()
    while (!done()) {
      const next = this.heap[0]
      if (next === undefined || next.atMs > limitMs) {
        this.nowMs = Math.max(this.nowMs, limitMs)
        return false
      }
      popHeap(this.heap)
      if (next.action === undefined) continue
      this.nowMs = Math.max(this.nowMs, next.atMs)
      if (next.owner.paused) next.owner.held.push(next)
      else await this.happen(next)
    }
    return true
  }

  /** What was due on a machine that was paused is due now. */
  release(owner: Owner): void {
    for (const event of owner.held.splice(0)) {
      event.atMs = this.nowMs
      event.order = this.scheduled++
      pushHeap(this.heap, event)
    }
  }

  private async happen(event: ScheduledEvent): Promise<void> {
    const { action } = event
    event.action = undefined
    this.live--
    action?.()
    await this.settle()
  }

  /** Promises, ticks and streams have nothing left to do when Node comes to its next turn. */
  private async settle(): Promise<void> {
    do await eventLoopSlices.next()
    while (this.externals > 0)
  }
}

const isBefore = (left: ScheduledEvent, right: ScheduledEvent): boolean =>
  left.atMs < right.atMs || (left.atMs === right.atMs && left.order < right.order)

function pushHeap(heap: ScheduledEvent[], event: ScheduledEvent): void {
  let at = heap.push(event) - 1
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (!isBefore(event, heap[parent])) break
    heap[at] = heap[parent]
    at = parent
  }
  heap[at] = event
}

function popHeap(heap: ScheduledEvent[]): void {
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++
    if (!isBefore(heap[child], last)) break
    heap[at] = heap[child]
    at = child
  }
  heap[at] = last
}
