/** A line about a statement that takes long, on a terminal. */
import { ioStats } from '../../runtime/io-counters.js'
import type { QueryProgress } from '../../session/run-options.js'

export interface ProgressSource {
  /** Bytes of files that the statement has read. */
  bytesRead(): number
  /** Bytes it will read, as far as known; undefined: unknown. */
  bytesToRead(): number | undefined
  /** Rows that have come out. */
  rows(): number
  /** Of a cluster that works for it; undefined: none does, or nothing was heard yet. */
  cluster(): QueryProgress | undefined
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

/** What a statement reports to the line; `onWrite` ends it, before anything else is written. */
export interface ProgressWatch {
  onResult(result: { readonly scanBytes?: () => Promise<number> }): void
  onProgress(progress: QueryProgress): void
  onRows(rows: number): void
  onWrite(): void
}

/** Without an output there is no line. */
export function watchProgress(output: ProgressOptions['output'] | undefined): ProgressWatch {
  const readBefore = ioStats().bytesRead
  let bytesToRead: number | undefined
  let cluster: QueryProgress | undefined
  let rows = 0
  const source = {
    bytesRead: () => ioStats().bytesRead - readBefore,
    bytesToRead: () => bytesToRead,
    rows: () => rows,
    cluster: () => cluster,
  }
  const stop = output === undefined ? () => undefined : showProgress(source, { output })
  return {
    onResult({ scanBytes }) {
      void scanBytes?.().then(
        bytes => (bytesToRead = bytes),
        () => undefined,
      )
    },
    onProgress: progress => (cluster = progress),
    onRows: count => (rows = count),
    onWrite: stop,
  }
}

/**
 * `3.2 s, 45 % (103 MB of 230 MB read), 12 row(s); Ctrl-C cancels`, or of a cluster
 * `3.2 s [######------] 2 of 5 stages, 9 of 18 tasks, 1200000 rows (103.0 MB) scanned; Ctrl-C cancels`
 */
export function progressLine(source: ProgressSource, elapsedMs: number): string {
  const cluster = source.cluster()
  const parts = [`${(elapsedMs / 1000).toFixed(1)} s${cluster === undefined ? '' : ` ${clusterText(cluster)}`}`]
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

const BAR_WIDTH = 12

function clusterText({ attempt, scanned, stages, tasks }: QueryProgress): string {
  if (tasks.total === 0) return '(planning)'
  const filled = Math.floor((BAR_WIDTH * tasks.finished) / tasks.total)
  const again = attempt > 1 ? `, attempt ${attempt}` : ''
  const bar = '#'.repeat(filled).padEnd(BAR_WIDTH, '-')
  const done = `${stages.finished} of ${stages.total} stages, ${tasks.finished} of ${tasks.total} tasks${again}`
  return `[${bar}] ${done}, ${scanned.rows} rows (${megabytes(scanned.bytes)}) scanned`
}

const megabytes = (bytes: number): string =>
  bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`
