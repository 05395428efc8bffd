/** What a file format is to the rest: how files are inspected, split, read and written. */
import type { Batch } from '../arrow/batch.js'
import type { Schema } from '../arrow/schema.js'
import type { ColumnStatistics, FileSplit } from '../catalog/table-provider.js'
import type { Expr } from '../expr/expr.js'
import type { FileHost } from '../storage/store.js'
import type { RowSieve } from './sieve-rows.js'

/** Reader and writer settings by bare name in lower case (`delimiter`), as CREATE EXTERNAL TABLE and COPY give them. */
export type FormatOptions = Readonly<Record<string, string>>

/** What is known of one file without reading its rows. */
export interface FileDescription {
  readonly schema: Schema
  /** Exact from a footer, else estimated from a sample; absent: unknown. */
  readonly rowCount?: number
  readonly byteLength: number
  /** By column name; empty where the format keeps no statistics. */
  readonly columns: ReadonlyMap<string, ColumnStatistics>
}

/** One partition's part of a scan. */
export interface FileScan {
  readonly options: FormatOptions
  /** The table's schema: columns are found in each file by name, or by position in formats without names. */
  readonly fileSchema: Schema
  /** In order; a piece that tasks share is asked for when its turn comes. Iterated once. */
  readonly splits: Iterable<FileSplit>
  /** Over `input` columns of fileSchema: the reader may skip what cannot match. */
  readonly pruning: readonly Expr[]
  /** Over `input` columns of fileSchema: only rows for which it is true come out. Only for a format that `appliesFilters`. */
  readonly predicate?: Expr
  /** Drops rows by what becomes known while the scan runs. Absent: the rows are sieved elsewhere. */
  readonly sieve?: RowSieve
  /** Columns of fileSchema to produce, in order. */
  readonly projection: readonly number[]
  /** Schema of the batches. */
  readonly schema: Schema
  /** Rows wanted at most. */
  readonly fetch?: number
  /** Rows of a batch at most. */
  readonly batchRows: number
  readonly host: FileHost
  readonly signal: AbortSignal
}

/** Rows and bytes that a writer put into its file. */
export interface Written {
  readonly rows: number
  readonly bytes: number
  /** Of all bytes. */
  readonly crc32: number
}

/** Writes one file. Exactly one of `close` and `abort` is called, last, once. */
export interface FileWriter {
  /** Borrows the batch. Resolves when the next may come. */
  write(batch: Batch): Promise<void>
  /** Instead of `write`: adds what an encoder of the format has made of rows of the same schema, perhaps on another thread or host. */
  append?(piece: EncodedPiece): Promise<void>
  /** Makes the file appear under its name, complete and on disk. */
  close(): Promise<Written>
  /** What the footer of the closed file says, by column name; absent: the format has none. */
  statistics?(): ReadonlyMap<string, ColumnStatistics>
  /** Leaves nothing behind. Never throws. */
  abort(): Promise<void>
}

/** A part of a file that does not depend on the others. */
export interface EncodedPiece {
  /** Valid until the encoder goes on. */
  readonly bytes: Uint8Array
  readonly rows: number
}

/** Makes pieces of rows. `close` comes last, once, whatever happened. */
export interface PieceEncoder {
  /** Borrows the batch until the pieces have been taken. */
  push(batch: Batch): Iterable<EncodedPiece> | AsyncIterable<EncodedPiece>
  finish(): Iterable<EncodedPiece> | AsyncIterable<EncodedPiece>
  close(): void
}

export interface FileFormat {
  /** As STORED AS names it, in lower case. */
  readonly name: string
  /** File name endings without the dot. */
  readonly extensions: readonly string[]
  /** Options that reading understands; another name is INVALID_OPTION. */
  readonly readOptions: readonly string[]
  /** Whether scans apply `predicate` and `sieve` themselves, instead of leaving rows to a filter above. */
  readonly appliesFilters?: true
  readonly writeOptions: readonly string[]
  /** Only the schema, where files tell it of themselves. */
  schema?(path: string, host: FileHost): Promise<Schema>
  /** Schema and statistics. Throws FILE_NOT_READABLE, FILE_INVALID, INVALID_OPTION. */
  inspect(path: string, options: FormatOptions, host: FileHost): Promise<FileDescription>
  /** The pieces that may be read apart, in file order, without those that `pruning` excludes. */
  splits(path: string, request: SplitRequest): Promise<readonly FileSplit[]>
  /** Batches given away; `return()` closes what was opened. */
  scan(scan: FileScan): AsyncIterable<Batch>
  openWriter(request: WriteRequest): Promise<FileWriter>
  /** For formats whose files are made of pieces: their writers can `append`. The path tells only what its ending does. */
  openEncoder?(request: WriteRequest): Promise<PieceEncoder>
}

export interface SplitRequest {
  readonly options: FormatOptions
  readonly fileSchema: Schema
  readonly pruning: readonly Expr[]
  readonly host: FileHost
  /** Partitions that the scan aims for. */
  readonly targetPartitions: number
  /** A piece of fewer bytes is not worth reading apart. */
  readonly minBytes: number
}

export interface WriteRequest {
  /** Where the complete file appears. */
  readonly path: string
  readonly schema: Schema
  readonly options: FormatOptions
  readonly host: FileHost
}
