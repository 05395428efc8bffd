/** A line about a statement that takes long, on a terminal. */

export interface ProgressSource {
  /** Bytes of files that the statement has read. */
  bytesRead(): number
  /** Bytes it will read, as far as known; undefined: unknown. */
  bytesToRead(): number | undefined
  /** Rows that have come out. */
  rows(): number
}

export interface ProgressOptions {
  readonly output: NodeJS.WritableStream & { readonly columns?: number }
  /** Milliseconds until the line appears first. */
  readonly delayMs?: number
}

const DELAY_MS = 1_000
const EVERY_MS = 200
const ERASE = '\r\u001b[K'
const DEFAULT_COLUMNS = 80

/** Shows the line after a while and keeps it up to date until the returned function takes it away. */
export function showProgress(source: ProgressSource, { output, delayMs = DELAY_MS }: ProgressOptions): () => void {
  const started = performance.now()
  let shown = false
  const draw = (): void => {
    if (performance.now() - started < delayMs) return
    shown = true
    const line = progressLine(source, performance.now() - started)
    output.write(ERASE + line.slice(0, (output.columns ?? DEFAULT_COLUMNS) - 1))
  }
  const timer = setInterval(draw, Math.min(EVERY_MS, Math.max(1, delayMs)))
  return () => {
    clearInterval(timer)
    if (shown) output.write(ERASE)
    shown = false
  }
}

/** `3.2 s, 45 % (103 MB of 230 MB read), 12 rows; Ctrl-C cancels` */
export function progressLine(source: ProgressSource, elapsedMs: number): string {
  const parts = [`${(elapsedMs / 1000).toFixed(1)} s`]
  const [read, total, rows] = [source.bytesRead(), source.bytesToRead(), source.rows()]
  if (total !== undefined && total > 0) {
    // What was estimated may be less than what is read.
    const percent = Math.min(100, Math.floor((100 * read) / total))
    parts.push(`${percent} % (${megabytes(Math.min(read, total))} of ${megabytes(total)} read)`)
  } else if (read > 0) {
    parts.push(`${megabytes(read)} read`)
  }
  if (rows > 0) parts.push(`${rows} row(s)`)
  return `${parts.join(', ')}; Ctrl-C cancels`
}

const megabytes = (bytes: number): string =>
  bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`
