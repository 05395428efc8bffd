/** One query followed through every layer, as text: the living form of ARCHITECTURE.md. */
import { extname } from 'node:path'
import { encodeBatch } from '../arrow/frame.js'
import { displayLogical } from '../logical/display.js'
import { displayPhysical } from '../physical/display.js'
import { OPERATORS } from '../physical/operators/index.js'
import { EXCHANGE_OPERATORS } from '../exchange/operators.js'
import { astText } from '../parser/ast-text.js'
import { SessionContext } from './context.js'
import { planStatement } from './plan-statement.js'
import { absolutePath, type Registration } from './registration.js'
import { given } from './run-options.js'

/** Two slots, and files split however small they are, so that the plan has exchanges. */
const SLOTS = 2
const SETTINGS = { 'ballista.optimizer.repartition_file_min_size': '1' }

/**
 * Syntax tree, bound plan, rules that fired, physical plan, stages and result frames of `sql`. `tables` are `name=path` of
 * CSV or Parquet files. Deterministic: no times, no machine's paths.
 */
export async function traceQuery(sql: string, tables: readonly string[]): Promise<string> {
  const registrations = tables.map(registrationOf)
  const sections: string[] = [`SQL\n${indent(sql)}`]
  const add = (title: string, text: string): void => void sections.push(`${title}\n${indent(text)}`)
  await planStatement(
    { sql, settings: SETTINGS, registrations, baseDirectory: process.cwd() },
    {
      slots: SLOTS,
      now: 0n,
      allowsUserCode: false,
      trace: {
        statement: statement => add('1. Syntax tree (src/parser)', astText(statement)),
        logical: plan => add('2. Logical plan (src/logical)', displayLogical(plan)),
        rule: event => add(`3. Rule ${event.rule}, pass ${event.pass} (src/optimizer)`, displayLogical(event.after)),
        physical: plan =>
          add('4. Physical plan (src/physical)', displayPhysical(plan, [...OPERATORS, ...EXCHANGE_OPERATORS])),
        stages: stages =>
          stages.forEach(stage => {
            const inputs = stage.inputs.map(input => `edge ${input.edge}`).join(', ') || 'files'
            const title = `5. Stage ${stage.id}: ${stage.taskCount} task(s), reads ${inputs} (src/exchange)`
            add(title, displayPhysical(stage.plan, [...OPERATORS, ...EXCHANGE_OPERATORS]))
          }),
      },
    },
  )
  add('6. Result frames (src/arrow/frame.ts)', await resultFrames(sql, tables))
  return `${sections.join('\n\n')}\n`
}

/** Runs the query in this process and encodes its batches as they would cross a network. */
async function resultFrames(sql: string, tables: readonly string[]): Promise<string> {
  const ctx = new SessionContext({ settings: SETTINGS })
  try {
    for (const { name, path, format } of tables.map(registrationOf)) {
      if (format === 'parquet') await ctx.registerParquet(name, path)
      else await ctx.registerCsv(name, path)
    }
    const lines: string[] = []
    const { batches } = await (await ctx.sql(sql)).execute()
    for await (const batch of given(batches)) {
      const frame = encodeBatch(batch)
      lines.push(`frame of ${batch.rowCount} rows, ${frame.byteLength} bytes`)
    }
    // Tasks finish in any order, and so do the rows of a group-by without ORDER BY.
    return lines.sort().join('\n')
  } finally {
    await ctx.close()
  }
}

function registrationOf(table: string): Extract<Registration, { kind: 'listing' }> {
  const at = table.indexOf('=')
  const path = absolutePath(table.slice(at + 1), process.cwd())
  const format = extname(path) === '.parquet' ? 'parquet' : 'csv'
  return { kind: 'listing', name: table.slice(0, at), path, format, options: {} }
}

const indent = (text: string): string =>
  text
    .split('\n')
    .map(line => `  ${line}`)
    .join('\n')
