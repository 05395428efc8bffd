/** The files of this machine. */
import { close, closeSync, open, openSync, read, readSync, stat, statSync, type Stats } from 'node:fs'
import { promisify } from 'node:util'
import { isMainThread } from 'node:worker_threads'
import pLimit from 'p-limit'
import { BallistaError, fail } from '../common/errors.js'
import { allowedPath, type PlaceOnHost } from '../runtime/data-roots.js'
import { countBytesRead, countOpenFiles } from '../runtime/io-counters.js'
import { createLocalFile } from './local-atomic-file.js'
import type { FilePlace, FileTail, FileVersion, OpenFile, Store } from './store.js'

export const localStore: Store = { version, open: openLocal, tail, create: createLocalFile }

/** Range reads under way at once in this process: libuv has 4 threads, twice that keeps them busy. */
const CONCURRENT_READS = 8
const limit = pLimit(CONCURRENT_READS)
const readAside = promisify(read)

/**
 * Threads that run tasks have nothing else to do meanwhile: there these are plain calls. Where all cores work, to leave them to
 * libuv's threads costs two switches more. The main thread, which must answer others, does.
 */
const calls = isMainThread
  ? { stat: promisify(stat), open: promisify(open), close: promisify(close) }
  : { stat: statSync, open: openSync, close: closeSync }

/** A thread's read that is slower is not answered by the system's cache; later ones of the file go on beside the thread's work. */
const SLOW_CALL_MS = 1
const SLOW_BYTES_PER_MS = 500_000

async function version(place: FilePlace): Promise<FileVersion> {
  try {
    return meet(place, await calls.stat(await allowedPath(place)))
  } catch (error) {
    throw notReadable(place, error)
  }
}

/** The clock of file systems ticks every 4 to 10 ms. */
const NEW_MS = 100

/** What the statement has met of a file, for later: the first of its versions. */
export function meet({ host, path }: FilePlace, { ctimeMs, ino, mtimeMs, size }: Stats): FileVersion {
  // Of these only the time of the last change cannot be set to that of another version.
  const found = { byteLength: size, tag: `${mtimeMs} ${ctimeMs} ${ino}` }
  const version = Date.now() - ctimeMs < NEW_MS ? { ...found, isNew: true } : found
  if (host.localVersions?.has(path) === false) host.localVersions.set(path, version)
  return version
}

const isVersion = (known: FileVersion | undefined, found: FileVersion): boolean =>
  known?.tag === found.tag && known.byteLength === found.byteLength

async function openLocal(place: FilePlace): Promise<LocalFile> {
  try {
    const real = await allowedPath(place)
    const found = await calls.stat(real)
    // To open a pipe would wait for who writes it.
    if (!found.isFile()) throw fail('NOT_SUPPORTED', [`the location '${place.path}', which is no regular file`])
    return new LocalFile(await calls.open(real, 'r'), place, found.size)
  } catch (error) {
    throw notReadable(place, error)
  }
}

async function tail(place: FilePlace, byteLength: number, known?: FileVersion): Promise<FileTail> {
  const met = place.host.localVersions?.get(place.path)
  if (met !== undefined && isVersion(known, met)) return { version: met }
  const found = await version(place)
  if (isVersion(known, found)) return { version: found }
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
  readonly gapBytes = 32 * 1024
  readonly byteLength: number
  private readonly file: number
  private readonly place: FilePlace
  private readsAside = isMainThread
  /** Under way on other threads. */
  private readonly reads = new Set<Promise<unknown>>()
  private isClosed = false

  /** Takes the open file descriptor over. */
  constructor(file: number, place: FilePlace, byteLength: number) {
    countOpenFiles(1)
    this.file = file
    this.place = place
    this.byteLength = byteLength
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    let filled = 0
    while (filled < target.length) {
      const byteCount = await this.readSome(target.subarray(filled), position + filled)
      if (byteCount === 0) break
      countBytesRead(byteCount)
      filled += byteCount
    }
    return filled
  }

  async close(): Promise<void> {
    if (this.isClosed) return
    this.isClosed = true
    // The next file to be opened gets the number of this one.
    await Promise.allSettled(this.reads)
    await calls.close(this.file)
    countOpenFiles(-1)
  }

  private async readSome(target: Uint8Array, position: number): Promise<number> {
    try {
      return await (this.readsAside ? this.readAside(target, position) : this.readNow(target, position))
    } catch (error) {
      throw notReadable(this.place, error)
    }
  }

  private async readAside(target: Uint8Array, position: number): Promise<number> {
    const pending = limit(() => readAside(this.file, target, 0, target.length, position))
    this.reads.add(pending)
    try {
      return (await pending).bytesRead
    } finally {
      this.reads.delete(pending)
    }
  }

  private readNow(target: Uint8Array, position: number): number {
    const startMs = performance.now()
    const byteCount = readSync(this.file, target, 0, target.length, position)
    const elapsedMs = performance.now() - startMs
    this.readsAside = elapsedMs > SLOW_CALL_MS + byteCount / SLOW_BYTES_PER_MS
    return byteCount
  }
}

/** Coded errors stay as they are. */
export function notReadable({ path, host }: PlaceOnHost, error: unknown): Error {
  if (error instanceof BallistaError) return error
  return fail('FILE_NOT_READABLE', [host.name, path, error instanceof Error ? error.message : String(error)], {
    cause: error,
  })
}
