/** Compressed text files: which compression, and their decompressed bytes as a stream that holds little. */
import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { BallistaError, fail } from '../common/errors.js'
import type { FilePlace } from '../storage/store.js'
import { fileSource, type ByteSource } from './byte-source.js'
import type { FormatOptions } from './format.js'

export type Compression = 'none' | 'gzip' | 'zstd'

const NAMES: Readonly<Record<string, Compression>> = {
  '': 'none',
  gz: 'gzip',
  gzip: 'gzip',
  none: 'none',
  uncompressed: 'none',
  zst: 'zstd',
  zstd: 'zstd',
}

/** By the `compression` option, else by the ending `.gz` or `.zst`. Throws NOT_SUPPORTED. */
export function compressionOf(options: FormatOptions, path: string): Compression {
  const name = options['compression']?.toLowerCase()
  if (name === undefined || name === 'auto') {
    const [, ending] = /\.(gz|zst)$/i.exec(path) ?? []
    return NAMES[ending?.toLowerCase() ?? ''] ?? 'none'
  }
  const compression = NAMES[name]
  if (compression !== undefined) return compression
  throw fail('NOT_SUPPORTED', [`the compression '${options['compression']}' (known: gzip, zstd, uncompressed)`])
}

/** The bytes of a file as they lie on disk: from where, and how many there were when the query was planned. */
export interface ByteSpan {
  /** Only for a file that is not compressed. */
  readonly start: number
  readonly expectedBytes?: number
}

/** The decompressed bytes of a file. Throws FILE_NOT_READABLE, FILE_INVALID. */
export function openBytes(
  place: FilePlace,
  compression: Compression,
  { start, expectedBytes }: ByteSpan = { start: 0 },
): Promise<ByteSource> {
  if (compression === 'none') return fileSource(place, start, expectedBytes)
  return compression === 'gzip' ? gzipSource(place) : zstdSource(place)
}

/** Bytes of a compressed file that are read at once. */
const READ_BYTES = 64 * 1024

async function gzipSource(place: FilePlace): Promise<ByteSource> {
  const file = await fileSource(place)
  const plain = createGunzip()
  const compressed = Readable.from(chunksOf(file), { objectMode: false })
  pipeline(compressed, plain, () => undefined)
  const chunks = plain[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>
  const next = async (): Promise<Uint8Array | undefined> => {
    const step = await chunks.next().catch((error: Error) => {
      if (error instanceof BallistaError) throw error
      throw fail('FILE_INVALID', [place.path, `is not a complete gzip file: ${error.message}`], { cause: error })
    })
    return step.done === true ? undefined : step.value
  }
  return fromChunks(next, async () => {
    plain.destroy()
    // Resolves when the read that is under way has called back.
    await compressed[Symbol.asyncDispose]().catch(() => undefined)
    await file.close()
  })
}

async function* chunksOf(file: ByteSource): AsyncGenerator<Uint8Array, void> {
  for (;;) {
    const bytes = new Uint8Array(READ_BYTES)
    const byteCount = await file.read(bytes)
    if (byteCount === 0) return
    yield bytes.subarray(0, byteCount)
  }
}

/** Bytes out of chunks, the next of which is asked for when the last is used up. */
function fromChunks(next: () => Promise<Uint8Array | undefined>, close: () => Promise<void>): ByteSource {
  let rest: Uint8Array = new Uint8Array(0)
  return {
    async read(target) {
      while (rest.length === 0) {
        const chunk = await next()
        if (chunk === undefined) return 0
        rest = chunk
      }
      const byteCount = Math.min(rest.length, target.length)
      target.set(rest.subarray(0, byteCount))
      rest = rest.subarray(byteCount)
      return byteCount
    },
    close,
  }
}

async function zstdSource(place: FilePlace): Promise<ByteSource> {
  const { ZstdDecoder } = await import('./zstd-stream.js')
  const file = await fileSource(place)
  const decoder = new ZstdDecoder(place.path)
  let atEnd = false
  const next = async (): Promise<Uint8Array | undefined> => {
    for (;;) {
      const chunk = decoder.take()
      if (chunk !== undefined || atEnd) return chunk
      const bytes = new Uint8Array(READ_BYTES)
      const byteCount = await file.read(bytes)
      atEnd = byteCount === 0
      if (atEnd) decoder.end()
      else decoder.push(bytes.subarray(0, byteCount))
    }
  }
  return fromChunks(next, () => file.close())
}
