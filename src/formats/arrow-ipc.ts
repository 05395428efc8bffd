/** Arrow IPC files and streams as a file format. */
import type { Batch } from '../arrow/batch.js'
import { columnFromValues, releaseBatch, retainColumn } from '../arrow/column.js'
import type { Schema } from '../arrow/schema.js'
import { sliceBatch } from '../arrow/take.js'
import { sameType, typeName } from '../arrow/types.js'
import type { FileSplit } from '../catalog/table-provider.js'
import { fail } from '../common/errors.js'
import { openAtomicFile, openForRead, readExactly } from '../storage/read-file.js'
import type { FileHost, OpenFile } from '../storage/store.js'
import type {
  FileDescription,
  FileFormat,
  FileScan,
  FileWriter,
  FormatOptions,
  SplitRequest,
  WriteRequest,
} from './format.js'

export const arrowFormat: FileFormat = {
  name: 'arrow',
  extensions: ['arrow', 'arrows', 'feather', 'ipc'],
  readOptions: [],
  writeOptions: [],
  inspect: inspectArrow,
  splits: splitArrow,
  scan: scanArrow,
  openWriter: openArrowWriter,
}

const CHUNK_BYTES = 1024 * 1024

/** One split a batch of a file; a stream is read as a whole. */
async function splitArrow(path: string, { host }: SplitRequest): Promise<readonly FileSplit[]> {
  const opened = await openArrow(path, host)
  await opened.close()
  const { batchBytes, fileBytes } = opened
  if (batchBytes === undefined) return [{ path, byteLength: fileBytes, fileBytes }]
  return batchBytes.map((byteLength, batch) => ({ path, rowGroups: [batch], byteLength, fileBytes }))
}

async function inspectArrow(path: string, _options: FormatOptions, host: FileHost): Promise<FileDescription> {
  const opened = await openArrow(path, host)
  await opened.close()
  return { schema: opened.schema, byteLength: opened.fileBytes, columns: new Map() }
}

interface OpenedArrow {
  readonly schema: Schema
  readonly fileBytes: number
  /** Absent for a stream. */
  readonly batchBytes?: readonly number[]
  /** All batches of a stream; of a file those of the given numbers, or all. */
  batches(numbers?: readonly number[]): AsyncIterable<Batch>
  close(): Promise<void>
}

/** Opens a file or a stream; which, its first bytes tell. */
async function openArrow(path: string, host: FileHost): Promise<OpenedArrow> {
  const { FILE_MAGIC, openIpcFile, readIpcStream } = await import('../arrow/arrow-js.js')
  const place = { path, host }
  const handle = await openForRead(path, host)
  const close = (): Promise<void> => handle.close()
  try {
    const { byteLength: fileBytes } = handle
    const magic = Buffer.alloc(FILE_MAGIC.length)
    await handle.read(magic, 0)
    if (!magic.equals(FILE_MAGIC)) {
      const { schema, batches } = await readIpcStream(chunksOf(handle), path)
      return { schema, fileBytes, batches, close }
    }
    const read = async (position: number, byteLength: number): Promise<Uint8Array> => {
      const bytes = new Uint8Array(byteLength)
      await readExactly(handle, place, bytes, position)
      return bytes
    }
    const { schema, batchBytes, batches } = await openIpcFile({ byteLength: fileBytes, read }, path)
    return { schema, fileBytes, batchBytes, batches: (numbers = [...batchBytes.keys()]) => batches(numbers), close }
  } catch (error) {
    await close()
    throw error
  }
}

async function* chunksOf(handle: OpenFile): AsyncGenerator<Uint8Array, void> {
  for (let position = 0; ;) {
    const chunk = new Uint8Array(CHUNK_BYTES)
    const byteCount = await handle.read(chunk, position)
    if (byteCount === 0) return
    position += byteCount
    yield chunk.subarray(0, byteCount)
  }
}

/** Batches of the scan's schema, given away; a column that a file lacks is NULL there. */
async function* scanArrow(scan: FileScan): AsyncGenerator<Batch, void> {
  let wanted = scan.fetch ?? Infinity
  for (const split of scan.splits) {
    const opened = await openArrow(split.path, scan.host)
    try {
      checkSize(opened, split)
      const places = mapColumns(scan, opened.schema, split.path)
      for await (const batch of opened.batches(split.rowGroups)) {
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

/** A stream may have grown. */
function checkSize({ fileBytes, batchBytes }: OpenedArrow, split: FileSplit): void {
  const { fileBytes: expected = fileBytes, path } = split
  const isSame = batchBytes === undefined ? fileBytes >= expected : fileBytes === expected
  if (isSame) return
  throw fail('FILE_INVALID', [
    path,
    `changed while the query ran: it had ${expected} bytes and has ${fileBytes}; run the query again`,
  ])
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
      return { rows, bytes: file.byteLength, crc32: file.crc32 }
    },
    abort: () => file.abort(),
  }
}
