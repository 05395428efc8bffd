/** `ballista trace`: shows what becomes of one query on its way through the engine. */
import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { collect } from './options.js'

/** Of the checkout; the table there is when no other is named. */
const EXAMPLE = 'test/data/example.csv'

export function traceCommand(program: Command): void {
  program
    .command('trace')
    .description('print AST, plans, rules, stages and frames of a query')
    .argument('<sql>', 'one query')
    .option('-t, --table <name=path>', 'register a CSV or Parquet file first (repeatable)', collect)
    .action(async (sql: string, flags: { readonly table?: readonly string[] }) => {
      const { traceQuery } = await import('../session/trace.js')
      const tables = flags.table ?? (existsSync(EXAMPLE) ? [`example=${EXAMPLE}`] : [])
      process.stdout.write(await traceQuery(sql, tables))
    })
}
