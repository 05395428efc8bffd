/** Lets other tasks, timers and sockets of this thread have a turn: streams alone run in microtasks and would starve them. */

/** How this thread divides its time; injected, so that a simulator decides who comes next. */
export interface TimeSlices {
  /** True when this thread's streams have run for a slice without a turn of the event loop. */
  isOver(): boolean
  /** Resolves in a later turn, which starts a new slice. */
  next(): Promise<void>
}

/** Long enough that a turn of the event loop (microseconds) costs nothing, short enough for heartbeats and prompts. */
const SLICE_MS = 8

let turnStartMs = performance.now()

/** Turns of Node's event loop. */
export const eventLoopSlices: TimeSlices = {
  isOver: () => performance.now() - turnStartMs > SLICE_MS,
  next: () =>
    new Promise(resolve => {
      setImmediate(() => {
        turnStartMs = performance.now()
        resolve()
      })
    }),
}

let slices = eventLoopSlices

/** From now on this thread takes its turns so. */
export function useTimeSlices(other: TimeSlices): void {
  slices = other
}

export const sliceIsOver = (): boolean => slices.isOver()

/** Takes all steps, and lets others have their turn in between. */
export async function inTurns(steps: Iterable<unknown>): Promise<void> {
  for (const _ of steps) if (sliceIsOver()) await nextTurn()
}

/** Resolves in the next turn and starts a new slice. */
export const nextTurn = (): Promise<void> => slices.next()
