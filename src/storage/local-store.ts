/** The files of this machine. */
import { open, stat, type FileHandle } from 'node:fs/promises'
import pLimit from 'p-limit'
import { BallistaError, fail } from '../common/errors.js'
import { allowedPath } from '../runtime/data-roots.js'
import { countBytesRead, countOpenFile } from '../runtime/io-counters.js'
import { createLocalFile } from './local-atomic-file.js'
import type { FilePlace, FileTail, FileVersion, OpenFile, Store } from './store.js'

export const localStore: Store = { version, open: openLocal, tail, create: createLocalFile }

/** Range reads under way at once in this process: libuv has 4 threads, twice that keeps them busy. */
const CONCURRENT_READS = 8
const limit = pLimit(CONCURRENT_READS)

async function version(place: FilePlace): Promise<FileVersion> {
  try {
    const { size, mtimeMs } = await stat(await allowedPath(place))
    return { byteLength: size, tag: String(mtimeMs) }
  } catch (error) {
    throw notReadable(place, error)
  }
}

async function openLocal(place: FilePlace): Promise<LocalFile> {
  try {
    const real = await allowedPath(place)
    const found = await stat(real)
    // To open a pipe would wait for who writes it.
    if (!found.isFile()) throw fail('NOT_SUPPORTED', [`the location '${place.path}', which is no regular file`])
    const file = await open(real, 'r')
    countOpenFile(file)
    return new LocalFile(file, place, found.size)
  } catch (error) {
    throw notReadable(place, error)
  }
}

async function tail(place: FilePlace, byteLength: number, known?: FileVersion): Promise<FileTail> {
  const found = await version(place)
  if (known?.tag === found.tag && known.byteLength === found.byteLength) return { version: found }
  const file = await openLocal(place)
  try {
    const bytes = new Uint8Array(Math.min(byteLength, found.byteLength))
    const byteCount = await file.read(bytes, found.byteLength - bytes.length)
    if (byteCount === bytes.length) return { version: found, bytes }
    throw fail('FILE_INVALID', [place.path, 'became shorter while it was read; run the query again'])
  } finally {
    await file.close()
  }
}

class LocalFile implements OpenFile {
  readonly byteLength: number
  private readonly file: FileHandle
  private readonly place: FilePlace

  constructor(file: FileHandle, place: FilePlace, byteLength: number) {
    this.file = file
    this.place = place
    this.byteLength = byteLength
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    let filled = 0
    while (filled < target.length) {
      const { bytesRead } = await limit(() =>
        this.file.read(target, filled, target.length - filled, position + filled),
      ).catch((error: unknown) => {
        throw notReadable(this.place, error)
      })
      if (bytesRead === 0) break
      countBytesRead(bytesRead)
      filled += bytesRead
    }
    return filled
  }

  close(): Promise<void> {
    return this.file.close()
  }
}

/** Coded errors stay as they are. */
export function notReadable({ path, host }: FilePlace, error: unknown): Error {
  if (error instanceof BallistaError) return error
  return fail('FILE_NOT_READABLE', [host.name, path, error instanceof Error ? error.message : String(error)], {
    cause: error,
  })
}
