/** What the benchmark asks of an engine. Each runs in a process of its own, so that CPU time and memory are its own. */
import type { DataFile } from '../tpch/data-files.js'
import type { Rows } from '../tpch/compare.js'

export type EngineName = 'ballista' | 'duckdb'

export interface EngineOptions {
  readonly files: readonly DataFile[]
  /** Threads that may compute at once. */
  readonly threads: number
  /** Our settings, by full key. */
  readonly settings: Readonly<Record<string, string>>
  /** A cluster that runs our statements in place of this process; it has its own threads. */
  readonly url?: string
}

/** All results of a run, still in the engine's own columns; `rows` converts them, off the clock, and `release` gives them back. */
export interface Consumed {
  readonly rowCount: number
  rows(): Rows
  release(): void
}

export interface Engine {
  readonly version: string
  /** Runs the statements in order and takes every batch of every result; keeps those of the last result that has any row. */
  run(statements: readonly string[]): Promise<Consumed>
  /** Runs the statements and lets each batch go as it comes. The number of rows. */
  drain(statements: readonly string[]): Promise<number>
  close(): Promise<void>
}

/** One run, as its process saw it. CPU time is that of all its threads. */
export interface Run {
  readonly ms: number
  readonly userMs: number
  readonly systemMs: number
  readonly rowCount: number
  /** Of batches, sent from process to process; absent where there is one process. */
  readonly exchangedBytes?: number
}

/** `keep`: hold all batches until the clock stops, as a client does that wants the rows; `drop`: for results of millions of rows. */
export type Consume = 'keep' | 'drop'

/** Requests to an engine's process, answered one by one. */
export type EngineRequest =
  | { readonly kind: 'open'; readonly engine: EngineName; readonly options: EngineOptions }
  | { readonly kind: 'run'; readonly statements: readonly string[]; readonly consume: Consume; readonly rows: boolean }
  | { readonly kind: 'peak' }
  | { readonly kind: 'close' }

export interface RunResult {
  readonly run: Run
  /** If they were asked for. */
  readonly rows?: Rows
}

export type EngineReply =
  | { readonly kind: 'opened'; readonly version: string }
  | ({ readonly kind: 'ran' } & RunResult)
  | { readonly kind: 'peak'; readonly bytes: number }
  | { readonly kind: 'closed' }
  | { readonly kind: 'failed'; readonly message: string }
