/** `ballista trace`: shows what becomes of one query on its way through the engine. */
import type { Command } from 'commander'
import { collect } from './options.js'

export function traceCommand(program: Command): void {
  program
    .command('trace')
    .description('print AST, plans, rules, stages and frames of a query')
    .argument('<sql>', 'one query')
    .option('-t, --table <name=path>', 'register a CSV or Parquet file first (repeatable)', collect, [
      'example=test/data/example.csv',
    ])
    .action(async (sql: string, flags: { readonly table: readonly string[] }) => {
      const { traceQuery } = await import('../session/trace.js')
      process.stdout.write(await traceQuery(sql, flags.table))
    })
}
