/** Tables of which a log in their directory says which files they are: what an extension writes to read and make a kind of them. */
import type { Schema } from '../arrow/schema.js'

export interface TableFormat {
  /** As STORED AS names it; `<name>_scan('path')` is a function of FROM. */
  readonly name: string
  /** Names of OPTIONS, and of arguments of the function. */
  readonly options?: readonly string[]
  /** Name of a directory by which a directory is known as a table of this kind: `FROM 'path/'` finds it. */
  readonly marker?: string
  /** The table as it is now, once a statement; runs where queries are planned. What it throws is FILE_INVALID unless it has a code. */
  open(place: TablePlace): OpenTable | Promise<OpenTable>
  /** A new table as it can be: with types that it stores. Throws what says why it cannot. Absent: its tables cannot be made. */
  define?(definition: TableDefinition): TableDefinition
  /** Throws what says why the commit cannot be: called before rows are written (without files), and when they are. */
  check?(place: TablePlace, commit: TableCommit): Promise<void>
  /**
   * Makes the files part of the table, all at once and exactly once, however often it is called with one `writeId`; gives the version that
   * has them. WRITE_CONFLICT and FILE_EXISTS say that they never will be; after other errors it is called again. Absent: its tables cannot
   * be written.
   */
  commit?(place: TablePlace, commit: TableCommit): Promise<number>
}

export interface TableCommit {
  readonly writeId: string
  /** Whether the files come beside those that are there, or in their place. */
  readonly mode: 'append' | 'overwrite'
  /** An overwrite is one of these partitions only: values of some partition columns; null: NULL. Absent: of all. */
  readonly replaces?: Readonly<Record<string, string | null>>
  /** The table is made, too: it must not be there. */
  readonly creates?: TableDefinition
  /** What `open` gave for the commit (`insert.details`) when the statement was planned. */
  readonly details: Readonly<Record<string, unknown>>
  readonly files: readonly CommittedFile[]
}

/** A file in the directory of the table that does not belong to it yet. */
export interface CommittedFile {
  /** Below the directory. */
  readonly path: string
  readonly byteLength: number
  readonly rowCount: number
  readonly constants: Readonly<Record<string, string | null>>
  readonly columns: Readonly<Record<string, LoggedColumn>>
}

/** A kind of table, whose code is loaded when one is named. */
export interface RegisteredTableFormat {
  /** In lower case. */
  readonly name: string
  readonly marker?: string
  load(): Promise<TableFormat>
}

export interface TablePlace {
  /** Absolute, without a slash at the end. */
  readonly path: string
  /** By bare name in lower case. */
  readonly options: Readonly<Record<string, string>>
  /** The only way to its files. */
  readonly files: TableFiles
}

/** Files, as far as the data roots of this process allow; failures are FILE_NOT_READABLE, PATH_NOT_ALLOWED, or Node's own errors. */
export interface TableFiles {
  /** Undefined if there is no such file. */
  read(path: string): Promise<Uint8Array | undefined>
  /** Names in a directory, sorted; none if it is missing. */
  list(directory: string): Promise<readonly string[]>
  /** A new file with all its bytes, on disk, or none; false if there is one of this name. Directories are made. */
  create(path: string, bytes: Uint8Array): Promise<boolean>
  /** A file with all its bytes, which takes the place of an older one. */
  replace(path: string, bytes: Uint8Array): Promise<void>
}

export interface TableDefinition {
  readonly schema: Schema
  readonly partitionedBy: readonly string[]
}

export interface OpenTable {
  readonly schema: Schema
  /** Of the files, e.g. `parquet`. */
  readonly format: string
  /** Columns that have another name in the files, by name. */
  readonly namesInFiles?: Readonly<Record<string, string>>
  readonly files: readonly LoggedFile[]
  /** Absent: the table cannot be written. */
  readonly insert?: {
    readonly partitionBy: readonly string[]
    /** Plain data for the extension's committer. */
    readonly details: Readonly<Record<string, unknown>>
  }
}

/** A file of a table, and what the log says of it. All values are texts, as CAST reads them. */
export interface LoggedFile {
  /** Absolute. */
  readonly path: string
  readonly byteLength: number
  /** Columns that have one value in the file and are not in it; null: NULL. */
  readonly constants?: Readonly<Record<string, string | null>>
  /** Exact. Absent: nothing else is known either. */
  readonly rowCount?: number
  readonly columns?: Readonly<Record<string, LoggedColumn>>
  /** Numbers of rows of the file that are not in the table, ascending; `rowCount` and `columns` count them in. */
  readonly deletedRows?: readonly number[]
}

export interface LoggedColumn {
  readonly nullCount?: number
  /** Bounds of the values that are not NULL; for text not necessarily tight. */
  readonly min?: string
  readonly max?: string
}
