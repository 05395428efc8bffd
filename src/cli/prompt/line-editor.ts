/** Lines typed on a terminal: node:readline with colours, and with what is typed while a statement runs kept for later. */
import { createInterface, type Interface } from 'node:readline'
import { Writable } from 'node:stream'
import { highlight } from './highlight.js'
import { HISTORY_ENTRIES } from './history.js'
import { MAX_LOOKED_AT } from './statement-buffer.js'

export type LineEvent =
  | { readonly kind: 'line'; readonly text: string }
  /** Ctrl-C; `hadText`: there was something on the line, which is gone. */
  | { readonly kind: 'interrupt'; readonly hadText: boolean }
  /** Ctrl-D on an empty line, or no more input. */
  | { readonly kind: 'end' }

/** What a terminal is to the prompt; a process's standard streams, or others in tests. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream
  readonly output: NodeJS.WritableStream & { readonly columns?: number }
  /** Escape sequences for colours are understood and wanted. */
  readonly colors: boolean
}

export interface EditorOptions extends Terminal {
  /** The latest first; changed by its owner only. */
  readonly history: string[]
  /** Candidates for the end of the line up to the cursor, and that end. */
  readonly complete: (line: string, cursor: number) => Promise<[string[], string]>
  /** Ctrl-C while nobody reads. */
  readonly onInterrupt: () => void
}

/** Longer lines stay plain: they are painted anew with every key. */
const MAX_PAINTED = 2_000
const DEFAULT_COLUMNS = 80

export class LineEditor {
  readonly #options: EditorOptions
  readonly #readline: Interface
  /** Events that nobody has read yet: lines typed or pasted ahead. */
  readonly #queue: LineEvent[] = []
  #reader: ((event: LineEvent) => void) | undefined
  #before = ''
  #ended = false
  #painting = false

  constructor(options: EditorOptions) {
    this.#options = options
    this.#readline = createInterface({
      input: options.input,
      output: this.#gate(),
      terminal: true,
      history: options.history,
      historySize: HISTORY_ENTRIES,
      completer: (line: string, done: (error: null, result: [string[], string]) => void) => this.#complete(line, done),
    })
    // Statements are remembered whole, by the prompt; readline would remember their lines.
    this.#readline.on('history', history => history.shift())
    this.#readline.on('line', text => this.#emit({ kind: 'line', text }))
    this.#readline.on('SIGINT', () => this.#interrupt())
    this.#readline.on('close', () => {
      this.#ended = true
      this.#emit({ kind: 'end' })
    })
    if (options.colors) options.input.on('keypress', () => this.#schedulePaint())
  }

  /**
   * The next line. `before` is what the statement has so far: it decides the colours. Lines that were typed before the call are shown
   * as if they were typed now.
   */
  async read(prompt: string, before: string): Promise<LineEvent> {
    this.#before = before === '' ? '' : `${before}\n`
    this.#readline.setPrompt(prompt)
    const queued = this.#queue.shift()
    if (queued !== undefined) {
      if (queued.kind === 'line') this.#options.output.write(`${prompt}${this.#colored(queued.text)}\n`)
      return queued
    }
    if (this.#ended) return { kind: 'end' }
    return new Promise(resolve => {
      this.#reader = resolve
      this.#readline.prompt(true)
      this.#schedulePaint()
    })
  }

  /** Gives the terminal back as it was. */
  close(): void {
    this.#readline.close()
  }

  #emit(event: LineEvent): void {
    const reader = this.#reader
    this.#reader = undefined
    if (reader === undefined) this.#queue.push(event)
    else reader(event)
  }

  #interrupt(): void {
    if (this.#reader === undefined) {
      this.#queue.length = 0
      this.#clearLine()
      this.#options.onInterrupt()
      return
    }
    const hadText = this.#readline.line !== ''
    this.#readline.write(null, { ctrl: true, name: 'e' })
    this.#options.output.write('^C\n')
    const reader = this.#reader
    this.#reader = undefined
    this.#clearLine()
    reader({ kind: 'interrupt', hadText })
  }

  #clearLine(): void {
    this.#readline.write(null, { ctrl: true, name: 'e' })
    this.#readline.write(null, { ctrl: true, name: 'u' })
  }

  /** What readline writes reaches the terminal only while somebody reads: type-ahead must not mix with results. */
  #gate(): Writable {
    const { output } = this.#options
    const gate = new Writable({
      decodeStrings: false,
      write: (chunk: string, _encoding, done) => {
        if (this.#reader !== undefined) output.write(chunk)
        done()
      },
    })
    Object.defineProperty(gate, 'columns', { get: () => output.columns ?? DEFAULT_COLUMNS })
    output.on('resize', () => gate.emit('resize'))
    return gate
  }

  #complete(line: string, done: (error: null, result: [string[], string]) => void): void {
    // What stands right of the cursor may name the tables.
    const rest = this.#readline.line.slice(line.length)
    const before = this.#before + line
    void this.#options
      .complete(before + rest, before.length)
      .catch((): [string[], string] => [[], line])
      .then(result => {
        done(null, result)
        this.#schedulePaint()
      })
  }

  /** Once for all keys of a chunk, after readline has handled them. */
  #schedulePaint(): void {
    if (this.#painting || !this.#options.colors) return
    this.#painting = true
    setImmediate(() => {
      this.#painting = false
      this.#paint()
    })
  }

  /** Writes the line over itself, in colours, with the cursor back where it was. */
  #paint(): void {
    const { line } = this.#readline
    if (this.#reader === undefined || line === '' || line.length > MAX_PAINTED) return
    const { rows } = this.#readline.getCursorPos()
    const up = rows > 0 ? `\u001b[${rows}A` : ''
    this.#options.output.write(`\u001b7\r${up}${this.#readline.getPrompt()}${this.#colored(line)}\u001b8`)
  }

  #colored(line: string): string {
    const sql = this.#before + line
    const isCommand = this.#before === '' && line.startsWith('\\')
    if (!this.#options.colors || isCommand || sql.length > MAX_LOOKED_AT) return line
    return highlight(sql, this.#before.length)
  }
}
