/** Where the values of a server's flags come from: the command line, else the environment, else the TOML file. */
import { readFileSync } from 'node:fs'
import { didYouMean, fail } from '../../common/errors.js'
import type { Flag, FlagTable, FlagValues } from './flag.js'

export type ServerName = 'scheduler' | 'executor'

/** Texts by flag's name; a flag that was not given is absent. */
export type GivenFlags = Readonly<Record<string, readonly string[] | undefined>>

export type Environment = Readonly<Record<string, string | undefined>>

/** `bindHost` is `bind-host` on the command line, */
export const flagName = (name: string): string => name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)

/** `bind_host` in the TOML file, */
export const tomlKey = (flag: string): string => flag.replaceAll('-', '_')

/** and `BALLISTA_SCHEDULER_BIND_HOST` in the environment. */
export const variableName = (server: ServerName, flag: string): string =>
  `${variablePrefix(server)}${tomlKey(flag).toUpperCase()}`

const variablePrefix = (server: ServerName): string => `BALLISTA_${server.toUpperCase()}_`

/** The flag's own name and its aliases, as flags. */
export const namesOf = (name: string, flag: Flag<unknown>): string[] => [flagName(name), ...(flag.aliases ?? [])]

interface Sources {
  readonly server: ServerName
  /** Checked already. */
  readonly given: GivenFlags
  readonly environment: Environment
}

/** Every flag's value. INVALID_OPTION for a variable or key that there is not, and for a value that cannot be used. */
export async function resolveFlags<F extends FlagTable>(table: F, sources: Sources): Promise<FlagValues<F>> {
  const { given, server, environment } = sources
  const variables = fromEnvironment(table, server, environment)
  const [file] = (given['configFile'] ?? variables['configFile'] ?? []).slice(-1)
  const keys = file === undefined ? {} : await fromFile(table, file)
  const values = Object.entries(table).map(([name, flag]) => {
    return [name, flag.value(given[name] ?? variables[name] ?? keys[name])]
  })
  return Object.fromEntries(values) as FlagValues<F>
}

/** Anything that begins like our variables and is none was meant to be one. */
function fromEnvironment(table: FlagTable, server: ServerName, environment: Environment): GivenFlags {
  const byVariable = namesBy(table, alias => variableName(server, alias))
  const given: Record<string, readonly string[]> = {}
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith(variablePrefix(server)) || value === undefined) continue
    const name = byVariable.get(variable)
    if (name === undefined) {
      const hint = didYouMean(variable, byVariable.keys())
      throw fail('INVALID_OPTION', [variable, `the ${server} has no such environment variable${hint}`])
    }
    given[name] = checked(table[name], variable, table[name].isRepeatable ? value.split(',') : [value])
  }
  return given
}

async function fromFile(table: FlagTable, file: string): Promise<GivenFlags> {
  const byKey = namesBy(table, tomlKey)
  const given: Record<string, readonly string[]> = {}
  for (const [key, value] of Object.entries(await tomlOf(file))) {
    const name = byKey.get(key)
    if (name === undefined || name === 'configFile') {
      throw fail('INVALID_OPTION', [key, `${file} has a key that there is not${didYouMean(key, byKey.keys())}`])
    }
    const list = table[name].isRepeatable && Array.isArray(value) ? value : [value]
    given[name] = checked(
      table[name],
      `${key} of ${file}`,
      list.map(entry => scalarText(entry, key, file)),
    )
  }
  return given
}

async function tomlOf(file: string): Promise<Readonly<Record<string, unknown>>> {
  const { parse } = await import('smol-toml')
  try {
    return parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw fail('INVALID_OPTION', ['config-file', `${file}: ${(error as Error).message}`], { cause: error })
  }
}

function scalarText(value: unknown, key: string, file: string): string {
  if (['string', 'number', 'boolean', 'bigint'].includes(typeof value)) return String(value)
  throw fail('INVALID_OPTION', [key, `${file} gives it something other than a text, a number, true or false`])
}

const namesBy = (table: FlagTable, rename: (alias: string) => string): ReadonlyMap<string, string> =>
  new Map(Object.entries(table).flatMap(([name, flag]) => namesOf(name, flag).map(alias => [rename(alias), name])))

/** The texts, each of which is a value of the flag. */
function checked(flag: Flag<unknown>, where: string, texts: readonly string[]): readonly string[] {
  for (const given of texts) {
    try {
      flag.check(given)
    } catch (error) {
      throw fail('INVALID_OPTION', [where, `'${given}' is invalid. ${(error as Error).message}`])
    }
  }
  return texts
}
