/** Processor time that a test takes. */
import { readFileSync } from 'node:fs'

/**
 * Processor time of the thread that asks, in milliseconds: other test files run at the same time, on threads of the same process. Where the
 * system does not tell threads apart, that of the process.
 */
export function threadCpuMs(): number {
  try {
    const [nanoseconds] = readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')
    return Number(nanoseconds) / 1e6
  } catch {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  }
}
