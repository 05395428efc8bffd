/** Cuts Arrow IPC into its messages, so that apache-arrow gets only what was checked. */
import { fail, type BallistaError } from '../common/errors.js'
import { decompressed, type PlainMessage } from './ipc-decompress.js'
import { checkFooter, checkMessage, type IpcBlock, type IpcFooter } from './ipc-metadata.js'

/** First and last bytes of the file format; everything else is taken for a stream. */
export const FILE_MAGIC: Uint8Array = Buffer.from('ARROW1')
const CONTINUATION = 0xffffffff
const END_OF_STREAM: Uint8Array = Uint8Array.of(255, 255, 255, 255, 0, 0, 0, 0)
/** As of Parquet footers: no honest schema is larger. */
const MAX_METADATA = 64 * 1024 * 1024

/** Bytes of a file at any place. */
export interface RandomAccess {
  readonly byteLength: number
  /** Exactly `byteLength` bytes. Throws FILE_INVALID if the file ends before, FILE_NOT_READABLE. */
  read(position: number, byteLength: number): Promise<Uint8Array>
}

const invalid = (what: string): BallistaError => fail('FILE_INVALID', ['Arrow data', what])

/** The stream's messages, checked, in pieces of any size. Throws FILE_INVALID when the stream ends within one. */
export async function* checkedStream(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const input = new ChunkReader(source)
  try {
    for (let isFirst = true; ; isFirst = false) {
      const prefix = await input.take(4)
      // Streams may end without a mark, which apache-arrow takes for a missing schema when nothing else follows it.
      if (prefix.length === 0 && !isFirst) return yield END_OF_STREAM
      let pieces = [prefix]
      let length = wordOf(prefix)
      if (length === CONTINUATION) {
        const second = await input.take(4)
        pieces = [prefix, second]
        length = wordOf(second)
      }
      if (length > MAX_METADATA) throw invalid('it does not start like an Arrow IPC message')
      const metadata = await input.take(length)
      if (metadata.length < length) throw invalid('it ends within the metadata of a message')
      if (length === 0) return yield* pieces
      const { bodyLength, compression } = checkMessage(metadata)
      if (compression !== undefined) {
        const body = await input.take(bodyLength)
        if (body.length < bodyLength) throw invalid('it ends within a message')
        yield* encapsulated(decompressed(metadata, compression, body))
        continue
      }
      yield* [...pieces, metadata]
      for (let left = bodyLength; left > 0;) {
        const piece = await input.some(left)
        if (piece.length === 0) throw invalid(`it ends ${left} bytes before the end of a message`)
        left -= piece.length
        yield piece
      }
    }
  } finally {
    await input.close()
  }
}

/** A message of metadata that are a multiple of 8 bytes long. */
function encapsulated({ metadata, body }: PlainMessage): Uint8Array[] {
  const prefix = new Uint8Array(8)
  const view = new DataView(prefix.buffer)
  view.setUint32(0, CONTINUATION, true)
  view.setUint32(4, metadata.length, true)
  return [prefix, metadata, body]
}

function wordOf(bytes: Uint8Array): number {
  if (bytes.length < 4) throw invalid('it ends within the length of a message')
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)
}

/** Bytes out of chunks, which stay as they are where a piece lies in one. */
class ChunkReader {
  private readonly chunks: AsyncIterator<Uint8Array>
  private rest: Uint8Array = new Uint8Array(0)

  constructor(source: AsyncIterable<Uint8Array>) {
    this.chunks = source[Symbol.asyncIterator]()
  }

  /** Between 1 and `limit` bytes; none at the end. */
  async some(limit: number): Promise<Uint8Array> {
    while (this.rest.length === 0) {
      const next = await this.chunks.next()
      if (next.done === true) return this.rest
      this.rest = next.value
    }
    const piece = this.rest.subarray(0, limit)
    this.rest = this.rest.subarray(piece.length)
    return piece
  }

  /** `byteLength` bytes, fewer at the end. Holds no more than has come. */
  async take(byteLength: number): Promise<Uint8Array> {
    const pieces: Uint8Array[] = []
    for (let left = byteLength; left > 0;) {
      const piece = await this.some(left)
      if (piece.length === 0) break
      pieces.push(piece)
      left -= piece.length
    }
    return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces)
  }

  async close(): Promise<void> {
    await this.chunks.return?.()
  }
}

/** Length of the footer and the magic behind it. */
const TRAILER_BYTES = 4 + FILE_MAGIC.length

/** The footer of an IPC file, checked. Throws FILE_INVALID. */
export async function readFooter(file: RandomAccess): Promise<IpcFooter> {
  const end = file.byteLength - TRAILER_BYTES
  if (end < FIRST_MESSAGE) throw invalid('it is too short for an Arrow IPC file')
  const trailer = await file.read(end, TRAILER_BYTES)
  if (!Buffer.from(FILE_MAGIC).equals(trailer.subarray(4))) throw invalid('it does not end like an Arrow IPC file')
  const length = wordOf(trailer)
  if (length > MAX_METADATA || length > end - FIRST_MESSAGE) throw invalid(`a footer of ${length} bytes`)
  return checkFooter(await file.read(end - length, length), end - length)
}

/** Where the schema message of an IPC file starts: the magic is padded to 8 bytes. */
const FIRST_MESSAGE = 8

/** The file as a stream: its schema, its dictionaries, and the batches of the given numbers. */
export async function* fileAsStream(
  file: RandomAccess,
  footer: IpcFooter,
  batches: readonly number[],
): AsyncGenerator<Uint8Array, void> {
  yield footer.schema
  for (const block of [...footer.dictionaries, ...batches.map(batch => blockAt(footer, batch))]) {
    yield file.read(block.offset, block.metadataLength + block.bodyLength)
  }
}

function blockAt({ batches }: IpcFooter, index: number): IpcBlock {
  const block = batches[index]
  if (block === undefined) throw invalid(`it has no batch ${index}`)
  return block
}
