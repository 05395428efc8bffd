/** Arrow IPC streams and files: the formats in which batches go to and come from other tools. */
import type * as Arrow from 'apache-arrow'
import { BallistaError, fail } from '../common/errors.js'
import { fromArrowBatch } from './arrow-in.js'
import { loadArrow } from './arrow-module.js'
import { toArrowBatch } from './arrow-out.js'
import { fromArrowSchema, toArrowSchema } from './arrow-types.js'
import type { Batch } from './batch.js'
import { checkedStream, fileAsStream, readFooter, type RandomAccess } from './ipc-messages.js'
import type { Schema } from './schema.js'

/** Turns batches into bytes, piece by piece; the caller writes them somewhere in this order. */
export interface IpcWriter {
  /** The bytes of one batch, which is borrowed; those of the schema come with the first. */
  write(batch: Batch): Uint8Array[]
  /** The bytes that end it (all of it if nothing was written). */
  finish(): Uint8Array[]
}

/** A writer of the IPC stream format. */
export async function ipcStreamWriter(schema: Schema): Promise<IpcWriter> {
  const { RecordBatchStreamWriter } = await loadArrow()
  class Writer extends RecordBatchStreamWriter {
    readonly chunks: Uint8Array[] = []
    protected override _write(chunk: ArrayBufferView): this {
      return collect(this, this.chunks, chunk)
    }
  }
  return wrapWriter(new Writer(), schema)
}

/** A writer of the IPC file format (Feather version 2). */
export async function ipcFileWriter(schema: Schema): Promise<IpcWriter> {
  const { RecordBatchFileWriter } = await loadArrow()
  class Writer extends RecordBatchFileWriter {
    readonly chunks: Uint8Array[] = []
    protected override _write(chunk: ArrayBufferView): this {
      return collect(this, this.chunks, chunk)
    }
  }
  return wrapWriter(new Writer(), schema)
}

/** What the library keeps to itself: it writes to a queue that grows, and has no call to take what is there. */
interface WriterInternals {
  _position: number
}

function collect<T>(writer: T, chunks: Uint8Array[], chunk: ArrayBufferView): T {
  const internals = writer as unknown as WriterInternals
  if (chunk.byteLength === 0) return writer
  chunks.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength))
  internals._position += chunk.byteLength
  return writer
}

type CollectingWriter = Arrow.RecordBatchWriter & { readonly chunks: Uint8Array[] }

function wrapWriter(writer: CollectingWriter, schema: Schema): IpcWriter {
  const given = (): Uint8Array[] => writer.chunks.splice(0)
  writer.reset(undefined, toArrowSchema(schema))
  return {
    write(batch) {
      writer.write(toArrowBatch(batch.schema === schema ? batch : { ...batch, schema }))
      return given()
    },
    finish() {
      writer.finish()
      return given()
    },
  }
}

/** A stream that was opened: its schema, and its batches with rows (each owned by the caller) as the bytes come. */
export interface IpcStream {
  readonly schema: Schema
  batches(): AsyncIterable<Batch>
}

/** Opens an IPC stream; waits for the schema. `name` says in errors what is read. FILE_INVALID, NOT_SUPPORTED. */
export async function readIpcStream(
  source: Uint8Array | AsyncIterable<Uint8Array>,
  name = 'Arrow data',
): Promise<IpcStream> {
  const chunks = source instanceof Uint8Array ? oneChunk(source) : source
  return readMessages(checkedStream(chunks), name)
}

// oxlint-disable-next-line require-await
async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield bytes
}

async function readMessages(messages: AsyncIterable<Uint8Array>, name: string): Promise<IpcStream> {
  const { schema, batches: given } = await openMessages(messages, name)
  async function* batches(): AsyncGenerator<Batch, void> {
    for await (const batch of given) yield await named(name, async () => fromArrowBatch(batch, schema))
  }
  return { schema, batches }
}

/** An IPC stream whose batches stay as apache-arrow has them. */
export interface RecordBatches {
  readonly schema: Schema
  /** Those that have rows, as the bytes come. */
  readonly batches: AsyncIterable<Arrow.RecordBatch>
}

/** Opens an IPC stream, as `readIpcStream`. */
export const readRecordBatches = (source: AsyncIterable<Uint8Array>, name: string): Promise<RecordBatches> =>
  openMessages(checkedStream(source), name)

async function openMessages(messages: AsyncIterable<Uint8Array>, name: string): Promise<RecordBatches> {
  const { RecordBatchReader } = await loadArrow()
  const reader = await named(name, async () => {
    const opened = await RecordBatchReader.from(messages)
    await opened.open()
    return opened
  })
  const schema = namedSync(name, () => fromArrowSchema(reader.schema))
  async function* batches(): AsyncGenerator<Arrow.RecordBatch, void> {
    const iterator = reader[Symbol.asyncIterator]()
    try {
      for (;;) {
        const step = await named(name, async () => iterator.next())
        if (step.done === true) return
        // The library makes one up, with incomplete columns, for a stream without batches.
        if (step.value.numRows > 0) yield step.value
      }
    } finally {
      await reader.cancel()
    }
  }
  return { schema, batches: batches() }
}

/** An IPC file: its batches can be read in any order. */
export interface IpcFile {
  readonly schema: Schema
  /** Bytes of each batch. */
  readonly batchBytes: readonly number[]
  /** The batches of these numbers that have rows, each owned by the caller. */
  batches(numbers: readonly number[]): AsyncIterable<Batch>
}

/** Opens an IPC file. `name` says in errors what is read. FILE_INVALID, NOT_SUPPORTED. */
export async function openIpcFile(file: RandomAccess, name = 'Arrow data'): Promise<IpcFile> {
  const footer = await named(name, () => readFooter(file))
  const open = (numbers: readonly number[]): Promise<IpcStream> =>
    readMessages(checkedStream(fileAsStream(file, footer, numbers)), name)
  const { schema } = await open([])
  async function* batches(numbers: readonly number[]): AsyncGenerator<Batch, void> {
    yield* (await open(numbers)).batches()
  }
  return { schema, batchBytes: footer.batches.map(block => block.metadataLength + block.bodyLength), batches }
}

/** What the library throws about broken bytes has no code. */
function asFileError(name: string, error: unknown): BallistaError {
  if (error instanceof BallistaError && (error.code !== 'FILE_INVALID' || error.message.startsWith(name))) return error
  return fail('FILE_INVALID', [name, error instanceof Error ? error.message : String(error)], { cause: error })
}

async function named<T>(name: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    throw asFileError(name, error)
  }
}

function namedSync<T>(name: string, action: () => T): T {
  try {
    return action()
  } catch (error) {
    throw asFileError(name, error)
  }
}
