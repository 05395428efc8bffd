/** What docs/generated/flags.md says: every flag of the servers, under all its names. */
import { EXECUTOR_FLAGS } from './executor-flags.js'
import type { FlagTable } from './flag.js'
import { namesOf, tomlKey, variableName, type ServerName } from './flag-sources.js'
import { SCHEDULER_FLAGS } from './scheduler-flags.js'

const INTRODUCTION = `# Flags of the servers

Made from \`src/cli/flags\` by \`npm run docs\`. A value comes from the command line, else from the environment, else from the TOML file
that \`--config-file\` names. Variables that begin like these and keys of the file that are not listed here are errors.
`

export const flagManual = (): string =>
  [INTRODUCTION, section('scheduler', SCHEDULER_FLAGS), section('executor', EXECUTOR_FLAGS)].join('\n')

function section(server: ServerName, table: FlagTable): string {
  const rows = Object.entries(table).map(([key, flag]) => {
    const [own, ...aliases] = namesOf(key, flag)
    const value = flag.placeholder === undefined ? '' : ` <${flag.placeholder}>`
    const others = [...(flag.short === undefined ? [] : [`-${flag.short}`]), ...aliases.map(alias => `--${alias}`)]
    const also = others.length === 0 ? '' : ` (also ${others.map(name => `\`${name}\``).join(', ')})`
    const many = flag.isRepeatable === true ? ' (repeatable)' : ''
    return `| \`--${own}${value}\`${also}${many} | ${flag.defaultText ?? ''} | ${flag.doc} |\n`
  })
  const [first] = Object.keys(table)
  const [flag] = namesOf(first, table[first])
  return `## ballista ${server}

\`--${flag}\` is \`${variableName(server, flag)}\` in the environment and \`${tomlKey(flag)}\` in the file; the others likewise.

| flag | default | meaning |
|---|---|---|
${rows.join('')}`
}
