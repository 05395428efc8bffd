/** Parsers of command line values, shared by the subcommands. */
import { readFileSync, statSync } from 'node:fs'
import { InvalidArgumentError } from 'commander'
import type { Option } from '../common/option.js'
import { maxTempDirectorySize, memoryLimit } from '../runtime/options.js'
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

/** A whole number that is not less than another. */
export const atLeast =
  (least: number) =>
  (value: string): number => {
    const number = integer(value)
    if (number < least) throw new InvalidArgumentError(`expected at least ${least}`)
    return number
  }

/** A part of a whole, above 0. */
export function fraction(value: string): number {
  const number = Number(value)
  if (!(number > 0 && number <= 1)) throw new InvalidArgumentError('expected a number above 0, at most 1')
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
export const size = sizeOf(memoryLimit)

/** 0 means something else than a memory limit would: that no temporary file is written. */
export const tempSize = sizeOf(maxTempDirectorySize)

function sizeOf(option: Option<number>): (value: string) => number {
  return value => {
    settingOf(option.key, value)
    return option.parse(value)
  }
}

/** A host name or address; one of IPv6 in brackets, as URLs have it. */
export function host(value: string): string {
  const written = value.includes(':') && !value.startsWith('[') ? `[${value}]` : value
  if (!URL.canParse(`http://${written}`) || /[/?#@]/.test(value)) throw new InvalidArgumentError('expected a host')
  return written
}

/** Scheme, host and port of web pages, as browsers send them. */
export function webOrigin(value: string): string {
  if (URL.canParse(value) && new URL(value).origin === value) return value
  throw new InvalidArgumentError('expected an origin such as https://tools.example')
}

export function directory(value: string): string {
  if (statSync(value, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new InvalidArgumentError('expected a directory')
  }
  return value
}

/** The content of a text file. */
export function fileText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new InvalidArgumentError(`cannot read it: ${(error as Error).message}`)
  }
}

/** So short, a secret could be guessed by trying. */
const MIN_TOKEN_LENGTH = 16

/** The token that a file holds, without space around it. */
export function tokenFile(path: string): string {
  const token = fileText(path).trim()
  if (/^[\x21-\x7e]+$/.test(token) && token.length >= MIN_TOKEN_LENGTH) return token
  throw new InvalidArgumentError(`expected a file of one token, at least ${MIN_TOKEN_LENGTH} printable characters`)
}

/** The content of a file in PEM form. */
export function pemFile(path: string): string {
  const text = fileText(path)
  if (!text.includes('-----BEGIN ')) throw new InvalidArgumentError('expected a file in PEM form')
  return text
}

/** A count of rows, or `inf`. */
export const rows = (value: string): number => (value === 'inf' ? Infinity : integer(value))

/**
 * Resolves when the process is asked to stop (SIGINT or SIGTERM), or when the process that keeps it (an IPC channel) has ended. What
 * is waited for does not keep the process alive.
 */
export function stopSignal(): Promise<string> {
  return new Promise(resolve => {
    process.once('SIGINT', resolve)
    process.once('SIGTERM', resolve)
    process.once('disconnect', () => resolve('disconnect'))
    // Who listens for its end refers to the channel: after the server has closed, it would be left.
    process.channel?.unref()
  })
}
