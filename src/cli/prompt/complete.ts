/** What the Tab key offers: tables after FROM and JOIN, columns of a table after its name and a dot, otherwise what may stand there. */
import { keywords } from '../../parser/keywords.js'
import { quoteIdent } from '../../parser/quote.js'
import { tokenAt, type Token } from '../../parser/scan.js'
import { isReserved } from '../../parser/words.js'

/** What names there are; asked when they are needed. */
export interface Names {
  tables(): readonly string[]
  /** Of a table as it is written in SQL: a name, quoted or not, or a path in quotes. Empty if it is not known. */
  columns(table: string): Promise<readonly string[]>
  functions(): readonly string[]
}

/** Candidates that replace `typed`, the end of the text before the cursor. */
export type Completion = [candidates: string[], typed: string]

const TABLES_FOLLOW = new Set(['from', 'join', 'into', 'table', 'describe', 'desc', 'view', 'exists'])
const STATEMENTS = ['copy', 'create', 'describe', 'drop', 'explain', 'from', 'insert', 'reset', 'select', 'set', 'show', 'values', 'with'] // oxfmt-ignore

/** Completes SQL at `cursor`. */
export async function completeSql(sql: string, cursor: number, names: Names): Promise<Completion> {
  const tokens = significantTokens(sql)
  const at = tokens.find(token => token.start < cursor && cursor <= token.end)
  if (at !== undefined && (at.kind === 'string' || at.kind === 'number' || at.kind === 'comment')) return [[], '']
  const current = at?.kind === 'word' || at?.kind === 'quoted' ? at : undefined
  const typed = current === undefined ? '' : sql.slice(current.start, cursor)
  const before = tokens.filter(token => token.end <= (current?.start ?? cursor) && token !== current)
  const statement = statementAround(tokens, sql, cursor)
  return [matching(await candidates(before, typed, { sql, statement, names }), typed), typed]
}

interface Place {
  readonly sql: string
  /** The tokens of the statement that the cursor is in. */
  readonly statement: readonly Token[]
  readonly names: Names
}

async function candidates(before: readonly Token[], typed: string, place: Place): Promise<string[]> {
  const { sql, statement, names } = place
  const last = before.at(-1)
  const word = last === undefined ? '' : textOf(sql, last)
  if (last === undefined || word === ';') return inCaseOf(typed, STATEMENTS)
  const relations = relationsOf(statement, sql)
  if (word === '.') {
    const owner = before.at(-2)
    if (owner === undefined) return []
    const name = textOf(sql, owner)
    const relation = relations.find(({ alias }) => sameName(alias, name))
    return (await names.columns(relation?.table ?? name)).map(quoteIdent)
  }
  if (TABLES_FOLLOW.has(word.toLowerCase()) || (word === ',' && inFromList(before, sql))) {
    return names.tables().map(quoteIdent)
  }
  const columns = await Promise.all(relations.map(({ table }) => names.columns(table)))
  const own = columns.flat().map(quoteIdent)
  // Everything that the language has would be no help.
  if (typed === '') return own
  const aliases = relations.map(({ alias }) => alias)
  return [...own, ...aliases, ...names.functions().map(name => `${name}(`), ...inCaseOf(typed, keywords())]
}

/** Those that start with what was typed, whatever the case; no two alike. */
function matching(all: readonly string[], typed: string): string[] {
  const start = typed.toLowerCase()
  return [...new Set(all)].filter(candidate => candidate.toLowerCase().startsWith(start)).sort()
}

const inCaseOf = (typed: string, words: readonly string[]): string[] =>
  typed !== '' && typed === typed.toUpperCase() ? words.map(word => word.toUpperCase()) : [...words]

interface Relation {
  /** As written. */
  readonly table: string
  /** The alias, else the name. */
  readonly alias: string
}

/** The tables that the statement names after FROM and JOIN, with their aliases. */
function relationsOf(tokens: readonly Token[], sql: string): Relation[] {
  const found: Relation[] = []
  for (let i = 0; i < tokens.length; i++) {
    const word = textOf(sql, tokens[i]).toLowerCase()
    const starts = word === 'from' || word === 'join' || (word === ',' && inFromList(tokens.slice(0, i + 1), sql))
    if (!starts || !isName(tokens[i + 1])) continue
    const table = textOf(sql, tokens[++i])
    let next = tokens[i + 1]
    if (next !== undefined && textOf(sql, next).toLowerCase() === 'as') next = tokens[++i + 1]
    const hasAlias = next !== undefined && isAlias(next, sql)
    found.push({ table, alias: hasAlias ? textOf(sql, next) : table })
  }
  return found
}

const isName = (token: Token | undefined): boolean =>
  token !== undefined && (token.kind === 'word' || token.kind === 'quoted' || token.kind === 'string')

const isAlias = (token: Token, sql: string): boolean =>
  token.kind === 'quoted' || (token.kind === 'word' && !isReserved(textOf(sql, token).toLowerCase()))

/** Whether the last token separates tables: the clause it is in, parentheses skipped, is FROM. */
function inFromList(tokens: readonly Token[], sql: string): boolean {
  let depth = 0
  for (let i = tokens.length - 1; i >= 0; i--) {
    const word = textOf(sql, tokens[i]).toLowerCase()
    if (word === ')') depth++
    else if (word === '(' && --depth < 0) return false
    else if (depth === 0 && word === 'from') return true
    else if (depth === 0 && ['select', 'where', 'by', 'having', 'limit', 'values', 'on', 'using', ';'].includes(word))
      return false
  }
  return false
}

function statementAround(tokens: readonly Token[], sql: string, cursor: number): Token[] {
  const isEnd = (token: Token): boolean => textOf(sql, token) === ';'
  const start = tokens.findLastIndex(token => isEnd(token) && token.end <= cursor) + 1
  const end = tokens.findIndex(token => isEnd(token) && token.start >= cursor)
  return tokens.slice(start, end < 0 ? tokens.length : end)
}

function significantTokens(sql: string): Token[] {
  const tokens: Token[] = []
  for (let at = 0; at < sql.length;) {
    const token = tokenAt(sql, at)
    at = token.end
    // A comment that is not closed may hold the cursor.
    if (token.kind !== 'space' && (token.kind !== 'comment' || !token.closed)) tokens.push(token)
  }
  return tokens
}

const textOf = (sql: string, token: Token): string => sql.slice(token.start, token.end)
const sameName = (left: string, right: string): boolean => left.toLowerCase() === right.toLowerCase()
