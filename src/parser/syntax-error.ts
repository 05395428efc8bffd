/** Turns a failed parse into a message for people, and any error with a place into text that shows the place. */
import { didYouMean, fail } from '../common/errors.js'
import type { BallistaError, Span } from '../common/errors.js'
import { nextToken } from './scan.js'
import type { Token } from './scan.js'

/** What the generated parser reports: where it could not go on and what it could have gone on with there. */
export interface ParseFailure {
  readonly offset: number
  readonly expected: readonly Expectation[]
}

/** `text` of a literal of the grammar, `description` of a named rule. */
export interface Expectation {
  readonly type: string
  readonly text?: string
  readonly description?: string
}

/** Longer words are no misspelt keywords. */
const MAX_MISSPELLING = 20

/** More alternatives than these do not help a reader. */
const MAX_ALTERNATIVES = 7

/** Found together with a number, these say nothing more than "an expression". */
const EXPRESSION_STARTS = new Set([
  'number',
  'a string',
  'a name',
  'parameter',
  'sign',
  '"("',
  '"["',
  '"{"',
  '"*"',
  'a word',
  ...`NOT CASE CAST
  ARRAY TRY_CAST EXISTS TRUE FALSE NULL EXTRACT INTERVAL TRIM SUBSTRING OVERLAY POSITION LEFT RIGHT DISTINCT ALL ANY SOME`.split(
    /\s+/,
  ),
])

/** The same with LATERAL: "a table". */
const TABLE_STARTS = new Set(['a string', 'a name', 'a word', '"("', 'LATERAL', 'VALUES', 'WITH', 'SELECT', 'FROM'])

const STATEMENT_STARTS = new Set([
  '"("',
  ...`ANALYZE COPY CREATE DEALLOCATE DELETE DESC DESCRIBE DROP EXECUTE EXPLAIN FROM INSERT PREPARE SELECT SET SHOW
  SUMMARIZE TABLE TRUNCATE UPDATE VALUES
  WITH`.split(/\s+/),
])

const JOIN_STARTS = new Set(['ANTI', 'CROSS', 'FULL', 'INNER', 'LEFT', 'NATURAL', 'RIGHT', 'SEMI'])

/** What may follow any operand; said once, as "operator". */
const AFTER_OPERAND = new Set([
  '"("',
  '"["',
  'LIKE',
  'ILIKE',
  'SIMILAR',
  'WITHIN',
  'IGNORE',
  'RESPECT',
  'BETWEEN',
  'IN',
  'OVER',
  'FILTER',
  'ESCAPE',
  'interval unit',
])

const NESTED_TYPES = new Set(['MAP', 'STRUCT'])

/** Possible nearly everywhere, and never what is missing. */
const NEVER_SAID = new Set(['white space', 'dot'])

/** The SYNTAX error "expected … but found …" with the span of the token found. */
export function syntaxError(sql: string, { offset, expected }: ParseFailure): BallistaError {
  const token = nextToken(sql, offset)
  const found = token === undefined ? 'the end of the text' : tokenText(sql, token)
  const alternatives = describeAll(expected)
  const span = token ?? { start: sql.length, end: sql.length }
  const hint = misspelling(sql, token, expected)
  const message = alternatives === '' ? `unexpected ${found}` : `expected ${alternatives} but found ${found}`
  return fail('SYNTAX', [message + hint], { span: { start: span.start, end: span.end } })
}

/**
 * The message of an error with its code, and, when it has a place in `sql`, that line of the text with carets below the place.
 * Lines are separated by a line feed; the text has no line feed at its end.
 */
export function formatError(error: BallistaError, sql: string): string {
  const message = `${error.message} [${error.code}]`
  if (error.span === undefined || error.span.start > sql.length) return message
  return `${message}\n${excerpt(sql, error.span)}`
}

/** `line 2: SELECT x` and the caret line. Long lines are cut around the place. */
function excerpt(sql: string, { start, end }: Span): string {
  const widthLimit = 100
  const lineStart = sql.lastIndexOf('\n', start - 1) + 1
  const lineBreak = sql.indexOf('\n', start)
  const lineEnd = lineBreak < 0 ? sql.length : lineBreak
  const from = Math.max(lineStart, start - (widthLimit >> 1))
  const to = Math.min(lineEnd, from + widthLimit)
  const prefix = `line ${sql.slice(0, lineStart).split('\n').length}: ${from > lineStart ? '…' : ''}`
  const shown = sql.slice(from, to).replaceAll('\t', ' ').replace(/\r$/, '')
  const carets = Math.max(1, Math.min(end, from + shown.length) - start)
  return `${prefix}${shown}${to < lineEnd ? '…' : ''}\n${' '.repeat(prefix.length + start - from)}${'^'.repeat(carets)}`
}

function tokenText(sql: string, { kind, start, end }: Token): string {
  const text = end - start > 30 ? `${sql.slice(start, start + 30)}…` : sql.slice(start, end)
  return kind === 'string' || kind === 'quoted' ? text : `'${text}'`
}

function describeAll(expected: readonly Expectation[]): string {
  const names = new Set(expected.map(describe).filter(name => name !== ''))
  collapse(names, 'number', EXPRESSION_STARTS, 'an expression')
  collapse(names, 'LATERAL', TABLE_STARTS, 'a table')
  collapse(names, 'RESET', STATEMENT_STARTS, 'a statement')
  collapse(names, 'JOIN', JOIN_STARTS, 'JOIN')
  collapse(names, 'operator', AFTER_OPERAND, 'an operator')
  collapse(names, 'a type', NESTED_TYPES, 'a type')
  if (names.has('a name')) names.delete('a word')
  const sorted = [...names].sort(byRank)
  const shown = sorted.slice(0, MAX_ALTERNATIVES)
  const last = shown.length > 1 && sorted.length === shown.length ? shown.pop() : undefined
  if (sorted.length > MAX_ALTERNATIVES) return `${shown.join(', ')}, …`
  return last === undefined ? shown.join('') : `${shown.join(', ')} or ${last}`
}

/** When `sign` is among the names, replaces it and all of `members` by `summary`. */
function collapse(names: Set<string>, sign: string, members: ReadonlySet<string>, summary: string): void {
  if (!names.delete(sign)) return
  for (const name of names) if (members.has(name)) names.delete(name)
  names.add(summary)
}

/** Named things first, then keywords, then punctuation; each alphabetically. */
function byRank(one: string, other: string): number {
  const rank = (name: string): number => (/^[a-z]/.test(name) ? 0 : /^[A-Z]/.test(name) ? 1 : 2)
  return rank(one) - rank(other) || (one < other ? -1 : 1)
}

/** Keywords in capitals, punctuation in double quotes, rules by name; nothing for what is never said. */
function describe({ type, text, description }: Expectation): string {
  if (type === 'end') return 'end of statement'
  if (type === 'other') return description === undefined || NEVER_SAID.has(description) ? '' : description
  if (type !== 'literal' || text === undefined) return ''
  return /^\w+$/.test(text) ? text.toUpperCase() : `"${text}"`
}

/** Names the keyword that the word found, or the word before it (taken for an alias), seems to be. */
function misspelling(sql: string, found: Token | undefined, expected: readonly Expectation[]): string {
  const keywords = expected.flatMap(({ type, text }) =>
    type === 'literal' && text !== undefined && /^\w{3,}$/.test(text) ? [text] : [],
  )
  const before = wordBefore(sql, found?.start ?? sql.length)
  const here =
    found?.kind === 'word' && found.end - found.start <= MAX_MISSPELLING ? sql.slice(found.start, found.end) : ''
  for (const word of [here, before]) {
    if (word === '' || keywords.includes(word.toLowerCase())) continue
    const guess = didYouMean(
      word,
      keywords.map(keyword => keyword.toUpperCase()),
    )
    if (guess !== '') return word === here ? guess : `${guess.slice(0, -1)} instead of '${word}'?`
  }
  return ''
}

function wordBefore(sql: string, end: number): string {
  return /([A-Za-z_]\w{2,19})\s+$/.exec(sql.slice(Math.max(0, end - 60), end))?.[1] ?? ''
}
