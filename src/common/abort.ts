/** Abort controllers whose signal many listen to. */
import { setMaxListeners } from 'node:events'

/** A controller whose signal takes any number of listeners (one a task, say) without Node's warning of a leak. */
export function sharedAbortController(): AbortController {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  return controller
}
