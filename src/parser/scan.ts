/**
 * A small scanner for what must be known before or without parsing: statement ends, nesting depth, the token at a
 * place.
 */
import { fail } from '../common/errors.js'

export type TokenKind = 'space' | 'comment' | 'word' | 'quoted' | 'string' | 'number' | 'symbol'

export interface Token {
  readonly kind: TokenKind
  readonly start: number
  readonly end: number
  /** False for a string, quoted name or comment that the text ends in. */
  readonly closed: boolean
}

export interface StatementText {
  /** Without surrounding white space and comments, and without the `;`. */
  readonly text: string
  /** Where `text` starts in the whole text, in UTF-16 code units. */
  readonly start: number
}

/**
 * Parentheses, CASE and runs of unary operators within each other: keeps every recursive pass over the tree within
 * the stack.
 */
export const MAX_NESTING = 128

/** Longer texts are refused: a bound on memory, far above any query that people or programs write. */
export const MAX_SQL_LENGTH = 1_000_000

/** What each closing symbol closes. */
const OPENING: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' }

const SPACE = /[\s\uFEFF]+/y
const WORD = /[\p{L}_][\p{L}\p{N}_$]*/uy
const NUMBER = /(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?/y
const DOLLAR_TAG = /\$(?:[\p{L}_][\p{L}\p{N}_]*)?\$/uy

/** The token at `start` (which must be before the end); every character belongs to exactly one token. */
export function tokenAt(sql: string, start: number): Token {
  const char = sql[start]
  if (char === "'") return quotedToken(sql, start, start + 1, "'", 'string')
  if (char === '"') return quotedToken(sql, start, start + 1, '"', 'quoted')
  if ((char === 'e' || char === 'E') && sql[start + 1] === "'") return escapedString(sql, start)
  const space = matchAt(SPACE, sql, start)
  if (space > start) return token('space', start, space)
  const word = matchAt(WORD, sql, start)
  if (word > start) return token('word', start, word)
  const number = matchAt(NUMBER, sql, start)
  if (number > start) return token('number', start, number)
  if (char === '-' && sql[start + 1] === '-') return token('comment', start, endOr(sql.indexOf('\n', start), sql))
  if (char === '/' && sql[start + 1] === '*') return blockComment(sql, start)
  const tag = char === '$' ? matchAt(DOLLAR_TAG, sql, start) : start
  if (tag > start) return dollarString(sql, start, tag)
  return token('symbol', start, start + ((sql.codePointAt(start) ?? 0) > 0xffff ? 2 : 1))
}

/** The first token at or after `start` that is no white space and no comment; undefined at the end of the text. */
export function nextToken(sql: string, start: number): Token | undefined {
  for (let at = start; at < sql.length;) {
    const found = tokenAt(sql, at)
    if (found.kind !== 'space' && found.kind !== 'comment') return found
    at = found.end
  }
  return undefined
}

/**
 * The statements of a text, split at each `;` outside strings, comments and quoted names. Empty ones are dropped.
 * Never throws.
 */
export function splitStatements(sql: string): StatementText[] {
  const statements: StatementText[] = []
  let start = -1
  let end = -1
  const close = (): void => {
    if (start >= 0) statements.push({ text: sql.slice(start, end), start })
    start = -1
  }
  for (let at = 0; at < sql.length;) {
    const found = tokenAt(sql, at)
    at = found.end
    if (found.kind === 'symbol' && sql[found.start] === ';') close()
    else if (found.kind !== 'space' && found.kind !== 'comment') {
      if (start < 0) start = found.start
      end = found.end
    }
  }
  close()
  return statements
}

/** What the parser needs to know of the whole text. */
export interface TextFacts {
  /** Offsets of the `?` outside strings, quoted names and comments: the nth is the parameter `$n`. */
  readonly questionMarks: readonly number[]
}

/**
 * Refuses, before parsing, what no parse should be tried on: a text over MAX_SQL_LENGTH, nesting over MAX_NESTING, an
 * unterminated string, quoted name or comment. Throws SYNTAX with the place.
 */
export function checkText(sql: string): TextFacts {
  if (sql.length > MAX_SQL_LENGTH) {
    throw fail('SYNTAX', [`the text has ${sql.length} characters, more than the ${MAX_SQL_LENGTH} allowed`])
  }
  const open: string[] = []
  const questionMarks: number[] = []
  let unaryRun = 0
  let afterOperand = false
  for (let at = 0; at < sql.length;) {
    const found = tokenAt(sql, at)
    at = found.end
    if (!found.closed) throw unterminated(found)
    if (found.kind === 'space' || found.kind === 'comment') continue
    const text = found.kind === 'symbol' ? sql[found.start] : found.kind === 'word' ? shortWord(sql, found) : ''
    const isUnary: boolean = text === 'not' || ((text === '-' || text === '+') && !afterOperand)
    unaryRun = isUnary ? unaryRun + 1 : 0
    afterOperand = !isUnary && (found.kind !== 'symbol' || text in OPENING)
    follow(open, text)
    if (text === '?') questionMarks.push(found.start)
    if (open.length + unaryRun > MAX_NESTING) throw tooDeep(found.start)
  }
  return { questionMarks }
}

/** The SYNTAX error for nesting over the limit. */
export function tooDeep(start: number): Error {
  const message = `the query is nested over ${MAX_NESTING} levels deep here; split it with WITH or views`
  return fail('SYNTAX', [message], { span: { start, end: start + 1 } })
}

/** Keeps `open` as the list of parentheses and CASEs that are open after `text`. */
function follow(open: string[], text: string): void {
  if (text === '(' || text === '[' || text === '{' || text === 'case') open.push(text)
  else if (text === 'end' && open.at(-1) === 'case') open.pop()
  else if (text in OPENING) {
    const at = open.lastIndexOf(OPENING[text])
    if (at >= 0) open.length = at
  }
}

/** Lower case; empty for words longer than any that checkText looks for. */
function shortWord(sql: string, { start, end }: Token): string {
  return end - start > 4 ? '' : sql.slice(start, end).toLowerCase()
}

function unterminated({ kind, start, end }: Token): Error {
  const what = kind === 'string' ? 'string' : kind === 'quoted' ? 'quoted name' : 'comment'
  const close = kind === 'string' ? 'quote' : kind === 'quoted' ? 'double quote' : '*/'
  return fail('SYNTAX', [`this ${what} is not terminated; add the closing ${close}`], { span: { start, end } })
}

function token(kind: TokenKind, start: number, end: number, closed = true): Token {
  return { kind, start, end, closed }
}

/** End of the match of a sticky expression at `start`; `start` when there is none. */
function matchAt(expression: RegExp, sql: string, start: number): number {
  expression.lastIndex = start
  return expression.test(sql) ? expression.lastIndex : start
}

function endOr(at: number, sql: string): number {
  return at < 0 ? sql.length : at
}

/** A doubled quote stands for one. */
function quotedToken(sql: string, start: number, from: number, quote: string, kind: TokenKind): Token {
  for (let at = sql.indexOf(quote, from); at >= 0; at = sql.indexOf(quote, at + 2)) {
    if (sql[at + 1] !== quote) return token(kind, start, at + 1)
  }
  return token(kind, start, sql.length, false)
}

function escapedString(sql: string, start: number): Token {
  for (let at = start + 2; at < sql.length; at++) {
    if (sql[at] === '\\') at++
    else if (sql[at] === "'" && sql[at + 1] === "'") at++
    else if (sql[at] === "'") return token('string', start, at + 1)
  }
  return token('string', start, sql.length, false)
}

function dollarString(sql: string, start: number, from: number): Token {
  const tag = sql.slice(start, from)
  const at = sql.indexOf(tag, from)
  return at < 0 ? token('string', start, sql.length, false) : token('string', start, at + tag.length)
}

/** Block comments nest. */
function blockComment(sql: string, start: number): Token {
  let depth = 1
  for (let at = start + 2; at < sql.length; at++) {
    if (sql[at] === '/' && sql[at + 1] === '*') [depth, at] = [depth + 1, at + 1]
    else if (sql[at] === '*' && sql[at + 1] === '/') {
      if (--depth === 0) return token('comment', start, at + 2)
      at++
    }
  }
  return token('comment', start, sql.length, false)
}
