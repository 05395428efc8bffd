/** Hands the pieces of a scan to the tasks of a process as they ask for them, by counters in shared memory. */

/** A piece of a partition, by its number there. */
export interface Claim {
  readonly partition: number
  readonly piece: number
}

const HALF = 32n
const LOW = 0xffff_ffffn

/**
 * What each partition has left lies between two numbers in one i64: the next piece (low half) and the end (high half). A task takes its
 * own partition from the front, so that files are read in order, and then helps out: the last piece of the partition that has most left.
 * Every piece is taken once, whichever threads ask at the same time.
 */
export class SplitClaims {
  private readonly left: BigInt64Array

  constructor(shared: SharedArrayBuffer) {
    this.left = new BigInt64Array(shared)
  }

  /** The counters of partitions with so many pieces; 0 for what this process must not touch. */
  static counters(pieces: readonly number[]): SharedArrayBuffer {
    const shared = new SharedArrayBuffer(8 * pieces.length)
    new BigInt64Array(shared).set(pieces.map(count => BigInt(count) << HALF))
    return shared
  }

  /** Undefined when nothing is left. */
  take(own: number): Claim | undefined {
    for (let partition = own; ;) {
      const seen = Atomics.load(this.left, partition)
      const [next, end] = [Number(seen & LOW), Number(seen >> HALF)]
      if (next >= end) {
        const slowest = this.slowest()
        if (slowest === undefined) return undefined
        partition = slowest
        continue
      }
      const isOwn = partition === own
      const after = isOwn ? seen + 1n : seen - (1n << HALF)
      if (Atomics.compareExchange(this.left, partition, seen, after) === seen)
        return { partition, piece: isOwn ? next : end - 1 }
    }
  }

  private slowest(): number | undefined {
    let most = 0
    let found: number | undefined
    for (let partition = 0; partition < this.left.length; partition++) {
      const seen = Atomics.load(this.left, partition)
      const count = Number(seen >> HALF) - Number(seen & LOW)
      if (count > most) [most, found] = [count, partition]
    }
    return found
  }
}
