/** The statements that are being typed, over several lines, until each one's `;`. */
import { nextToken, splitStatements, tokenAt, type Token } from '../../parser/scan.js'

/** Longer texts are not looked at for what is open in them: that would be done again for every line of a paste. */
export const MAX_LOOKED_AT = 20_000

/** What the text ends in the middle of. */
export type Pending = 'statement' | 'string' | 'quoted' | 'comment'

export class StatementBuffer {
  #text = ''

  /** What was typed since the last complete statement; its lines are separated by line feeds. */
  get text(): string {
    return this.#text
  }

  /** One more line. The statements that are now complete, in order, without `;`. */
  add(line: string): string[] {
    this.#text = this.#text === '' ? line : `${this.#text}\n${line}`
    const end = line.includes(';') ? afterLastStatement(this.#text) : 0
    const complete = splitStatements(this.#text.slice(0, end)).map(({ text }) => text)
    this.#text = this.#text.slice(end)
    // What is left of the line is often a space or a comment, which starts no statement.
    if (end > 0 || this.#text.length === line.length) this.#dropBlank()
    return complete
  }

  /** What more is waited for; undefined: nothing was typed. */
  pending(): Pending | undefined {
    if (this.#text === '') return undefined
    if (this.#text.length > MAX_LOOKED_AT) return 'statement'
    const last = lastToken(this.#text)
    if (last === undefined || last.closed) return 'statement'
    return last.kind === 'string' || last.kind === 'quoted' ? last.kind : 'comment'
  }

  clear(): void {
    this.#text = ''
  }

  #dropBlank(): void {
    if (nextToken(this.#text, 0) === undefined && lastToken(this.#text)?.closed !== false) this.#text = ''
  }
}

/** The offset after the last `;` outside strings, comments and quoted names; 0 if there is none. */
function afterLastStatement(sql: string): number {
  let end = 0
  for (let at = 0; at < sql.length;) {
    const token = tokenAt(sql, at)
    at = token.end
    if (token.kind === 'symbol' && sql[token.start] === ';') end = at
  }
  return end
}

function lastToken(sql: string): Token | undefined {
  let last: Token | undefined
  for (let at = 0; at < sql.length; at = last.end) last = tokenAt(sql, at)
  return last
}
