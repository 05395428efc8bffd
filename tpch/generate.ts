/** Makes TPC-H data files on all cores: the threads make and encode row ranges, this thread writes them in order. */
import { join } from 'node:path'
import { fail } from '../src/common/errors.js'
import type { GeneratorJob, OutputFormat } from './generate-job.js'
import { GeneratorThreads } from './generator-threads.js'
import { scaleOf, TABLES, unitCount, type Scale, type TableName } from './schema.js'
import { openTableFile, type TableFile } from './table-file.js'
import { POOL_BYTES, POOL_CHUNKS } from './text-pool.js'

export interface GenerateOptions {
  /** Scale factor: 1 is 6 million lineitem rows. */
  readonly scale: number
  /** Directory for `<table>.<format>`; made if missing, files in it are replaced. */
  readonly out: string
  readonly format: OutputFormat
  /** Default: all eight. */
  readonly tables?: readonly TableName[]
  /** Default: one a core. */
  readonly threads?: number
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: GenerateProgress) => void
}

export interface GenerateProgress {
  readonly table: TableName
  /** Of the chunks of all tables. */
  readonly chunksDone: number
  readonly chunks: number
}

export interface GeneratedTable {
  readonly table: TableName
  readonly path: string
  readonly rows: number
  readonly bytes: number
}

type RowsJob = Extract<GeneratorJob, { kind: 'rows' }>

/** A row group is about this long. */
const CHUNK_ROWS = 122_880
/** Pool chunks a job: short enough that no thread waits long for the last one. */
const POOL_JOB_CHUNKS = 10
/** Chunks a thread that are made or wait to be written; bounds memory to about 20 MB each. */
const CHUNKS_AHEAD = 2

/**
 * Makes the tables, the same bytes whatever the number of threads. A file appears when it is complete; after a failure
 * (FILE_NOT_WRITABLE, CANCELLED, INVALID_ARGUMENT) unfinished ones are gone. No thread is left running.
 */
export async function generateTpch(options: GenerateOptions): Promise<GeneratedTable[]> {
  const scale = scaleOf(options.scale)
  const jobs = (options.tables ?? TABLES).flatMap(table => rowsJobs(table, scale))
  const pool = new SharedArrayBuffer(POOL_BYTES)
  const threads = new GeneratorThreads({ pool, scale: options.scale, format: options.format }, options.threads)
  try {
    await threads.start()
    await fillPool(threads)
    return await writeTables(threads, jobs, options)
  } finally {
    await threads.close()
  }
}

/** Units of one chunk: an order has four lines on average, a part four suppliers. */
const chunkUnits = (table: TableName): number =>
  table === 'lineitem' || table === 'partsupp' ? CHUNK_ROWS / 4 : CHUNK_ROWS

function rowsJobs(table: TableName, scale: Scale): RowsJob[] {
  const units = unitCount(table, scale)
  const step = chunkUnits(table)
  return Array.from({ length: Math.ceil(units / step) }, (_, i) => ({
    kind: 'rows',
    table,
    first: i * step,
    last: Math.min(units, (i + 1) * step),
  }))
}

async function fillPool(threads: GeneratorThreads): Promise<void> {
  const jobs: Promise<unknown>[] = []
  for (let first = 0; first < POOL_CHUNKS; first += POOL_JOB_CHUNKS) {
    jobs.push(threads.run({ kind: 'pool', first, last: Math.min(POOL_CHUNKS, first + POOL_JOB_CHUNKS) }))
  }
  await Promise.all(jobs)
}

async function writeTables(
  threads: GeneratorThreads,
  jobs: readonly RowsJob[],
  { out, format, signal, onProgress }: GenerateOptions,
): Promise<GeneratedTable[]> {
  const ahead = threads.count * CHUNKS_AHEAD
  const started = jobs.slice(0, ahead).map(job => threads.run(job))
  const tables: GeneratedTable[] = []
  let file: TableFile | undefined
  let rows = 0
  try {
    for (let i = 0; i < jobs.length; i++) {
      if (signal?.aborted) throw fail('CANCELLED', ['generation was stopped'])
      const { table, first } = jobs[i]
      const path = join(out, `${table}.${format}`)
      if (first === 0) [file, rows] = [await openTableFile(table, path, format), 0]
      const chunk = await started.shift()
      if (file === undefined || chunk === undefined) throw fail('INTERNAL', [`a chunk of ${path} is missing`])
      if (i + ahead < jobs.length) started.push(threads.run(jobs[i + ahead]))
      await file.append(chunk.bytes)
      rows += chunk.rowCount
      if (jobs[i + 1]?.table !== table) tables.push({ table, path, rows, bytes: await file.close() })
      onProgress?.({ table, chunksDone: i + 1, chunks: jobs.length })
    }
    return tables
  } catch (error) {
    await file?.abort()
    throw error
  }
}
