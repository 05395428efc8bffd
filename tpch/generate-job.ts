/** What the generator's threads are asked to do and what they answer. */
import type { ErrorInfo } from '../src/common/errors.js'
import type { EncodedChunk } from './encode-chunk.js'
import type { TableName } from './schema.js'

export const OUTPUT_FORMATS = ['parquet', 'csv', 'tbl'] as const
export type OutputFormat = (typeof OUTPUT_FORMATS)[number]

/** `data` of each thread. */
export interface GeneratorData {
  /** POOL_BYTES long; the threads fill it. */
  readonly pool: SharedArrayBuffer
  readonly scale: number
  readonly format: OutputFormat
}

/** Fill text pool chunks, or make the rows of the units [first, last) of a table. */
export type GeneratorJob =
  | { readonly kind: 'pool'; readonly first: number; readonly last: number }
  | { readonly kind: 'rows'; readonly table: TableName; readonly first: number; readonly last: number }

/** A thread does one job at a time, so an answer needs no number. A pool job is answered without a chunk. */
export type GeneratorAnswer =
  | { readonly kind: 'done'; readonly chunk: EncodedChunk | undefined }
  | { readonly kind: 'failed'; readonly error: ErrorInfo }
