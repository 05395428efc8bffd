/** What a session knows by name, as plain data: it travels with every query to whoever plans it. */
import { isAbsolute, resolve } from 'node:path'
import type { EncodedBatch } from '../catalog/memory-table.js'
import type { Schema } from '../arrow/schema.js'
import type { TableStatistics } from '../catalog/table-statistics.js'
import type { Settings } from '../common/option.js'
import type { UserFunction } from '../expr/functions/user-function.js'
import type { PartitionKey } from '../formats/file-columns.js'
import type { ColumnDefault } from './column-defaults.js'
import type { Parameters } from './parameters.js'

export type Registration =
  /** Files: one file, a directory (ends in `/`) or a glob; `path` is absolute. */
  | {
      readonly kind: 'listing'
      readonly name: string
      readonly path: string
      readonly format: string
      readonly options: Readonly<Record<string, string>>
      /** Absent: inferred from the files. */
      readonly schema?: Schema
      /** Columns whose values stand in directories; absent: all that there are. */
      readonly partitionedBy?: readonly PartitionKey[]
      readonly temporary?: boolean
      /** The files are the catalog's own (warehouse.ts). */
      readonly managed?: boolean
      readonly defaults?: readonly ColumnDefault[]
      /** What ANALYZE has found in the files. */
      readonly analyzed?: TableStatistics
    }
  /** Rows held by the session, as frames (arrow/frame.ts). */
  | {
      readonly kind: 'memory'
      readonly name: string
      readonly schema: Schema
      readonly batches: readonly EncodedBatch[]
      readonly temporary?: boolean
      readonly defaults?: readonly ColumnDefault[]
    }
  /** Rows that a program of this process brings, once; only its own backend knows `stream`. */
  | { readonly kind: 'stream'; readonly name: string; readonly stream: string; readonly schema: Schema }
  | {
      readonly kind: 'view'
      readonly name: string
      readonly sql: string
      readonly columns: readonly string[]
      /** Made by CREATE TEMPORARY. */
      readonly temporary?: boolean
    }

/** What the shared catalog keeps: no rows. */
export type StoredObject = Extract<Registration, { kind: 'listing' | 'view' }>

/** One statement to plan and run, with everything its meaning depends on. */
export interface PlanRequest {
  /** Exactly one statement. */
  readonly sql: string
  readonly settings: Settings
  readonly registrations: readonly Registration[]
  /** Absolute; relative paths in the SQL text are meant from here. */
  readonly baseDirectory: string
  /** Values of the parameters in `sql`, by name without the dollar sign. */
  readonly parameters?: Parameters
  /** Functions of users that it may call. */
  readonly functions?: readonly UserFunction[]
  /** The same when a client sends the request again because it has lost the scheduler. */
  readonly submission?: string
  /** Only the schema is wanted: nothing runs. */
  readonly planOnly?: boolean
  /** The statement is about the catalog: it is done when it is planned, with `planOnly`, and its rows are the explanation. */
  readonly command?: boolean
  /** The second half of the command ANALYZE: what was found, to be kept. */
  readonly analyzed?: TableStatistics | undefined
}

/** An absolute form of a local path (a trailing slash is kept: it means a directory); URLs stay as they are. */
export function absolutePath(path: string, baseDirectory: string): string {
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(path)) return path
  if (isAbsolute(path)) return path
  return resolve(baseDirectory, path) + (path.endsWith('/') ? '/' : '')
}

/** Whether the session made the name of a table (`rows:1`), and not a user. */
export const isAnonymous = (name: string): boolean => /^[a-z]+:\d+$/.test(name)
