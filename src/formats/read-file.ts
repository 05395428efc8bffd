/** Bounded file reads that answer with coded errors. */
import { open, stat, type FileHandle } from 'node:fs/promises'
import pLimit from 'p-limit'
import { BallistaError, fail } from '../common/errors.js'
import { allowedPath } from '../runtime/data-roots.js'
import { countBytesRead, countOpenFile } from '../runtime/io-counters.js'

/** A file and the host that reads it, for error messages. */
export interface FilePlace {
  readonly path: string
  readonly host: string
}

/** Range reads under way at once in this process: libuv has 4 threads, twice that keeps them busy. */
const CONCURRENT_READS = 8
const limit = pLimit(CONCURRENT_READS)

/** Bytes of a file. Throws FILE_NOT_READABLE, PATH_NOT_ALLOWED. */
export async function fileSize(place: FilePlace): Promise<number> {
  try {
    return (await stat(await allowedPath(place))).size
  } catch (error) {
    throw notReadable(place, error)
  }
}

/** Opens a regular file for reading; the caller closes. Throws FILE_NOT_READABLE, NOT_SUPPORTED, PATH_NOT_ALLOWED. */
export async function openForRead(path: string, host: string): Promise<FileHandle> {
  try {
    const real = await allowedPath({ path, host })
    // To open a pipe would wait for who writes it.
    if (!(await stat(real)).isFile()) throw fail('NOT_SUPPORTED', [`the location '${path}', which is no regular file`])
    const file = await open(real, 'r')
    countOpenFile(file)
    return file
  } catch (error) {
    throw notReadable({ path, host }, error)
  }
}

/** Fills `target` with the bytes from `position`. Throws FILE_NOT_READABLE, or FILE_INVALID when the file ends before. */
export async function readExactly(
  file: FileHandle,
  place: FilePlace,
  target: Uint8Array,
  position: number,
): Promise<void> {
  const byteCount = await readUpTo(file, place, target, position)
  if (byteCount < target.length) {
    throw fail('FILE_INVALID', [place.path, `ends at byte ${position + byteCount}, before the data it describes`])
  }
}

/** Reads until `target` is full or the file ends; gives the bytes read. Throws FILE_NOT_READABLE. */
export async function readUpTo(
  file: FileHandle,
  place: FilePlace,
  target: Uint8Array,
  position: number,
): Promise<number> {
  let filled = 0
  while (filled < target.length) {
    const { bytesRead } = await limit(() => file.read(target, filled, target.length - filled, position + filled)).catch(
      (error: unknown) => {
        throw notReadable(place, error)
      },
    )
    if (bytesRead === 0) break
    countBytesRead(bytesRead)
    filled += bytesRead
  }
  return filled
}

/** Coded errors stay as they are. */
export function notReadable({ path, host }: FilePlace, error: unknown): Error {
  if (error instanceof BallistaError) return error
  return fail('FILE_NOT_READABLE', [host, path, error instanceof Error ? error.message : String(error)], {
    cause: error,
  })
}
