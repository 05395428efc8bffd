/**
 * The .slt format: SQL with its expected rows. Records are separated by blank lines; `#` starts a comment line.
 *
 *   statement ok                    query [rowsort]            query error CODE
 *   CREATE VIEW v AS SELECT 1       SELECT a, b FROM t         SELECT nope
 *                                   ----                       ----
 *                                   1 x                        the whole message (optional)
 *
 * Cells are separated by one blank; NULL is `NULL`, the empty string `(empty)`, a line end inside a cell `\n`. `rowsort` sorts
 * both sides by text. `$DIR` in SQL and messages is an empty directory of the run's own, `$HOST` in messages this host.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { columnValues } from '../../src/arrow/column.js'
import type { DataType, Value } from '../../src/arrow/types.js'
import { BallistaError } from '../../src/common/errors.js'
import { valueText } from '../../src/expr/value-text.js'
import type { SessionContext } from '../../src/session/context.js'
import { given } from '../../src/session/dataframe.js'

export interface SltRecord {
  readonly line: number
  readonly kind: 'statement' | 'query'
  /** The error code that is expected instead of success. */
  readonly error?: string
  readonly rowSort: boolean
  readonly sql: string
  readonly expected: readonly string[]
  /** The record up to the expected part, as written. */
  readonly head: readonly string[]
}

/** Records and, between them, text to keep (comments, blank lines). */
export function parseSlt(text: string): (SltRecord | string)[] {
  const lines = text.replace(/\n+$/, '').split('\n')
  const parts: (SltRecord | string)[] = []
  for (let at = 0; at < lines.length;) {
    const header = /^(statement|query)(?: (ok|rowsort|error ([A-Z_]+)))?$/.exec(lines[at])
    if (!header) {
      if (lines[at] !== '' && !lines[at].startsWith('#')) throw new Error(`line ${at + 1}: not a record: ${lines[at]}`)
      parts.push(lines[at++])
      continue
    }
    const start = at
    while (at < lines.length && lines[at] !== '' && lines[at] !== '----') at++
    const head = lines.slice(start, at)
    const from = at + 1
    if (lines[at] === '----') while (at < lines.length && lines[at] !== '') at++
    parts.push({
      line: start + 1,
      kind: header[1] as 'statement' | 'query',
      ...(header[3] === undefined ? {} : { error: header[3] }),
      rowSort: header[2] === 'rowsort',
      sql: head.slice(1).join('\n'),
      expected: lines.slice(from, Math.max(from, at)),
      head,
    })
  }
  return parts
}

/** What the record gives: its rows as lines, or `CODE: message`. */
async function runRecord(
  ctx: SessionContext,
  record: SltRecord,
  directory: string,
): Promise<{ error?: string; lines: string[] }> {
  try {
    const { batches } = await (await ctx.sql(record.sql.replaceAll('$DIR', directory))).execute()
    const lines: string[] = []
    for await (const batch of given(batches)) {
      const columns = batch.columns.map(column => columnValues(column).map(value => cellText(value, column.type)))
      for (let row = 0; row < batch.rowCount; row++) lines.push(columns.map(column => column[row]).join(' '))
    }
    return { lines: record.rowSort ? lines.sort() : lines }
  } catch (error) {
    if (!(error instanceof BallistaError)) throw error
    const message = error.message.replaceAll(directory, '$DIR').replaceAll(hostname(), '$HOST')
    return { error: error.code, lines: message.split('\n') }
  }
}

function cellText(value: Value, type: DataType): string {
  if (value === null) return 'NULL'
  return valueText(value, type).replaceAll('\n', '\\n') || '(empty)'
}

/**
 * Runs a file; gives the differences (empty: all passed). With `update` the file's expected parts are written anew instead.
 */
export async function runSlt(
  ctx: SessionContext,
  path: string,
  { update, directory }: { readonly update: boolean; readonly directory: string },
): Promise<string[]> {
  const parts = parseSlt(readFileSync(path, 'utf8'))
  const differences: string[] = []
  const output: string[] = []
  for (const part of parts) {
    if (typeof part === 'string') {
      output.push(part)
      continue
    }
    const { error, lines } = await runRecord(ctx, part, directory)
    const where = `${path}:${part.line}`
    if (error !== part.error)
      differences.push(`${where}: expected ${part.error ?? 'success'}, got ${error ?? 'success'}: ${lines.join(' / ')}`)
    const shown = part.kind === 'query' || part.error !== undefined
    const checked = shown && (part.error === undefined || part.expected.length > 0)
    const expected = part.rowSort ? part.expected.toSorted() : part.expected
    if (error === part.error && checked && lines.join('\n') !== expected.join('\n')) {
      differences.push(`${where}: ${part.sql}\n--- expected\n${expected.join('\n')}\n--- got\n${lines.join('\n')}`)
    }
    output.push(...part.head)
    if (shown) output.push('----', ...lines)
  }
  if (!update) return differences
  writeFileSync(path, `${output.join('\n')}\n`)
  return differences.filter(difference => difference.includes(': expected '))
}
