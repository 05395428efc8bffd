/** Bounded reads of files, wherever they lie, that answer with coded errors. */
import { fail } from '../common/errors.js'
import type { AtomicFile, FileHost, FilePlace, FileVersion, OpenFile } from './store.js'
import { storeOf } from './stores.js'

/** Bytes of a file. Throws FILE_NOT_READABLE, PATH_NOT_ALLOWED. */
export async function fileSize(place: FilePlace): Promise<number> {
  return (await storeOf(place.path).version(place)).byteLength
}

/** Opens a file for reading; the caller closes. Throws FILE_NOT_READABLE, NOT_SUPPORTED (no regular file), PATH_NOT_ALLOWED. */
export function openForRead(path: string, host: FileHost, known?: FileVersion): Promise<OpenFile> {
  return storeOf(path).open({ path, host }, known)
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

/** Starts a file as its store does. Throws FILE_NOT_WRITABLE [host, path, reason], PATH_NOT_ALLOWED. */
export function openAtomicFile(place: FilePlace): Promise<AtomicFile> {
  return storeOf(place.path).create(place)
}
