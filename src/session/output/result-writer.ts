/** How the rows of a statement reach standard output, by `--format`. */
import type { Batch } from '../../arrow/batch.js'
import type { Schema } from '../../arrow/schema.js'

/** Text or bytes to write now; a writer may hold rows back until `end` (a table needs its widths). */
export interface ResultWriter {
  start(schema: Schema): string | Uint8Array | Promise<string | Uint8Array>
  /** Borrows the batch. */
  batch(batch: Batch): string | Uint8Array
  end(): string | Uint8Array | Promise<string | Uint8Array>
}

export const FORMATS = ['table', 'csv', 'tsv', 'json', 'ndjson', 'arrow'] as const
export type Format = (typeof FORMATS)[number]

/** The writer of a format; `maxRows` bounds what a table shows. */
export async function resultWriter(format: Format, maxRows: number): Promise<ResultWriter> {
  switch (format) {
    case 'table':
      return (await import('./table.js')).tableWriter(maxRows)
    case 'csv':
      return (await import('./delimited.js')).delimitedWriter(',')
    case 'tsv':
      return (await import('./delimited.js')).delimitedWriter('\t')
    case 'json':
      return (await import('./json.js')).jsonWriter()
    case 'ndjson':
      return (await import('./json.js')).ndjsonWriter()
    case 'arrow':
      return (await import('./arrow.js')).arrowWriter()
  }
}
