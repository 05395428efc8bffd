/** How one setting of a server process is declared: its flag, environment variable and key of the TOML file follow from that. */
import { InvalidArgumentError } from 'commander'

export interface Flag<T> {
  readonly doc: string
  /** What stands for the value in the help; absent: a switch. */
  readonly placeholder?: string
  /** One letter. */
  readonly short?: string
  /** Other names, as flags have them; they mean the same everywhere. */
  readonly aliases?: readonly string[]
  readonly isRepeatable?: boolean
  /** As the manual shows it; absent: there is none. */
  readonly defaultText?: string
  /** Throws {@link InvalidArgumentError} unless the text is a value. */
  check(text: string): void
  /** The value of the texts that were given, at least one; undefined: the default. */
  value(texts: readonly string[] | undefined): T
}

/** By name in camelCase, in the order of the help. */
export type FlagTable = Readonly<Record<string, Flag<unknown>>>

export type FlagValues<F extends FlagTable> = {
  readonly [Name in keyof F]: F[Name] extends Flag<infer T> ? T : never
}

type Names = Pick<Flag<unknown>, 'short' | 'aliases'>

interface Valued<T> extends Names {
  readonly placeholder: string
  /** Throws InvalidArgumentError. */
  readonly parse: (text: string) => T
}

export const text = (value: string): string => value

const last = (texts: readonly string[]): string => texts[texts.length - 1]

/** Given several times, the last one counts. */
export function valued<T>(
  doc: string,
  spec: Valued<T> & { readonly default: T; readonly defaultText?: string },
): Flag<T> {
  const { parse, default: byDefault, defaultText = String(byDefault), ...names } = spec
  const value = (texts: readonly string[] | undefined): T => (texts === undefined ? byDefault : parse(last(texts)))
  return { doc, ...names, defaultText, check: parse, value }
}

export function optional<T>(doc: string, { parse, ...names }: Valued<T>): Flag<T | undefined> {
  return { doc, ...names, check: parse, value: texts => (texts === undefined ? undefined : parse(last(texts))) }
}

/** In environment variables the values are separated by commas, in the TOML file they are a list. */
export function repeated<T>(doc: string, { parse, ...names }: Valued<T>): Flag<readonly T[]> {
  return { doc, ...names, isRepeatable: true, check: parse, value: (texts = []) => texts.map(parse) }
}

/** Off unless given. Environment and TOML file say true or false. */
export const toggle = (doc: string): Flag<boolean> => ({
  doc,
  check: isOn,
  value: texts => texts !== undefined && isOn(last(texts)),
})

/** One of `values`, whatever the case. */
export const oneOf =
  <T extends string>(values: readonly T[]) =>
  (given: string): T => {
    const found = values.find(value => value === given.toLowerCase())
    if (found === undefined) throw new InvalidArgumentError(`Allowed choices are ${values.join(', ')}.`)
    return found
  }

const isOn = (given: string): boolean => oneOf(['true', 'false'])(given) === 'true'
