/** The outside world as interfaces: state machines get these injected, so that a test runs them on virtual time. */

export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Monotonic milliseconds; only differences mean anything. */
  nowMs(): number
  /** Wall clock, milliseconds since 1970-01-01T00:00Z: for what users see, never for timeouts. */
  wallMs(): number
  /** Runs `action` once, after at least `delayMs`. The timer keeps the process alive only if it is `awaited`. */
  after(delayMs: number, action: () => void, awaited?: 'awaited'): Timer
}

export interface Rng {
  /** Uniform in [0, 1). */
  next(): number
  /** 128 random bits as lower-case hexadecimal text. */
  id(): string
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, action, awaited) {
    const handle = setTimeout(action, delayMs)
    if (awaited === undefined) handle.unref()
    return { cancel: () => clearTimeout(handle) }
  },
}

export const systemRng: Rng = {
  next: () => Math.random(),
  id: () => crypto.randomUUID().replaceAll('-', ''),
}

/** A repeatable Rng (xorshift32) for tests and generators; equal seeds give equal sequences. */
export function seededRng(seed: number): Rng {
  let state = seed >>> 0 || 0x9e3779b9
  const next32 = (): number => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>>= 0)
  }
  return {
    next: () => next32() / 2 ** 32,
    id: () => Array.from({ length: 4 }, () => next32().toString(16).padStart(8, '0')).join(''),
  }
}
