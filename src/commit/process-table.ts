/** Processes by what no two of them share: host, number, and when they started. */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import type { ProcessTable } from './file-intents.js'

/** Of this process, also where /proc tells no start time and a number may be given again. */
const OWN_START = startOf(process.pid) ?? randomUUID()

/** Of other hosts nothing is known: their processes count as running. */
export const processTable: ProcessTable = {
  self: `${hostname()} ${process.pid} ${OWN_START}`,
  isRunning(identity) {
    const [host, pid, start] = identity.split(' ')
    if (host !== hostname()) return true
    if (!exists(Number(pid))) return false
    const found = startOf(Number(pid))
    return found === undefined || found === start
  },
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Clock ticks between the start of the machine and that of the process (proc(5), stat field 22); undefined where nobody tells. */
function startOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field, in parentheses, may hold anything.
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}
