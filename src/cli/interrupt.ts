/** Ctrl-C (SIGINT) and SIGTERM as an abort, so that what runs ends in order: no thread, connection or temporary file stays. */
import { constants } from 'node:os'
import { fail, toBallistaError } from '../common/errors.js'
import { formatError } from '../parser/parse.js'

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/**
 * Runs `action` and gives its exit status. After a signal it is that of a shell for a program that the signal has ended (130, 143),
 * and what `action` throws is printed; otherwise it is thrown. A second signal ends the process at once.
 */
export async function interruptible(action: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const controller = new AbortController()
  let received: NodeJS.Signals | undefined
  const forget = (): void => SIGNALS.forEach(name => process.removeListener(name, onSignal))
  const onSignal = (name: NodeJS.Signals): void => {
    forget()
    received = name
    controller.abort(fail('CANCELLED', ['interrupted']))
  }
  const statusAfter = (own: number): number => (received === undefined ? own : 128 + constants.signals[received])
  SIGNALS.forEach(name => process.on(name, onSignal))
  try {
    return statusAfter(await action(controller.signal))
  } catch (error) {
    if (!controller.signal.aborted) throw error
    process.stderr.write(`${formatError(toBallistaError(error), '')}\n`)
    return statusAfter(0)
  } finally {
    forget()
  }
}
