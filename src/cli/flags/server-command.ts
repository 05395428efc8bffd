/** Subcommands that start a server: their options on the command line, and what becomes of wrong ones. */
import { Option, type Command } from 'commander'
import { BallistaError } from '../../common/errors.js'
import type { Flag, FlagTable, FlagValues } from './flag.js'
import { flagName, namesOf, resolveFlags, variableName, type ServerName } from './flag-sources.js'

export interface ServerCommand<F extends FlagTable> {
  readonly name: ServerName
  readonly description: string
  readonly flags: F
  run(values: FlagValues<F>): Promise<void>
}

/** Wrong values, wherever they come from, are wrong usage. */
export function addServerCommand<F extends FlagTable>(program: Command, server: ServerCommand<F>): void {
  const { name, description, flags } = server
  const command = program.command(name).description(description)
  const example = variableName(name, flagName('bindHost'))
  command.addHelpText(
    'after',
    `\nFlags may also come from the environment (${example}=…) or from a file (--config-file).`,
  )
  for (const [key, flag] of Object.entries(flags)) for (const option of optionsOf(key, flag)) command.addOption(option)
  command.action(async () => {
    try {
      await server.run(await valuesOf(command, server))
    } catch (error) {
      if (error instanceof BallistaError && error.code === 'INVALID_OPTION') command.error(`error: ${error.message}`)
      throw error
    }
  })
}

function valuesOf<F extends FlagTable>(command: Command, { flags, name }: ServerCommand<F>): Promise<FlagValues<F>> {
  const given = Object.fromEntries(Object.entries(flags).map(([key, flag]) => [key, givenTexts(command, key, flag)]))
  return resolveFlags(flags, { server: name, given, environment: process.env })
}

/** The flag, and one hidden option for each of its other names. */
function optionsOf(key: string, flag: Flag<unknown>): Option[] {
  const [own, ...aliases] = namesOf(key, flag)
  const value = flag.placeholder === undefined ? '' : ` <${flag.placeholder}>`
  const short = flag.short === undefined ? '' : `-${flag.short}, `
  const shown = flag.defaultText === undefined ? '' : ` (default: ${flag.defaultText})`
  return [
    checkedOption(flag, new Option(`${short}--${own}${value}`, `${flag.doc}${shown}`)),
    ...aliases.map(alias => checkedOption(flag, new Option(`--${alias}${value}`).hideHelp())),
  ]
}

/** Its value is the list of all texts given, or true for a switch. */
const checkedOption = (flag: Flag<unknown>, option: Option): Option =>
  flag.placeholder === undefined
    ? option
    : option.argParser((text, before: readonly string[] | undefined) => {
        flag.check(text)
        return [...(before ?? []), text]
      })

function givenTexts(command: Command, key: string, flag: Flag<unknown>): readonly string[] | undefined {
  const texts = namesOf(key, flag).flatMap(name => {
    const value: unknown = command.getOptionValue(name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()))
    return value === undefined ? [] : value === true ? ['true'] : (value as readonly string[])
  })
  return texts.length === 0 ? undefined : texts
}
