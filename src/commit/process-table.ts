/** Processes by what no two of them share: host, number, and when they started. */
import { hostname } from 'node:os'
import { isRunning, OWN_IDENTITY } from '../common/process-identity.js'
import type { ProcessTable } from './file-intents.js'

/** Of other hosts nothing is known: their processes count as running. */
export const processTable: ProcessTable = {
  self: `${hostname()} ${OWN_IDENTITY}`,
  isRunning(identity) {
    const [host, ...process] = identity.split(' ')
    return host !== hostname() || isRunning(process.join(' '))
  },
}
