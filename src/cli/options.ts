/** Parsers of command line values, shared by the subcommands. */
import { statSync } from 'node:fs'
import { InvalidArgumentError } from 'commander'
import { memoryLimit } from '../runtime/options.js'
import { checkSetting } from '../session/options.js'

/** For flags that may be given several times. */
export const collect = (value: string, all: readonly string[] = []): string[] => [...all, value]

export function integer(value: string): number {
  const number = Number(value)
  if (!/^\d+$/.test(value) || !Number.isSafeInteger(number)) throw new InvalidArgumentError('expected a whole number')
  return number
}

export function positive(value: string): number {
  const number = integer(value)
  if (number === 0) throw new InvalidArgumentError('expected at least 1')
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
  return { ...all, ...settingOf(value.slice(0, at).trim(), value.slice(at + 1).trim()) }
}

/** A known setting with a value that it takes. */
export function settingOf(key: string, value: string): Record<string, string> {
  try {
    return { [checkSetting(key, value)]: value }
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message)
  }
}

/** Bytes, with an optional suffix. */
export function size(value: string): number {
  settingOf(memoryLimit.key, value)
  return memoryLimit.parse(value)
}

/** A host name or address; one of IPv6 in brackets, as URLs have it. */
export function host(value: string): string {
  const written = value.includes(':') && !value.startsWith('[') ? `[${value}]` : value
  if (!URL.canParse(`http://${written}`) || /[/?#@]/.test(value)) throw new InvalidArgumentError('expected a host')
  return written
}

export function directory(value: string): string {
  if (statSync(value, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new InvalidArgumentError('expected a directory')
  }
  return value
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
