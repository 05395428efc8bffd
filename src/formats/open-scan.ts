/** One partition of a scan as a stream of batches, whatever it reads. */
import type { Batch } from '../arrow/batch.js'
import { releaseBatch, retainColumn } from '../arrow/column.js'
import { decodeBatch } from '../arrow/frame.js'
import type { Schema } from '../arrow/schema.js'
import { sliceBatch } from '../arrow/take.js'
import { piecesOf, type FileSplit, type ScanSource } from '../catalog/table-provider.js'
import { fail } from '../common/errors.js'
import { batchSize } from '../runtime/options.js'
import type { SplitClaims } from '../runtime/split-claims.js'
import type { TaskContext } from '../runtime/task-context.js'
import type { FileVersion } from '../storage/store.js'
import { seriesBatches } from './series-scan.js'
import type { FileScan } from './format.js'
import { formatNamed } from './index.js'
import { readRowTable } from './row-table.js'
import { scanLayouts } from './scan-layouts.js'
import { RowSieve, type RowFilter } from './sieve-rows.js'

/** What to read of a source. */
export interface ScanOutput {
  /** Columns of the table to produce, in order. */
  readonly projection: readonly number[]
  /** Schema of the batches. */
  readonly schema: Schema
  /** Rows of this partition at most. */
  readonly fetch?: number
  /** Rows that these exclude may be left out; not together with `fetch`. */
  readonly dynamicFilters?: readonly RowFilter[]
}

/**
 * Batches of `output.schema`, given away, at most `fetch` rows. Files are open only while the iterator runs: `return()` closes them.
 * Throws FILE_NOT_READABLE, FILE_INVALID, DATA_CORRUPTION.
 */
export async function* openScan(
  source: ScanSource,
  partition: number,
  output: ScanOutput,
  ctx: TaskContext,
): AsyncGenerator<Batch, void> {
  let wanted = output.fetch ?? Infinity
  if (wanted <= 0) return
  const sieve = new RowSieve(output.dynamicFilters ?? [], ctx.filters)
  const isSieved =
    source.kind === 'files' && (source.layouts !== undefined || formatNamed(source.format).appliesFilters === true)
  for await (const read of batchesOf(source, partition, { ...output, sieve }, ctx)) {
    const batch = isSieved ? read : sieve.apply(read)
    if (batch === undefined) continue
    if (batch.rowCount <= wanted) yield batch
    else yield head(batch, wanted)
    wanted -= batch.rowCount
    if (wanted <= 0) return
  }
}

function batchesOf(
  source: ScanSource,
  partition: number,
  output: ScanOutput & { readonly sieve: RowSieve },
  ctx: TaskContext,
): AsyncIterable<Batch> {
  switch (source.kind) {
    case 'files': {
      const host = { name: ctx.host, config: ctx.config, signal: ctx.signal, versions: new Map<string, FileVersion>() }
      const splits = pinned(splitsOf(source, partition, ctx), host.versions)
      const format = formatNamed(source.format)
      const scan: FileScan = {
        options: source.options,
        fileSchema: source.fileSchema,
        splits,
        pruning: source.pruning,
        ...(source.predicate === undefined ? {} : { predicate: source.predicate }),
        batchRows: ctx.config.get(batchSize),
        host,
        signal: ctx.signal,
        ...output,
      }
      const batches = source.layouts === undefined ? format.scan(scan) : scanLayouts(format, source.layouts, scan)
      return checkNulls(batches, output.schema, source.partitions[partition] ?? [])
    }
    case 'memory':
      return memoryBatches(source.partitions[partition] ?? [], source.schema, output, ctx)
    case 'series':
      return seriesBatches(source, output.schema, ctx.config.get(batchSize), ctx)
    case 'rows':
      return readRowTable(source, partition, output, { batchRows: ctx.config.get(batchSize), signal: ctx.signal })
    case 'stream':
      throw fail('NOT_SUPPORTED', [`reading the stream '${source.name}' as a table`])
  }
}

/** The splits of the partition, or the pieces that the task gets of a scan that it shares with others. */
function splitsOf(
  source: Extract<ScanSource, { kind: 'files' }>,
  partition: number,
  ctx: TaskContext,
): Iterable<FileSplit> {
  const claims = ctx.claims.get(source)
  return claims === undefined ? (source.partitions[partition] ?? []) : claimed(source.partitions, partition, claims)
}

/** The splits; the host knows the versions of their files when it meets them. */
function* pinned(splits: Iterable<FileSplit>, versions: Map<string, FileVersion>): Generator<FileSplit, void> {
  for (const split of splits) {
    const { fileBytes, fileTag, path } = split
    if (fileBytes !== undefined && fileTag !== undefined) versions.set(path, { byteLength: fileBytes, tag: fileTag })
    yield split
  }
}

function* claimed(
  partitions: readonly (readonly FileSplit[])[],
  own: number,
  claims: SplitClaims,
): Generator<FileSplit, void> {
  const pieces = new Map<number, readonly FileSplit[]>()
  for (let claim = claims.take(own); claim !== undefined; claim = claims.take(own)) {
    const { partition, piece } = claim
    const known = pieces.get(partition) ?? piecesOf(partitions[partition])
    pieces.set(partition, known)
    yield known[piece]
  }
}

/**
 * The batches, which hold no NULL in a column that the schema calls NOT NULL: plans rely on it, and files do not know what a
 * table declares. Throws FILE_INVALID.
 */
async function* checkNulls(
  batches: AsyncIterable<Batch>,
  { fields }: Schema,
  splits: readonly FileSplit[],
): AsyncGenerator<Batch, void> {
  for await (const batch of batches) {
    const broken = fields.find(({ nullable }, i) => !nullable && batch.columns[i].nullCount > 0)
    if (broken !== undefined) {
      releaseBatch(batch)
      const [first, ...others] = new Set(splits.map(split => split.path))
      const where = others.length === 0 ? first : `${first} (or another of ${others.length + 1} files)`
      throw fail('FILE_INVALID', [where, `column '${broken.name}' is declared NOT NULL, but holds NULL`])
    }
    yield batch
  }
}

async function* memoryBatches(
  frames: readonly Uint8Array[],
  schema: Schema | undefined,
  output: ScanOutput,
  ctx: TaskContext,
): AsyncGenerator<Batch, void> {
  for (const frame of frames) {
    ctx.signal.throwIfAborted()
    const batch = decodeBatch(frame, schema ?? output.schema)
    if (schema === undefined) yield batch
    else yield projectBatch(batch, output)
  }
}

/** The wanted columns; takes the batch over. */
function projectBatch(batch: Batch, { projection, schema }: ScanOutput): Batch {
  const columns = projection.map(column => batch.columns[column])
  columns.forEach(retainColumn)
  releaseBatch(batch)
  return { schema, rowCount: batch.rowCount, columns }
}

/** The first rows of a batch; takes it over. */
function head(batch: Batch, rowCount: number): Batch {
  try {
    return sliceBatch(batch, 0, rowCount)
  } finally {
    releaseBatch(batch)
  }
}
