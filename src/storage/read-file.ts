/** Bounded reads of files, wherever they lie, that answer with coded errors. */
import { crc32 } from 'node:zlib'
import { fail } from '../common/errors.js'
import type { AtomicFile, FileHost, FilePlace, FileVersion, OpenFile } from './store.js'
import { storeOf } from './stores.js'

/** Bytes of a file. Throws FILE_NOT_READABLE, PATH_NOT_ALLOWED. */
export async function fileSize(place: FilePlace): Promise<number> {
  return (await (await storeOf(place.path)).version(place)).byteLength
}

/** Opens a file for reading; the caller closes. Throws FILE_NOT_READABLE, NOT_SUPPORTED (no regular file), PATH_NOT_ALLOWED. */
export async function openForRead(path: string, host: FileHost, known?: FileVersion): Promise<OpenFile> {
  return (await storeOf(path)).open({ path, host }, known)
}

/** Fills `target` with the bytes from `position`. Throws FILE_NOT_READABLE, or FILE_INVALID when the file ends before. */
export async function readExactly(
  file: OpenFile,
  { path }: FilePlace,
  target: Uint8Array,
  position: number,
): Promise<void> {
  const byteCount = await file.read(target, position)
  if (byteCount < target.length) {
    throw fail('FILE_INVALID', [path, `ends at byte ${position + byteCount}, before the data it describes`])
  }
}

/** A file that is being written, and the CRC-32 of its bytes so far. */
export interface CheckedFile extends AtomicFile {
  readonly crc32: number
}

/** Starts a file as its store does. Throws FILE_NOT_WRITABLE [host, path, reason], PATH_NOT_ALLOWED. */
export async function openAtomicFile(place: FilePlace): Promise<CheckedFile> {
  const file = await (await storeOf(place.path)).create(place)
  let checksum = 0
  return {
    get byteLength() {
      return file.byteLength
    },
    get crc32() {
      return checksum
    },
    async append(bytes) {
      checksum = crc32(bytes, checksum)
      await file.append(bytes)
    },
    close: () => file.close(),
    abort: () => file.abort(),
  }
}
