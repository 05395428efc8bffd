/** A prompt on streams instead of a terminal: what is typed goes in, what a reader would see comes out. */
import { PassThrough } from 'node:stream'
import type { PromptSettings } from '../../src/cli/prompt/commands.js'
import { runPrompt, type PromptTerminal } from '../../src/cli/prompt/prompt.js'
import { SessionContext } from '../../src/session/context.js'

export interface FakeTerminal {
  /** Everything written so far, escape sequences included. */
  readonly raw: () => string
  /** The same without escape sequences and carriage returns. */
  readonly text: () => string
  type(keys: string): void
  /** Resolves when the text since the last call of `seen` matches; fails when the prompt ends before. */
  seen(pattern: RegExp): Promise<string>
  /** Hangs up: no more keys. */
  end(): void
  readonly status: Promise<number>
  readonly impatient: () => number
}

export interface FakeOptions {
  readonly historyFile?: string
  readonly colors?: boolean
  readonly columns?: number
  readonly settings?: Partial<PromptSettings>
  readonly cursor?: boolean
  readonly signal?: AbortSignal
  /** What a program does with the session before. */
  readonly prepare?: (ctx: SessionContext) => void
}

/** On a busy machine too nothing takes so long. */
const MAX_WAIT_MS = 60_000

export const CTRL_C = '\u0003'
export const CTRL_D = '\u0004'
export const UP = '\u001b[A'

// The escape sequences that readline and the prompt write.
const ESCAPES = /\u001b(?:\[[\d;]*[A-Za-z]|[78])|\r/g

/** Starts a prompt on a session of its own, which is closed when the prompt ends. */
export function fakeTerminal(options: FakeOptions = {}): FakeTerminal {
  const input = new PassThrough()
  const output = Object.assign(new PassThrough(), { columns: options.columns ?? 120 })
  let raw = ''
  let from = 0
  let impatient = 0
  let ended = false
  const waiting = new Set<() => void>()
  const wake = (): void => waiting.forEach(check => check())
  const text = (): string => raw.replace(ESCAPES, '')
  output.on('data', chunk => {
    raw += String(chunk)
    wake()
  })
  const terminal: PromptTerminal = {
    input,
    output,
    results: output,
    colors: options.colors ?? false,
    width: () => output.columns,
    unicode: true,
    cursor: options.cursor ?? false,
  }
  const run = async (): Promise<number> => {
    await using ctx = new SessionContext()
    options.prepare?.(ctx)
    return await runPrompt({
      ctx,
      terminal,
      settings: { format: 'table', maxRows: 40, quiet: false, timing: true, ...options.settings },
      historyFile: options.historyFile,
      signal: options.signal ?? new AbortController().signal,
      onImpatience: () => impatient++,
    })
  }
  const status = run().finally(() => {
    ended = true
    wake()
  })
  const seen = (pattern: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      const check = (): void => {
        const match = pattern.exec(text().slice(from))
        if (match === null && !ended) return
        settle()
        if (match === null) return failed('the prompt ended')
        from += match.index + match[0].length
        resolve(match[0])
      }
      const settle = (): void => {
        clearTimeout(timer)
        waiting.delete(check)
      }
      const failed = (why: string): void =>
        reject(new Error(`${why} without ${String(pattern)}: ${JSON.stringify(text().slice(from))}`))
      const timer = setTimeout(() => {
        settle()
        failed('a long time')
      }, MAX_WAIT_MS)
      waiting.add(check)
      check()
    })
  return {
    raw: () => raw,
    text,
    type: keys => void input.write(keys),
    seen,
    end: () => input.end(),
    status,
    impatient: () => impatient,
  }
}
