/** What the planner asks of a table, and the plain data with which a scan travels to an executor. */
import type { Schema } from '../arrow/schema.js'
import type { DataType, Value } from '../arrow/types.js'
import type { Expr } from '../expr/expr.js'

export interface ColumnStatistics {
  readonly nullCount?: number
  /** Bounds, not necessarily tight. */
  readonly min?: Value
  readonly max?: Value
  /** An estimate. */
  readonly distinctCount?: number
}

export interface Statistics {
  /** Rows; exact where known from footers, else an estimate. Absent: unknown. */
  readonly rowCount?: number
  readonly byteLength?: number
  /** By column name. */
  readonly columns: ReadonlyMap<string, ColumnStatistics>
}

/** A piece of one file: a Parquet row group, or a byte range of a CSV file (aligned to lines by the reader). */
export interface FileSplit {
  /** Absolute path. */
  readonly path: string
  /** Parquet: numbers of row groups; Arrow files: of batches. Absent: the whole file. */
  readonly rowGroups?: readonly number[]
  /** CSV, NDJSON: bytes [start, end). A reader owns the lines that start in its range. */
  readonly range?: { readonly start: number; readonly end: number }
  /** Rough bytes to read, for balancing. */
  readonly byteLength: number
  /** Bytes of the whole file when the scan was planned: a reader that finds fewer says so. */
  readonly fileBytes?: number
  /** Of a remote file, its version then (storage/store.ts): no other one is read. */
  readonly fileTag?: string
  /** Values of columns that the file does not hold (partitions, its name), by column number of the table. */
  readonly constants?: readonly ConstantColumn[]
  /** Numbers of rows of the file that are left out, ascending, as text (rowSetText): then the split is a whole file with a layout. */
  readonly deletedRows?: string
  /** Number of the file's layout in the source's `layouts`; absent: it has the columns of the table. */
  readonly layout?: number
}

export type ConstantColumn = readonly [column: number, value: Value]

/** How the columns of a table lie in some of its files. */
export interface FileLayout {
  /** What the reader is asked for: columns of the files under their names there, with their types there. */
  readonly fileSchema: Schema
  /** For each column of the table its number in `fileSchema`, to be cast; -1: a constant of the split, else NULL. */
  readonly columns: readonly number[]
}

/** The smallest pieces that can be read on their own, in order: row groups of Parquet, else whole splits. */
export const piecesOf = (splits: readonly FileSplit[]): readonly FileSplit[] =>
  splits.flatMap(split => {
    const { rowGroups } = split
    if (rowGroups === undefined || rowGroups.length < 2) return [split]
    const byteLength = split.byteLength / rowGroups.length
    return rowGroups.map(rowGroup => ({ ...split, rowGroups: [rowGroup], byteLength }))
  })

/** A scan as plain data: what DataSourceExec carries. */
export type ScanSource =
  | {
      readonly kind: 'files'
      /** `parquet`, `csv`, `json`, `arrow`. */
      readonly format: string
      readonly options: Readonly<Record<string, string>>
      /** The table's schema: that of the files, but for those with a layout. */
      readonly fileSchema: Schema
      readonly layouts?: readonly FileLayout[]
      /** One list of splits per partition. */
      readonly partitions: readonly (readonly FileSplit[])[]
      /** Predicates over `input` columns of fileSchema that the reader may use to skip; rows that fail may still come out. */
      readonly pruning: readonly Expr[]
      /** Over the same columns: the reader gives exactly the rows for which it is true. Absent: all. */
      readonly predicate?: Expr
    }
  /**
   * Batches as bytes (arrow/frame.ts), one list per partition. `schema` is what they were encoded with (all columns);
   * absent: they hold exactly the columns of the scan's output, in order.
   */
  | { readonly kind: 'memory'; readonly partitions: readonly (readonly Uint8Array[])[]; readonly schema?: Schema }
  | SeriesSource
  /** Computed by a table function of an extension; `partitions` are JSON, one for each, `schema` has all columns. */
  | {
      readonly kind: 'rows'
      readonly table: string
      readonly schema: Schema
      readonly partitions: readonly string[]
    }
  /** A stream this process reads (standard input); `name` is looked up in the task context. */
  | { readonly kind: 'stream'; readonly name: string }

/** The values start, start + step, … up to stop (with it if `isInclusive`), as one column of `type`. */
export interface SeriesSource {
  readonly kind: 'series'
  /** BIGINT, DATE or TIMESTAMP. */
  readonly type: DataType
  readonly start: Value
  readonly stop: Value
  /** bigint, or an interval for dates and timestamps; not zero. */
  readonly step: Value
  readonly isInclusive: boolean
}

export interface ScanRequest {
  /** Column numbers of the table schema to produce, in order. */
  readonly projection: readonly number[]
  /** Conjuncts over `column` expressions of this table (relation stripped). */
  readonly filters: readonly Expr[]
  /** No more than this many rows are wanted. */
  readonly fetch?: number
  /** Partitions to aim for; fewer for small tables. */
  readonly targetPartitions: number
  /** Bytes that are worth a partition of their own; absent: the default of the setting (runtime/options.ts). */
  readonly minPartitionBytes?: number
}

export interface ScanPlan {
  readonly source: ScanSource
  /** The filters that the source does not apply exactly: the engine must still run them. */
  readonly residual: readonly Expr[]
}

/** Where COPY and INSERT write: plain data. */
export type WriteTarget =
  /** One file. */
  | FilesTarget<'file'>
  /** A directory, which need not exist: the table is all files in it. */
  | FilesTarget<'directory'>
  /** One object of a store (`s3://bucket/key`), or a directory of them if the path ends in a slash. */
  | FilesTarget<'objects'>
  /** A table whose log says which files belong to it (catalog/table-format.ts). */
  | (FilesTarget<'log'> & {
      /** Name of the table format. */
      readonly tableFormat: string
      /** Of the table. */
      readonly schema: Schema
      /** The write makes the table, which must not be there. */
      readonly creates?: boolean
      /** Values of partition columns, as text: an overwrite replaces only files that have them. Absent: all. */
      readonly replaces?: Readonly<Record<string, string | null>>
      /** Of the table format, for itself: plain data. */
      readonly details: Readonly<Record<string, unknown>>
    })
  | { readonly kind: 'memory'; readonly table: string }

interface FilesTarget<Kind extends string> {
  readonly kind: Kind
  /** Absolute. */
  readonly path: string
  readonly format: string
  readonly options: Readonly<Record<string, string>>
  /** Columns whose values are in the files' paths, in this order; absent: none. */
  readonly partitionBy?: readonly string[]
  /** The order of the rows in each file, e.g. `{ column: 'a', descending: false }`; absent: any. */
  readonly sortBy?: readonly { readonly column: string; readonly descending: boolean }[]
}

export interface TableProvider {
  readonly schema: Schema
  statistics(): Statistics
  /**
   * Exact row and NULL counts and the tight bounds of integers, dates and decimals, of the rows that a scan would give now; absent, or
   * undefined, where they are not known.
   */
  exactStatistics?(): Promise<Statistics | undefined>
  /**
   * Of the files that there are: the same as long as none comes, goes or changes. Absent, or undefined, where that cannot be told.
   */
  fingerprint?(): Promise<string | undefined>
  /**
   * What plans over it depend on, as it was when it was opened: tables with the same key have the same plans. Absent, or undefined, where
   * that cannot be told.
   */
  planKey?(): Promise<string | undefined>
  /** With planKey: whether that is still so, and what was read of it since is what the key says. */
  isAsOpened?(): Promise<boolean>
  scan(request: ScanRequest): Promise<ScanPlan> | ScanPlan
  /** For a later statement than the one that opened it: with the rows that there are by then. Absent: they stay the same. */
  forStatement?(): TableProvider
  /** Absent: the table cannot be written. */
  readonly insertTarget?: WriteTarget
}
