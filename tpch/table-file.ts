/** The file of one table while it is written: it appears under its name when it is complete. */
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { openParquetWriter } from '../src/formats/parquet/write.js'
import { openAtomicFile } from '../src/storage/read-file.js'
import { thisHost } from '../src/storage/this-host.js'
import type { OutputFormat } from './generate-job.js'
import { SCHEMAS, type TableName } from './schema.js'

/** Exactly one of `close` and `abort` is called, last. */
export interface TableFile {
  /** Chunks in row order, as `encodeChunk` made them. Throws FILE_NOT_WRITABLE. */
  append(chunk: Uint8Array): Promise<void>
  /** Bytes of the finished file. */
  close(): Promise<number>
  /** Leaves nothing behind. Never throws. */
  abort(): Promise<void>
}

export async function openTableFile(table: TableName, path: string, format: OutputFormat): Promise<TableFile> {
  const host = thisHost()
  // What is wrong with the place, opening the file says.
  await mkdir(dirname(path), { recursive: true }).catch(() => undefined)
  if (format === 'parquet') {
    const writer = await openParquetWriter(path, SCHEMAS[table], { host })
    return {
      append: async chunk => writer.append?.({ bytes: chunk, rows: 0 }),
      close: async () => (await writer.close()).bytes,
      abort: () => writer.abort(),
    }
  }
  const file = await openAtomicFile({ path, host })
  if (format === 'csv') {
    await file.append(Buffer.from(`${SCHEMAS[table].fields.map(field => field.name).join(',')}\n`))
  }
  return {
    append: chunk => file.append(chunk),
    async close() {
      await file.close()
      return file.byteLength
    },
    abort: () => file.abort(),
  }
}
