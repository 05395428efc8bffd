/** Parsers of command line values, shared by the subcommands. */
import { InvalidArgumentError } from 'commander'

/** For flags that may be given several times. */
export const collect = (value: string, all: readonly string[] = []): string[] => [...all, value]

export function integer(value: string): number {
  const number = Number(value)
  if (!/^\d+$/.test(value) || !Number.isSafeInteger(number)) throw new InvalidArgumentError('expected a whole number')
  return number
}

export function port(value: string): number {
  const number = integer(value)
  if (number > 65_535) throw new InvalidArgumentError('expected a port, 0 to 65535')
  return number
}

/** For `key=value` flags that may be given several times. */
export function setting(value: string, all: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = value.indexOf('=')
  if (at <= 0) throw new InvalidArgumentError('expected key=value')
  return { ...all, [value.slice(0, at).trim()]: value.slice(at + 1).trim() }
}

/** A count of rows, or `inf`. */
export const rows = (value: string): number => (value === 'inf' ? Infinity : integer(value))

/** Resolves when the process is asked to stop (SIGINT or SIGTERM). */
export function stopSignal(): Promise<string> {
  return new Promise(resolve => {
    process.once('SIGINT', resolve)
    process.once('SIGTERM', resolve)
  })
}
