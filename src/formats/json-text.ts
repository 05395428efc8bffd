/** A JSON parser for one object a line that keeps the text of numbers, so that 64-bit integers and decimals stay exact. */

/** A member's value: numbers and nested values keep their source text. */
export type JsonCell =
  | null
  | boolean
  | string
  | { readonly kind: 'number'; readonly text: string }
  | { readonly kind: 'nested'; readonly text: string }

/** Where and why a line is not one JSON object. */
export class JsonSyntaxError extends Error {
  override readonly name = 'JsonSyntaxError'
  /** UTF-16 unit in the line, from 1. */
  readonly column: number

  constructor(column: number, reason: string) {
    super(reason)
    this.column = column
  }
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const PLAIN = /[^"\\\u0000-\u001f]*/y
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y
const SPACE = /[ \t\r\n]*/y
const MAX_NESTING = 200

/** The members of the object in `line`; of a repeated name the last one counts. Throws JsonSyntaxError. */
export function parseJsonObject(line: string): Map<string, JsonCell> {
  const cursor = new Cursor(line)
  const members = new Map<string, JsonCell>()
  cursor.members((name, cell) => members.set(name, cell))
  cursor.expectEnd()
  return members
}

class Cursor {
  private readonly line: string
  private at = 0

  constructor(line: string) {
    this.line = line
  }

  members(visit: (name: string, cell: JsonCell) => void, depth = 0): void {
    this.take('{')
    if (this.skip('}')) return
    do {
      const name = this.string()
      this.take(':')
      visit(name, this.cell(depth))
    } while (this.skip(','))
    this.take('}')
  }

  expectEnd(): void {
    this.space()
    if (this.at < this.line.length) throw this.unexpected('the end of the line')
  }

  private cell(depth: number): JsonCell {
    this.space()
    const next = this.line[this.at]
    if (next === '"') return this.string()
    if (next === '{' || next === '[') return this.nested(depth + 1)
    for (const [word, value] of [
      ['null', null],
      ['true', true],
      ['false', false],
    ] as const) {
      if (!this.line.startsWith(word, this.at)) continue
      this.at += word.length
      return value
    }
    const text = this.match(NUMBER)
    if (text === undefined) throw this.unexpected('a value')
    return { kind: 'number', text }
  }

  private nested(depth: number): JsonCell {
    if (depth > MAX_NESTING) throw new JsonSyntaxError(this.at + 1, 'values are nested too deeply')
    const start = this.at
    if (this.line[this.at] === '{') this.members(() => undefined, depth)
    else this.elements(depth)
    return { kind: 'nested', text: this.line.slice(start, this.at) }
  }

  private elements(depth: number): void {
    this.take('[')
    if (this.skip(']')) return
    do this.cell(depth)
    while (this.skip(','))
    this.take(']')
  }

  private string(): string {
    this.space()
    const text = this.quoted()
    if (text === undefined) throw this.unexpected('a string')
    return text.includes('\\') ? (JSON.parse(text) as string) : text.slice(1, -1)
  }

  /** By runs: one pattern for a whole string takes stack for each of its characters. */
  private quoted(): string | undefined {
    const start = this.at
    if (this.line[this.at] !== '"') return undefined
    this.at++
    do {
      this.pass(PLAIN)
      if (this.line[this.at] === '"') return this.line.slice(start, ++this.at)
    } while (this.pass(ESCAPE))
    this.at = start
    return undefined
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.line)?.[0]
    if (found !== undefined) this.at += found.length
    return found
  }

  private space(): void {
    this.pass(SPACE)
  }

  /** As `match`, without the text. */
  private pass(pattern: RegExp): boolean {
    pattern.lastIndex = this.at
    const found = pattern.test(this.line)
    if (found) this.at = pattern.lastIndex
    return found
  }

  private skip(character: string): boolean {
    this.space()
    if (this.line[this.at] !== character) return false
    this.at++
    return true
  }

  private take(character: string): void {
    if (!this.skip(character)) throw this.unexpected(`'${character}'`)
  }

  private unexpected(expected: string): Error {
    const found = this.at < this.line.length ? `'${this.line[this.at]}'` : 'the end of the line'
    return new JsonSyntaxError(this.at + 1, `expected ${expected}, found ${found}`)
  }
}
