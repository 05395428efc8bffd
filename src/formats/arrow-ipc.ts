/** Arrow IPC files and streams as a file format. */
import { readFile, stat } from 'node:fs/promises'
import type { Batch } from '../arrow/batch.js'
import { columnFromValues, releaseBatch, retainColumn } from '../arrow/column.js'
import type { Schema } from '../arrow/schema.js'
import { sliceBatch } from '../arrow/take.js'
import { sameType, typeName } from '../arrow/types.js'
import type { FileSplit } from '../catalog/table-provider.js'
import { fail } from '../common/errors.js'
import { openAtomicFile } from './atomic-file.js'
import type {
  FileDescription,
  FileFormat,
  FileScan,
  FileWriter,
  FormatOptions,
  SplitRequest,
  WriteRequest,
} from './format.js'
import { countBytesRead } from '../runtime/io-counters.js'
import { notReadable, openForRead, readUpTo } from './read-file.js'

export const arrowFormat: FileFormat = {
  name: 'arrow',
  extensions: ['arrow', 'arrows', 'feather', 'ipc'],
  readOptions: [],
  writeOptions: [],
  inspect: inspectArrow,
  splits: wholeFile,
  scan: scanArrow,
  openWriter: openArrowWriter,
}

/** First bytes of the file format; everything else is taken for a stream. */
const FILE_MAGIC = 'ARROW1'
const CHUNK_BYTES = 1024 * 1024

async function sizeOf(path: string, host: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (error) {
    throw notReadable({ path, host }, error)
  }
}

async function wholeFile(path: string, { host }: SplitRequest): Promise<readonly FileSplit[]> {
  return [{ path, byteLength: await sizeOf(path, host) }]
}

async function inspectArrow(path: string, _options: FormatOptions, host: string): Promise<FileDescription> {
  const byteLength = await sizeOf(path, host)
  const opened = await openArrow(path, host)
  try {
    return { schema: opened.schema, byteLength, columns: new Map() }
  } finally {
    await opened.close()
  }
}

interface OpenedArrow {
  readonly schema: Schema
  batches(): AsyncIterable<Batch>
  close(): Promise<void>
}

/** A file is read whole, a stream piece by piece. */
async function openArrow(path: string, host: string): Promise<OpenedArrow> {
  const { readIpcFile, readIpcStream } = await import('../arrow/arrow-js.js')
  const handle = await openForRead(path, host)
  const magic = Buffer.alloc(FILE_MAGIC.length)
  await readUpTo(handle, { path, host }, magic, 0).catch(async (error: unknown) => {
    await handle.close()
    throw error
  })
  if (magic.toString('latin1') === FILE_MAGIC) {
    await handle.close()
    const bytes = await readFile(path).catch((error: unknown) => {
      throw notReadable({ path, host }, error)
    })
    countBytesRead(bytes.length)
    const file = await readIpcFile(bytes, path)
    async function* batches(): AsyncGenerator<Batch, void> {
      for (let i = 0; i < file.batchCount; i++) yield file.readBatch(i)
    }
    return { schema: file.schema, batches, close: () => Promise.resolve() }
  }
  async function* chunks(): AsyncGenerator<Uint8Array, void> {
    for (let position = 0; ;) {
      const chunk = new Uint8Array(CHUNK_BYTES)
      const byteCount = await readUpTo(handle, { path, host }, chunk, position)
      if (byteCount === 0) return
      position += byteCount
      yield chunk.subarray(0, byteCount)
    }
  }
  try {
    const stream = await readIpcStream(chunks(), path)
    return { schema: stream.schema, batches: () => stream.batches(), close: () => handle.close() }
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** Batches of the scan's schema, given away; a column that a file lacks is NULL there. */
async function* scanArrow(scan: FileScan): AsyncGenerator<Batch, void> {
  let wanted = scan.fetch ?? Infinity
  for (const split of scan.splits) {
    const opened = await openArrow(split.path, scan.host)
    try {
      const places = mapColumns(scan, opened.schema, split.path)
      for await (const batch of opened.batches()) {
        scan.signal.throwIfAborted()
        for (const piece of pieces(scan, batch, places)) {
          yield piece
          wanted -= piece.rowCount
          if (wanted <= 0) return
        }
      }
    } finally {
      await opened.close()
    }
  }
}

function mapColumns(scan: FileScan, schema: Schema, path: string): number[] {
  return scan.projection.map(column => {
    const { name, type } = scan.fileSchema.fields[column]
    const place = schema.fields.findIndex(field => field.name === name)
    if (place < 0 || sameType(schema.fields[place].type, type)) return place
    throw fail('FILE_INVALID', [
      path,
      `column '${name}' has the type ${typeName(schema.fields[place].type)}, but the table's is ${typeName(type)}`,
    ])
  })
}

/** The wanted columns in batches of at most the batch size; takes the batch over. */
function* pieces(scan: FileScan, batch: Batch, places: readonly number[]): Generator<Batch, void> {
  try {
    for (let start = 0; start < batch.rowCount; start += scan.batchRows) {
      const end = Math.min(batch.rowCount, start + scan.batchRows)
      const piece = sliceBatch(batch, start, end)
      const rowCount = end - start
      const columns = places.map((place, i) => {
        if (place < 0)
          return columnFromValues(
            scan.schema.fields[i].type,
            Array.from({ length: rowCount }, () => null),
          )
        retainColumn(piece.columns[place])
        return piece.columns[place]
      })
      releaseBatch(piece)
      yield { schema: scan.schema, rowCount, columns }
    }
  } finally {
    releaseBatch(batch)
  }
}

/** Opens an Arrow file, or (names that end in `.arrows`) a stream. Throws FILE_NOT_WRITABLE. */
async function openArrowWriter({ path, schema, host }: WriteRequest): Promise<FileWriter> {
  const { ipcFileWriter, ipcStreamWriter } = await import('../arrow/arrow-js.js')
  const writer = await (path.toLowerCase().endsWith('.arrows') ? ipcStreamWriter(schema) : ipcFileWriter(schema))
  const file = await openAtomicFile({ path, host })
  let rows = 0
  return {
    async write(batch) {
      for (const piece of writer.write(batch)) await file.append(piece)
      rows += batch.rowCount
    },
    async close() {
      for (const piece of writer.finish()) await file.append(piece)
      await file.close()
      return { rows, bytes: file.byteLength }
    },
    abort: () => file.abort(),
  }
}
