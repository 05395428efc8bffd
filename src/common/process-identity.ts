/** Processes of this machine by what no two of them share: their number, and when they started. */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** Where nobody tells when a process started, a number that is given again is taken for the process it was given to before. */
const OWN_START = startOf(process.pid) ?? randomUUID()

/** Of this process. */
export const OWN_IDENTITY = `${process.pid} ${OWN_START}`

/** Whether the process with this identity still runs. Of another container with its own process numbers, false. */
export function isRunning(identity: string): boolean {
  const [pid, start] = identity.split(' ')
  if (Number(pid) === process.pid) return start === OWN_START
  try {
    process.kill(Number(pid), 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  const found = startOf(Number(pid))
  return found === undefined || found === start
}

/** Clock ticks from the start of the machine to that of the process (proc(5), stat, field 22); undefined where there is no /proc. */
function startOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field, in parentheses, may hold anything.
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}
