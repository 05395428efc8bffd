/** ANALYZE: counts what is in a table, and has that kept for as long as the table's files are the same. */
import { setTimeout } from 'node:timers/promises'
import { columnValues, releaseBatch } from '../arrow/column.js'
import { decodeBatch } from '../arrow/frame.js'
import type { Field, Schema } from '../arrow/schema.js'
import type { DataType } from '../arrow/types.js'
import { addStatistics, type AnalyzedColumn, type TableStatistics } from '../catalog/table-statistics.js'
import { didYouMean, fail } from '../common/errors.js'
import type { StatementNode } from '../parser/ast.js'
import { quoteIdent } from '../parser/quote.js'
import { countRow } from './held-rows.js'
import type { RunOptions } from './run-options.js'
import type { HeldRows, Session } from './session.js'

type AnalyzeNode = Extract<StatementNode, { kind: 'analyze' }>

/** Longer than file systems take to give the next time of change: what changes a file after it changes its version. */
const STAMP_MS = 20

const BOUNDED: ReadonlySet<DataType['kind']> = new Set(['int', 'float', 'decimal', 'date', 'timestamp'])
const COUNTED: ReadonlySet<DataType['kind']> = new Set([...BOUNDED, 'utf8', 'boolean'])

/**
 * Gives the number of rows. `text`: the statement. Throws TABLE_NOT_FOUND, COLUMN_NOT_FOUND, NOT_SUPPORTED for what has no files, and
 * INVALID_ARGUMENT for views, and for tables that change meanwhile.
 */
export async function analyzeTable(
  session: Session,
  { columns, table }: AnalyzeNode,
  text: string,
  options: RunOptions,
): Promise<HeldRows> {
  const path = table.map(ident => ident.name)
  const own = session.tables.get(path)
  const [[fingerprint, owner]] = await session.command(text, options)
  await setTimeout(STAMP_MS)
  const source = path.map(quoteIdent).join('.')
  const schema = await session.schemaOf(session.statement(`SELECT * FROM ${source}`), options)
  const fields = columns.length === 0 ? schema.fields : columns.map(column => fieldNamed(column, schema))
  const found = await session.collect(session.statement(`SELECT ${measures(fields)} FROM ${source}`), options)
  const analyzed = statisticsIn(found, fields, fingerprint)
  await session.command(text, { ...options, analyzed })
  if (owner === 'session') {
    if (own?.kind !== 'listing' || session.tables.get(path) !== own) throw changed(path)
    const known = { ...own, analyzed: addStatistics(own.analyzed, analyzed) }
    await session.open(known, options)
    session.register(path, known)
  }
  return countRow(analyzed.rowCount)
}

export const changed = (path: readonly string[]): Error =>
  fail('INVALID_ARGUMENT', [`table '${path.join('.')}' changed while it was analyzed; try again`])

function fieldNamed({ name, span }: AnalyzeNode['columns'][number], { fields }: Schema): Field {
  const found = fields.find(field => field.name === name)
  if (found !== undefined) return found
  const names = fields.map(field => field.name)
  throw fail('COLUMN_NOT_FOUND', [name, didYouMean(name, names)], { span })
}

/** One row of texts: the number of rows, then of each column its values, distinct values, lowest and highest value. */
const measures = (fields: readonly Field[]): string =>
  [
    'count(*)',
    ...fields.flatMap(({ name, type }) => {
      const column = quoteIdent(name)
      const bound = (sql: string): string => (BOUNDED.has(type.kind) ? sql : 'NULL')
      const distinct = COUNTED.has(type.kind) ? `approx_distinct(${column})` : 'NULL'
      return [`count(${column})`, distinct, bound(`min(${column})`), bound(`max(${column})`)]
    }),
  ]
    .map((sql, i) => `CAST(${sql} AS VARCHAR) AS m${i}`)
    .join(', ')

function statisticsIn({ batches, schema }: HeldRows, fields: readonly Field[], fingerprint: string): TableStatistics {
  const batch = decodeBatch(batches[0].bytes, schema)
  try {
    const [rowCount, ...texts] = batch.columns.map(column => columnValues(column)[0] as string | null)
    const columns = fields.map(({ name }, i): AnalyzedColumn => {
      const [count, distinct, min, max] = texts.slice(4 * i, 4 * i + 4)
      return {
        name,
        nullCount: Number(rowCount) - Number(count),
        ...(distinct === null ? {} : { distinctCount: Number(distinct) }),
        ...(min === null || min === 'NaN' ? {} : { min }),
        ...(max === null || max === 'NaN' ? {} : { max }),
      }
    })
    return { fingerprint, rowCount: Number(rowCount), columns }
  } finally {
    releaseBatch(batch)
  }
}
