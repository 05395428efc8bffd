/** What this process has taken of the machine. */
import { readFileSync } from 'node:fs'

export interface ProcessUse {
  /** Processor time of all threads since the process started, user and system. */
  readonly cpuMs: number
  /** The most memory that has been resident. */
  readonly peakRssBytes: number
}

export function processUse(): ProcessUse {
  const { user, system } = process.cpuUsage()
  return { cpuMs: (user + system) / 1000, peakRssBytes: peakRssBytes() }
}

/** Linux counts what a parent had at the fork into `maxRSS`, but not into VmHWM. */
function peakRssBytes(): number {
  try {
    const [, kilobytes] = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
    if (kilobytes !== undefined) return Number(kilobytes) * 1024
  } catch {
    // Not Linux.
  }
  return process.resourceUsage().maxRSS * 1024
}
