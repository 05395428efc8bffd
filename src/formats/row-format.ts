/** File formats that give rows one by one: what an extension writes to read files of its own kind. */
import type { Schema } from '../arrow/schema.js'
import { BallistaError, fail, withContext } from '../common/errors.js'
import { schemaFrom, type SchemaInput } from '../expr/type-text.js'
import { fileSize } from '../storage/read-file.js'
import type { FileFormat, FileScan, FormatOptions } from './format.js'
import { rowBatches, type SourceRows } from './row-source.js'

export interface RowFormat {
  /** As STORED AS names it. */
  readonly name: string
  /** File name endings without the dot; default: the name. */
  readonly extensions?: readonly string[]
  /** Names of OPTIONS that it understands. */
  readonly options?: readonly string[]
  /** The columns of a file. */
  schema(path: string, options: FormatOptions): SchemaInput | Promise<SchemaInput>
  /** All rows of a file, in its order. Called in every task that reads the file, on a worker thread. */
  rows(path: string, options: FormatOptions, signal: AbortSignal): SourceRows
}

/** A file is read by one task, whole; filters are left to the engine. It cannot be written. */
export function fileFormatOf(format: RowFormat, name: string): FileFormat {
  return {
    name,
    extensions: [format.name.toLowerCase(), ...(format.extensions ?? [])],
    readOptions: format.options ?? [],
    writeOptions: [],
    async inspect(path, options, host) {
      const byteLength = await fileSize({ path, host })
      return {
        schema: schemaFrom(await inside(path, () => format.schema(path, options))),
        byteLength,
        columns: new Map(),
      }
    },
    async splits(path, { host }) {
      const byteLength = await fileSize({ path, host })
      return [{ path, byteLength, fileBytes: byteLength }]
    },
    scan: scan => scanRows(format, scan),
    openWriter() {
      throw fail('NOT_SUPPORTED', [`writing ${format.name.toUpperCase()} files`])
    },
  }
}

async function* scanRows(format: RowFormat, scan: FileScan): ReturnType<typeof rowBatches> {
  const { batchRows, fileSchema, options, projection, signal, splits } = scan
  const wanted: Schema = { fields: projection.map(column => fileSchema.fields[column]) }
  for (const { path } of splits) {
    const batches = rowBatches(format.rows(path, options, signal), { schema: wanted, batchRows, signal })
    try {
      for (;;) {
        const step = await inside(path, () => batches.next())
        if (step.done === true) break
        yield { ...step.value, schema: scan.schema }
      }
    } finally {
      await batches.return()
    }
  }
}

/** What its code throws is FILE_INVALID, and names the file. */
async function inside<T>(path: string, action: () => T | Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    if (error instanceof BallistaError && error.code !== 'INTERNAL') throw withContext(error, path)
    throw fail('FILE_INVALID', [path, (error as Error).message], { cause: error })
  }
}
