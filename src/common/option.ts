/** Typed configuration keys, declared beside their reader and listed once in session/options.ts. */
import { fail } from './errors.js'

export interface Option<T> {
  /** Full key, e.g. `ballista.execution.batch_size`. */
  readonly key: string
  readonly defaultValue: T
  readonly doc: string
  /** Its value is shown to nobody. */
  readonly isSecret?: true
  /** Text to value; throws INVALID_OPTION. */
  parse(text: string): T
}

/** An immutable set of values; a key that was not set has its default. */
export interface Config {
  get<T>(option: Option<T>): T
}

/** Settings as text by full key, the form in which they travel to the scheduler. */
export type Settings = Readonly<Record<string, string>>

export function configOf(settings: Settings): Config {
  return {
    get(option) {
      const text = settings[option.key]
      return text === undefined ? option.defaultValue : option.parse(text)
    },
  }
}

/** Bytes with an optional binary suffix: `512`, `64k`, `10MB`, `2g`, `1.5GiB`. */
export const bytes = (key: string, spec: { default: number; min?: number; doc: string }): Option<number> => ({
  key,
  defaultValue: spec.default,
  doc: spec.doc,
  parse(text) {
    const match = /^\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?\s*$/i.exec(text)
    if (!match) throw fail('INVALID_OPTION', [key, `expected a size such as 512MB, got '${text}'`])
    const value = Math.floor(Number(match[1]) * 1024 ** ' kmgt'.indexOf((match[2] || ' ').toLowerCase()))
    return atLeast(key, value, spec.min ?? 0)
  },
})

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** Milliseconds, or a time with a unit: `250`, `500ms`, `30s`, `5m`, `1h`. */
export const duration = (key: string, spec: { default: number; doc: string }): Option<number> => ({
  key,
  defaultValue: spec.default,
  doc: spec.doc,
  parse(text) {
    const match = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h)?\s*$/i.exec(text)
    if (!match) throw fail('INVALID_OPTION', [key, `expected a time such as 30s, got '${text}'`])
    return Math.floor(Number(match[1]) * UNIT_MS[(match[2] ?? 'ms').toLowerCase()])
  },
})

export const int = (
  key: string,
  spec: { default: number; min?: number; max?: number; doc: string },
): Option<number> => ({
  key,
  defaultValue: spec.default,
  doc: spec.doc,
  parse(text) {
    if (!/^\s*[+-]?\d+\s*$/.test(text)) throw fail('INVALID_OPTION', [key, `expected a whole number, got '${text}'`])
    const value = atLeast(key, Number(text), spec.min ?? -Infinity)
    if (value > (spec.max ?? Infinity)) throw fail('INVALID_OPTION', [key, `must be at most ${spec.max}, got ${value}`])
    return value
  },
})

export const bool = (key: string, spec: { default: boolean; doc: string }): Option<boolean> => ({
  key,
  defaultValue: spec.default,
  doc: spec.doc,
  parse(text) {
    const word = text.trim().toLowerCase()
    if (word === 'true' || word === 'false') return word === 'true'
    throw fail('INVALID_OPTION', [key, `expected true or false, got '${text}'`])
  },
})

export const text = (key: string, spec: { default: string; doc: string; isSecret?: true }): Option<string> => ({
  key,
  defaultValue: spec.default,
  doc: spec.doc,
  ...(spec.isSecret === true ? { isSecret: true } : {}),
  parse: value => value,
})

export const choice = <T extends string>(
  key: string,
  spec: { default: NoInfer<T>; values: readonly T[]; doc: string },
): Option<T> => ({
  key,
  defaultValue: spec.default,
  doc: spec.doc,
  parse(text) {
    const word = text.trim().toLowerCase()
    const found = spec.values.find(value => value === word)
    if (found === undefined) throw fail('INVALID_OPTION', [key, `expected ${spec.values.join(' or ')}, got '${text}'`])
    return found
  },
})

function atLeast(key: string, value: number, min: number): number {
  if (value < min) throw fail('INVALID_OPTION', [key, `must be at least ${min}, got ${value}`])
  return value
}
