/** What the processes of a test's cluster hold: asked over the network, and looked up in /proc where there is one. */
import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { nodeStats, type NodeStats } from '../../src/exchange/node-stats.js'

const DEADLINE_MS = 30_000

/** Asks again and again until `probe` answers; fails after 30 s with what it has seen last. */
export async function until<T>(what: string, probe: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const start = performance.now()
  for (;;) {
    const found = await probe()
    if (found !== undefined) return found
    if (performance.now() - start > DEADLINE_MS) throw new Error(`${what}: not within ${DEADLINE_MS} ms`)
    await new Promise(setImmediate)
  }
}

/** What must be nothing when no query runs. */
export type Held = Omit<
  NodeStats,
  'role' | 'executors' | 'exposed' | 'bytesRead' | 'bytesSent' | 'cpuMs' | 'peakRssBytes'
>

export const NOTHING_HELD: Held = {
  jobs: 0,
  runningTasks: 0,
  openCalls: 0,
  queuedBytes: 0,
  arenaBytes: 0,
  reservedBytes: 0,
  openFiles: 0,
}

const heldBy = (stats: NodeStats): Held => {
  const names = Object.keys(NOTHING_HELD) as (keyof Held)[]
  return Object.fromEntries(names.map(name => [name, stats[name]])) as unknown as Held
}

/** What each node holds, once all hold nothing; after the deadline, what they still hold. */
export async function afterwards(addresses: readonly string[]): Promise<Held[]> {
  const start = performance.now()
  for (;;) {
    const held = (await Promise.all(addresses.map(nodeStats))).map(heldBy)
    const isNothing = held.every(node => Object.values(node).every(value => value === 0))
    if (isNothing || performance.now() - start > DEADLINE_MS) return held
    await new Promise(setImmediate)
  }
}

/** Bytes of table files that the nodes have read since they started. */
export async function bytesReadBy(addresses: readonly string[]): Promise<number> {
  const stats = await Promise.all(addresses.map(nodeStats))
  return stats.reduce((sum, node) => sum + node.bytesRead, 0)
}

/** Files below `directory` that a process has open; none where there is no /proc. */
export function openBelow(directory: string, pid: number | 'self'): string[] {
  const descriptors = `/proc/${pid}/fd`
  if (!existsSync(descriptors)) return []
  return readdirSync(descriptors).flatMap(name => {
    try {
      const target = readlinkSync(join(descriptors, name))
      return target.startsWith(directory) ? [target] : []
    } catch {
      // Closed since the directory was read.
      return []
    }
  })
}

/** Open descriptors of a process of any kind; 0 where there is no /proc. */
export const descriptorCount = (pid: number): number =>
  existsSync(`/proc/${pid}/fd`) ? readdirSync(`/proc/${pid}/fd`).length : 0
