/** Abort controllers whose signal many listen to, and what an abort is as an error. */
import { setMaxListeners } from 'node:events'
import { BallistaError, fail } from './errors.js'

/** A controller whose signal takes any number of listeners (one a task, say) without Node's warning of a leak. */
export function sharedAbortController(): AbortController {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  return controller
}

/** The CANCELLED error for the reason of an abort; a reason that is a coded error stays as it is. */
export const cancellation = (reason: unknown): BallistaError =>
  reason instanceof BallistaError
    ? reason
    : fail('CANCELLED', [reason instanceof Error ? reason.message : 'by the caller'])
