/** The interactive prompt: reads statements and commands from a terminal and runs them one after the other. */
import { readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fail, toBallistaError } from '../../common/errors.js'
import { functionNames } from '../../expr/functions/index.js'
import { formatError } from '../../parser/parse.js'
import type { SessionContext } from '../../session/context.js'
import { FORMATS, resultWriter, type ResultWriter } from '../../session/output/result-writer.js'
import { runStatement, skippedNote, statementFooter } from '../run-statement.js'
import { commandNames, runCommand, type CommandContext, type PromptSettings } from './commands.js'
import { completeSql, type Completion } from './complete.js'
import { openHistory } from './history.js'
import { LineEditor, type LineEvent, type Terminal } from './line-editor.js'
import { watchProgress } from './progress.js'
import { screenTableWriter } from './screen-table.js'
import { sessionNames, type SessionNames } from './session-names.js'
import { StatementBuffer, type Pending } from './statement-buffer.js'

export interface PromptTerminal extends Terminal {
  /** Where rows go; the terminal itself unless standard output is something else. */
  readonly results: NodeJS.WritableStream
  /** Width that tables have to fit; undefined: none. */
  readonly width: () => number | undefined
  readonly unicode: boolean
  /** The cursor can be moved: a progress line may be shown. */
  readonly cursor: boolean
}

export interface PromptOptions {
  readonly ctx: SessionContext
  readonly terminal: PromptTerminal
  readonly settings: PromptSettings
  /** Undefined: nothing is remembered beyond this prompt. */
  readonly historyFile: string | undefined
  /** Ends what runs, and the prompt. */
  readonly signal: AbortSignal
  /** Ctrl-C for the second time while a statement does not end. */
  readonly onImpatience: () => void
}

/** As a shell counts a program that Ctrl-C ended. */
const INTERRUPTED_STATUS = 130

const PROMPTS: Readonly<Record<Pending, string>> = {
  statement: '      -> ',
  string: "      '> ",
  quoted: '      "> ',
  comment: '      *> ',
}
const PROMPT = 'ballista> '

/** Files that include each other end here. */
const MAX_INCLUDE_DEPTH = 16

/** Runs until \q, Ctrl-D or a second Ctrl-C; the exit status. Statements that fail do not end it. */
export async function runPrompt(options: PromptOptions): Promise<number> {
  const prompt = new Prompt(options)
  try {
    return await prompt.run()
  } finally {
    prompt.close()
  }
}

class Prompt {
  readonly #options: PromptOptions
  readonly #names: SessionNames
  readonly #buffer = new StatementBuffer()
  readonly #history
  readonly #editor: LineEditor
  /** Of the statement that runs. */
  #running: AbortController | undefined
  #quit = false
  /** Ctrl-C was the last thing pressed: pressed again it quits. */
  #armed = false
  #depth = 0

  constructor(options: PromptOptions) {
    this.#options = options
    this.#names = sessionNames(options.ctx)
    this.#history = openHistory(options.historyFile)
    this.#editor = new LineEditor({
      ...options.terminal,
      history: this.#history.entries,
      complete: (text, cursor) => this.#complete(text, cursor),
      onInterrupt: () => this.#cancel(),
    })
  }

  async run(): Promise<number> {
    const { signal } = this.#options
    if (!this.#options.settings.quiet) this.#print('\\? lists the commands, \\q quits.\n')
    const aborted = new Promise<LineEvent>(resolve => {
      signal.addEventListener('abort', () => resolve({ kind: 'end' }), { once: true })
    })
    while (!this.#quit && !signal.aborted) {
      const pending = this.#buffer.pending()
      const prompt = pending === undefined ? PROMPT : PROMPTS[pending]
      const event = await Promise.race([this.#editor.read(prompt, this.#buffer.text), aborted])
      if (event.kind === 'interrupt') {
        if (this.#interrupted(event.hadText)) return INTERRUPTED_STATUS
        continue
      }
      if (event.kind === 'end') {
        this.#print('\n')
        return 0
      }
      this.#armed = false
      await this.#line(event.text, true)
    }
    return 0
  }

  close(): void {
    this.#editor.close()
  }

  /** Whether Ctrl-C ends the prompt: it does when there was nothing else to end. */
  #interrupted(hadText: boolean): boolean {
    const hadStatement = this.#buffer.pending() !== undefined
    this.#buffer.clear()
    if (hadText || hadStatement) {
      this.#armed = false
      return false
    }
    if (this.#armed) return true
    this.#armed = true
    this.#print('Ctrl-C again quits.\n')
    return false
  }

  #cancel(): void {
    if (this.#running === undefined) return
    if (this.#running.signal.aborted) this.#options.onImpatience()
    this.#running.abort(fail('CANCELLED', ['interrupted']))
    this.#armed = true
  }

  /** `typed`: the line is remembered. */
  async #line(line: string, typed: boolean): Promise<void> {
    if (this.#buffer.pending() === undefined && line.trimStart().startsWith('\\')) {
      if (typed) this.#history.add(line.trim())
      await this.#command(line.trim())
      return
    }
    for (const statement of this.#buffer.add(line)) {
      if (typed) this.#history.add(`${statement};`)
      await this.#run(statement)
      if (this.#armed || this.#options.signal.aborted) return
    }
  }

  async #command(line: string): Promise<void> {
    const context: CommandContext = {
      settings: this.#options.settings,
      userFunctions: () => this.#options.ctx.userFunctions(),
      print: text => this.#print(text),
      run: sql => this.#run(sql),
      feed: lines => this.#feed(lines),
      quit: () => {
        this.#quit = true
      },
    }
    try {
      await runCommand(line, context)
    } catch (error) {
      this.#print(`${formatError(toBallistaError(error), '')}\n`)
    }
  }

  /** The lines of a file. What they leave unfinished at the end runs too. */
  async #feed(lines: readonly string[]): Promise<void> {
    if (this.#depth >= MAX_INCLUDE_DEPTH) {
      throw fail('INVALID_ARGUMENT', [`files include each other more than ${MAX_INCLUDE_DEPTH} deep`])
    }
    this.#depth++
    try {
      for (const line of [...lines, ';']) {
        if (this.#quit || this.#armed || this.#options.signal.aborted) return
        await this.#line(line, false)
      }
    } finally {
      this.#buffer.clear()
      this.#depth--
    }
  }

  async #run(sql: string): Promise<void> {
    const { ctx, settings, signal, terminal } = this.#options
    const controller = new AbortController()
    const abort = (): void => controller.abort(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    this.#running = controller
    const started = performance.now()
    const progress = watchProgress(terminal.cursor ? terminal.output : undefined)
    try {
      const { rowCount, skippedRecords } = await runStatement(ctx, sql, {
        writer: await this.#writer(),
        output: terminal.results,
        signal: controller.signal,
        ...progress,
      })
      progress.onWrite()
      const elapsedMs = settings.timing ? performance.now() - started : undefined
      this.#print(skippedNote(skippedRecords))
      if (!settings.quiet) this.#print(statementFooter(rowCount, elapsedMs))
    } catch (error) {
      progress.onWrite()
      this.#print(`${formatError(toBallistaError(error), sql)}\n`)
    } finally {
      signal.removeEventListener('abort', abort)
      this.#running = undefined
      if (this.#armed) this.#print('Ctrl-C again quits.\n')
      this.#names.forget()
    }
  }

  #writer(): ResultWriter | Promise<ResultWriter> {
    const { settings, terminal } = this.#options
    if (settings.format !== 'table') return resultWriter(settings.format, settings.maxRows)
    return screenTableWriter({
      columns: terminal.width() ?? Infinity,
      maxRows: settings.maxRows,
      unicode: terminal.unicode,
    })
  }

  async #complete(text: string, cursor: number): Promise<Completion> {
    if (!text.startsWith('\\')) return completeSql(text, cursor, this.#names)
    const [, command, typed] = /^(\\\S*)(?:\s+(?:.*\s)?(\S*))?$/.exec(text.slice(0, cursor)) ?? []
    if (typed === undefined) return [commandNames().filter(name => name.startsWith(command)), command]
    const candidates = await this.#argumentsOf(command, typed)
    return [candidates.filter(candidate => candidate.startsWith(typed)), typed]
  }

  async #argumentsOf(command: string, typed: string): Promise<readonly string[]> {
    switch (command) {
      case '\\d':
        return this.#names.tables()
      case '\\h':
        return functionNames()
      case '\\pset':
        return ['format', 'maxrows', ...FORMATS]
      case '\\i':
        return filesLike(typed)
      default:
        return []
    }
  }

  #print(text: string): void {
    this.#options.terminal.output.write(text)
  }
}

/** Paths that start like this one; directories end in a slash. */
async function filesLike(typed: string): Promise<string[]> {
  const directory = typed.endsWith('/') ? typed : dirname(typed)
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => [])
  const prefix = typed === basename(typed) ? '' : directory
  return entries.map(entry => join(prefix, entry.name) + (entry.isDirectory() ? '/' : '')).sort()
}
