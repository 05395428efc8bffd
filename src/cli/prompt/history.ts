/** The statements of earlier prompts, in a file of the user's. A file that cannot be read or written is no reason to stop. */
import { randomUUID } from 'node:crypto'
import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { tokenAt } from '../../parser/scan.js'
import { namesSecret } from '../../storage/options.js'

/** Statements that are remembered. */
export const HISTORY_ENTRIES = 1_000
/** A pasted data set is no history. */
const MAX_ENTRY_LENGTH = 10_000
const MAX_FILE_BYTES = HISTORY_ENTRIES * MAX_ENTRY_LENGTH

/** `$BALLISTA_HISTORY`, else a file in the state directory of the user; undefined (no history is kept) if the variable is empty. */
export function historyFile(env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (env.BALLISTA_HISTORY !== undefined) return env.BALLISTA_HISTORY === '' ? undefined : env.BALLISTA_HISTORY
  const local = process.platform === 'win32' ? env.LOCALAPPDATA : env.XDG_STATE_HOME
  return join(local || join(homedir(), '.local', 'state'), 'ballista', 'sql-history')
}

export interface History {
  /** The latest first, as readline has it; `add` changes it in place. */
  readonly entries: string[]
  /** Remembers a statement that was typed over one or several lines, unless it repeats the last one or names a secret setting. */
  add(statement: string): void
}

/** Reads the file now, and appends to it with every `add`. Without a file the history ends with the prompt. */
export function openHistory(file: string | undefined): History {
  const entries = file === undefined ? [] : readEntries(file)
  let writable = file
  return {
    entries,
    add(statement) {
      const entry = oneLine(statement)
      if (entry === undefined || entry === '' || entry === entries[0] || namesSecret(entry)) return
      entries.unshift(entry)
      entries.splice(HISTORY_ENTRIES)
      if (writable !== undefined && !append(writable, entry)) writable = undefined
    },
  }
}

/**
 * The statement as one line that means the same, because readline edits lines: line ends become spaces, `--` comments block
 * comments. Undefined for what has none: a line end within a string or quoted name, or an entry that is too long.
 */
function oneLine(statement: string): string | undefined {
  if (statement.length > MAX_ENTRY_LENGTH) return undefined
  let line = ''
  for (let at = 0; at < statement.length;) {
    const token = tokenAt(statement, at)
    const text = statement.slice(at, token.end)
    at = token.end
    if (token.kind === 'space') line += /[\r\n]/.test(text) ? ' ' : text
    else if (token.kind === 'comment' && text.startsWith('--')) line += blockComment(text, at >= statement.length)
    else line += token.kind === 'comment' ? text.replace(/\s+/g, ' ') : text
  }
  return /[\r\n]/.test(line) ? undefined : line.trim()
}

const blockComment = (comment: string, isLast: boolean): string =>
  isLast ? comment : `/*${comment.slice(2).replaceAll('*/', '* /').replaceAll('/*', '/ *')} */`

function readEntries(file: string): string[] {
  try {
    const text = readFileSync(file, 'utf8')
    const lines = text.split('\n').filter(line => line !== '' && !/[\u0000-\u0008\u000b-\u001f\u007f]/.test(line))
    const entries = lines.slice(-HISTORY_ENTRIES)
    if (lines.length > 2 * HISTORY_ENTRIES || text.length > MAX_FILE_BYTES) rewrite(file, entries)
    return entries.reverse()
  } catch {
    return []
  }
}

function append(file: string, entry: string): boolean {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    appendFileSync(file, `${entry}\n`, { mode: 0o600 })
    return true
  } catch {
    return false
  }
}

/** The file has either all old entries or the last ones, whatever happens meanwhile. */
function rewrite(file: string, entries: readonly string[]): void {
  const temporary = `${file}.${randomUUID()}`
  try {
    writeFileSync(temporary, `${entries.join('\n')}\n`, { mode: 0o600 })
    renameSync(temporary, file)
  } finally {
    rmSync(temporary, { force: true })
  }
}
