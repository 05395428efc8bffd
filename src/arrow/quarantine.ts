/**
 * The debug mode of the arena (BALLISTA_ARENA_DEBUG=1): blocks that lost their last reference are poisoned and kept out of
 * use for a while, so that reading, writing, retaining or releasing them shows.
 */
import { invariant } from '../common/invariant.js'

type ReleaseFunction = (block: number) => number

/** What quarantine needs of the allocator kernels. */
interface ArenaKernels {
  readonly arenaBlockSize?: ReleaseFunction
  readonly arenaDrop?: ReleaseFunction
  readonly arenaFree?: ReleaseFunction
  readonly arenaOwner?: ReleaseFunction
  readonly arenaSweeps?: ReleaseFunction
}

interface Held {
  readonly block: number
  readonly byteLength: number
  /** The thread that allocated it, and how often that thread's number had been swept. */
  readonly owner: number
  readonly sweeps: number
}

const POISON = 0xdb
/** Poison is written and checked in this many bytes at each end of a block. */
const PROBED_BYTES = 4096
const HELD_BLOCKS = 256
const HELD_BYTES = 64 * 1024 * 1024

/** A release function that poisons and delays; it throws when a block was written after its release. */
export function quarantine(kernels: ArenaKernels, memory: Uint8Array): ReleaseFunction {
  const { arenaBlockSize, arenaDrop, arenaFree, arenaOwner, arenaSweeps } = kernels
  invariant(arenaBlockSize && arenaDrop && arenaFree && arenaOwner && arenaSweeps, 'the module has the allocator')
  const held: Held[] = []
  let heldBytes = 0
  return block => {
    const byteLength = arenaBlockSize(block) >>> 0
    const before = arenaDrop(block)
    if (before !== 1) return before
    for (const [start, end] of probes(block, byteLength)) memory.fill(POISON, start, end)
    const owner = arenaOwner(block)
    held.push({ block, byteLength, owner, sweeps: arenaSweeps(owner) })
    heldBytes += byteLength
    while (held.length > HELD_BLOCKS || heldBytes > HELD_BYTES) {
      const oldest = held.shift()
      if (oldest === undefined) break
      heldBytes -= oldest.byteLength
      // The sweep of its dead thread has freed it.
      if (arenaSweeps(oldest.owner) !== oldest.sweeps) continue
      checkPoison(oldest, memory)
      arenaFree(oldest.block)
    }
    return before
  }
}

function checkPoison({ block, byteLength }: Held, memory: Uint8Array): void {
  for (const [start, end] of probes(block, byteLength)) {
    const intact = memory.subarray(start, end).every(byte => byte === POISON)
    invariant(intact, `block ${block} of ${byteLength} bytes was written after its release`)
  }
}

function probes(block: number, byteLength: number): [start: number, end: number][] {
  const head = Math.min(byteLength, PROBED_BYTES)
  return [
    [block, block + head],
    [block + Math.max(head, byteLength - PROBED_BYTES), block + byteLength],
  ]
}
