/** The prompt's own commands: a backslash, a name, and what it is about. */
import { readFile } from 'node:fs/promises'
import { fail } from '../../common/errors.js'
import { aggregateFunction, functionNames, scalarFunction } from '../../expr/functions/index.js'
import { quoteIdent } from '../../parser/quote.js'
import { didYouMean } from '../../common/errors.js'
import { FORMATS, type Format } from '../../session/output/result-writer.js'
import type { FunctionEntry } from '../../session/user-functions.js'

/** What the commands change; the prompt reads it before each statement. */
export interface PromptSettings {
  format: Format
  /** Rows that a table shows at most. */
  maxRows: number
  /** Neither row counts nor times. */
  quiet: boolean
  timing: boolean
}

/** What a command may do. */
export interface CommandContext {
  readonly settings: PromptSettings
  /** Those of the session, beside SQL's own. */
  userFunctions(): readonly FunctionEntry[]
  print(text: string): void
  /** Runs one statement and prints its rows and errors. */
  run(sql: string): Promise<void>
  /** Runs lines as if they were typed. */
  feed(lines: readonly string[]): Promise<void>
  quit(): void
}

interface Command {
  readonly name: string
  readonly usage: string
  readonly description: string
  run(argument: string, context: CommandContext): Promise<void> | void
}

const COMMANDS: readonly Command[] = [
  { name: '?', usage: '\\?', description: 'this list', run: (_, { print }) => print(commandList()) },
  { name: 'd', usage: '\\d [table]', description: 'tables and views, or the columns of one', run: describe },
  { name: 'h', usage: '\\h [function]', description: 'functions, or what one does', run: help },
  { name: 'i', usage: '\\i file', description: 'run the statements of a file', run: include },
  { name: 'pset', usage: '\\pset [format name | maxrows count]', description: 'show or set how rows are printed', run: pset },
  { name: 'q', usage: '\\q', description: 'quit; so does Ctrl-D', run: (_, { quit }) => quit() },
  { name: 'quiet', usage: '\\quiet [on | off]', description: 'leave out row counts and times', run: toggle('quiet') },
  { name: 'timing', usage: '\\timing [on | off]', description: 'show the time of statements', run: toggle('timing') },
] // oxfmt-ignore

export const commandNames = (): string[] => COMMANDS.map(({ name }) => `\\${name}`)

/** Runs a line that starts with a backslash. Throws INVALID_ARGUMENT for what it does not understand, and what the command throws. */
export async function runCommand(line: string, context: CommandContext): Promise<void> {
  const [, name, argument] = /^\\(\S*)\s*(.*?)\s*;?\s*$/s.exec(line) ?? []
  const command = COMMANDS.find(candidate => candidate.name === name)
  if (command === undefined) throw fail('INVALID_ARGUMENT', [`there is no command \\${name}; \\? lists them`])
  await command.run(argument, context)
}

function commandList(): string {
  const width = Math.max(...COMMANDS.map(({ usage }) => usage.length))
  return COMMANDS.map(({ usage, description }) => `${usage.padEnd(width)}  ${description}\n`).join('')
}

async function describe(table: string, { run }: CommandContext): Promise<void> {
  await run(table === '' ? 'SHOW TABLES' : `DESCRIBE ${/^[\w."]+$/.test(table) ? table : quoteIdent(table)}`)
}

/** What is called like a function but becomes another expression when it is bound. */
const FORMS: Readonly<Record<string, string>> = {
  arrow_cast: "arrow_cast(value, 'Int32'): the value in the Arrow type of that name",
  arrow_try_cast: 'arrow_try_cast: as arrow_cast, NULL where that fails',
  if: 'if(condition, a, b): a where the condition is true, else b',
  mod: 'mod(a, b): the remainder of a / b, as a % b',
  nvl2: 'nvl2(value, a, b): a where the value is not NULL, else b',
}

function help(name: string, { print, userFunctions }: CommandContext): void {
  const own = userFunctions()
  const names = [...functionNames(), ...own.map(each => each.name)]
  if (name === '') {
    print(`${columns(names.toSorted())}\\h and a name tells what it does.\n`)
    return
  }
  const lower = name.toLowerCase()
  const found = scalarFunction(lower) ?? aggregateFunction(lower)
  if (found === undefined && functionNames().includes(lower)) {
    print(`${FORMS[lower] ?? `${lower} is a form of the language, no function of its own`}\n`)
    return
  }
  const ofSession = own.find(each => each.name === lower)
  if (ofSession !== undefined) return print(`${lower}: ${ofSession.description}\n`)
  if (found === undefined) throw fail('FUNCTION_NOT_FOUND', [name, didYouMean(name, names)])
  const also = found.aliases.length === 0 ? '' : ` (also ${found.aliases.join(', ')})`
  const examples = found.examples.map(({ sql, result }) => `  ${sql} = ${result}\n`)
  print(`${found.name}${also}: ${found.description}\n${examples.join('')}`)
}

async function include(file: string, { feed }: CommandContext): Promise<void> {
  if (file === '') throw fail('INVALID_ARGUMENT', ['\\i needs a file'])
  const text = await readFile(file.replace(/^'(.*)'$/, '$1'), 'utf8').catch((error: Error) => {
    throw fail('INVALID_ARGUMENT', [`cannot read it: ${error.message}`], { cause: error })
  })
  await feed(text.split(/\r?\n/))
}

function pset(argument: string, { settings, print }: CommandContext): void {
  const [key = '', value = '', ...more] = argument.split(/[\s=]+/)
  if (more.length === 0 && key === 'format' && (FORMATS as readonly string[]).includes(value)) {
    settings.format = value as Format
  } else if (more.length === 0 && key === 'maxrows' && /^(?:\d+|inf)$/.test(value)) {
    settings.maxRows = value === 'inf' ? Infinity : Number(value)
  } else if (key !== '') {
    throw fail('INVALID_ARGUMENT', [`expected \\pset format ${FORMATS.join(' | ')} or \\pset maxrows count | inf`])
  }
  print(`format ${settings.format}, maxrows ${settings.maxRows === Infinity ? 'inf' : settings.maxRows}\n`)
}

function toggle(key: 'quiet' | 'timing'): Command['run'] {
  return (argument, { settings, print }) => {
    if (!/^(?:|on|off|true|false)$/i.test(argument)) throw fail('INVALID_ARGUMENT', [`expected \\${key} on or off`])
    settings[key] = argument === '' ? !settings[key] : /^(?:on|true)$/i.test(argument)
    print(`${key} is ${settings[key] ? 'on' : 'off'}\n`)
  }
}

/** Names side by side, down the columns, in lines of at most 80 characters. */
function columns(names: readonly string[]): string {
  const width = Math.max(...names.map(({ length }) => length)) + 2
  const perLine = Math.max(1, Math.floor(80 / width))
  const lines = Math.ceil(names.length / perLine)
  return Array.from({ length: lines }, (_, line) =>
    names
      .filter((_name, i) => i % lines === line)
      .map(name => name.padEnd(width))
      .join('')
      .trimEnd(),
  )
    .map(line => `${line}\n`)
    .join('')
}
