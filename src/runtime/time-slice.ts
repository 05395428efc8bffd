/** Lets other tasks, timers and sockets of this thread have a turn: streams alone run in microtasks and would starve them. */

/** Long enough that a turn of the event loop (microseconds) costs nothing, short enough for heartbeats and prompts. */
const SLICE_MS = 8

let turnStartMs = performance.now()

/** True when this thread's streams have run for a slice without a turn of the event loop. */
export const sliceIsOver = (): boolean => performance.now() - turnStartMs > SLICE_MS

/** Takes all steps, and lets others have their turn in between. */
export async function inTurns(steps: Iterable<unknown>): Promise<void> {
  for (const _ of steps) if (sliceIsOver()) await nextTurn()
}

/** Resolves in the next turn of the event loop and starts a new slice. */
export function nextTurn(): Promise<void> {
  return new Promise(resolve => {
    setImmediate(() => {
      turnStartMs = performance.now()
      resolve()
    })
  })
}
