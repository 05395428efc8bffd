/** Values and bytes that no sane peer sends, from a seeded generator. */
import type { Rng } from '../../src/common/clock.js'

const NUMBERS = [0, 1, -1, 255, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 53, 1e300, 0.5, -0.5]
const TEXTS = [
  '',
  '\0',
  '__proto__',
  'constructor',
  '../../etc/passwd',
  'a'.repeat(70_000),
  '💥',
  '\ud800',
  "'; --",
  '{"$bytes":1}',
]
/** Values that are read as something else on the wire. */
const TAGGED = [
  { $bigint: 'x' },
  { $bytes: '!' },
  { $number: 'NaN' },
  { $object: [['a', 1], 2] },
  { $bigint: '9'.repeat(5000) },
]

export interface Fuzz {
  readonly below: (limit: number) => number
  readonly pick: <T>(list: readonly T[]) => T
  readonly bytes: (most: number) => Buffer
  /** Plain data of no particular shape. */
  readonly value: (depth?: number) => unknown
  /** The same data with one part, anywhere in it, replaced, removed or doubled. */
  readonly damaged: (value: unknown) => unknown
  /** The same bytes with some changed, cut off or put in. */
  readonly mutated: (bytes: Uint8Array) => Buffer
}

export function fuzz(rng: Rng): Fuzz {
  const below = (limit: number): number => Math.floor(rng.next() * limit)
  const pick = <T>(list: readonly T[]): T => list[below(list.length)]
  const bytes = (most: number): Buffer => Buffer.from(Array.from({ length: below(most + 1) }, () => below(256)))
  const value = (depth = 0): unknown => {
    switch (below(depth > 3 ? 5 : 8)) {
      case 0:
        return null
      case 1:
        return below(2) === 0
      case 2:
        return pick(NUMBERS)
      case 3:
        return pick(TEXTS)
      case 4:
        return pick(TAGGED)
      case 5:
        return Array.from({ length: below(4) }, () => value(depth + 1))
      case 6:
        return nested(below(1_000))
      default:
        return Object.fromEntries(Array.from({ length: below(4) }, () => [pick(TEXTS), value(depth + 1)]))
    }
  }
  const damaged = (whole: unknown): unknown => {
    if (typeof whole !== 'object' || whole === null || whole instanceof Uint8Array || below(4) === 0) return value()
    const entries = Object.entries(whole)
    const at = below(entries.length)
    if (entries.length === 0) return value()
    const [key, part] = entries[at]
    const action = below(6)
    if (action === 0) entries.splice(at, 1)
    else if (action === 1) entries[at] = [pick(TEXTS), part]
    else entries[at] = [key, damaged(part)]
    return Array.isArray(whole) ? entries.map(([, kept]) => kept as unknown) : Object.fromEntries(entries)
  }
  const mutated = (given: Uint8Array): Buffer => {
    let changed = Buffer.from(given)
    for (let left = 1 + below(6); left > 0; left--) {
      const at = below(changed.length + 1)
      const action = below(4)
      if (action === 0) changed = changed.subarray(0, at)
      else if (action === 1) changed = Buffer.concat([changed.subarray(0, at), bytes(8), changed.subarray(at)])
      else if (at < changed.length) changed[at] = below(256)
    }
    return changed
  }
  return { below, pick, bytes, value, damaged, mutated }
}

/** Deeper than any plan. */
function nested(depth: number): unknown {
  let whole: unknown = 1
  for (let level = 0; level < depth; level++) whole = [whole]
  return whole
}
