/** A local file that appears under its name only when it is complete and on disk, or not at all. */
import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { open, rename, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fail } from '../common/errors.js'
import { allowedPath } from '../runtime/data-roots.js'
import { countOpenFile } from '../runtime/io-counters.js'
import type { AtomicFile, FilePlace } from './store.js'

/** Starts a hidden temporary file beside `path`; in a directory that exists. Throws FILE_NOT_WRITABLE [host, path, reason], PATH_NOT_ALLOWED. */
export async function createLocalFile({ path, host }: FilePlace): Promise<AtomicFile> {
  const notWritable = (error: unknown): Error =>
    fail('FILE_NOT_WRITABLE', [host.name, path, error instanceof Error ? error.message : String(error)], {
      cause: error,
    })
  const target = await allowedPath({ path, host })
  const temporary = join(dirname(target), `.${basename(target)}.${randomUUID().slice(0, 8)}.tmp`)
  let file: FileHandle | undefined
  try {
    file = await open(temporary, 'wx')
    countOpenFile(file)
  } catch (error) {
    throw notWritable(error)
  }
  let byteLength = 0
  const abort = async (): Promise<void> => {
    const opened = file
    if (opened === undefined) return
    file = undefined
    // At once, so that a process that ends right after a failure leaves nothing either.
    rmSync(temporary, { force: true })
    await opened.close().catch(() => undefined)
  }
  const attempt = async (action: (open: FileHandle) => Promise<void>): Promise<void> => {
    if (file === undefined) throw fail('INTERNAL', [`'${path}' was written after it was closed`])
    try {
      await action(file)
    } catch (error) {
      await abort()
      throw notWritable(error)
    }
  }
  return {
    get byteLength() {
      return byteLength
    },
    append: bytes =>
      attempt(async open => {
        for (let done = 0; done < bytes.length;) {
          done += (await open.write(bytes, done, bytes.length - done)).bytesWritten
        }
        byteLength += bytes.length
      }),
    close: () =>
      attempt(async open => {
        await open.sync()
        await open.close()
        await rename(temporary, target)
        file = undefined
        await syncDirectory(dirname(target))
      }),
    abort,
  }
}

/** Makes the new name last through a crash; some file systems refuse, which leaves the file itself intact. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r').catch(() => undefined)
  await handle?.sync().catch(() => undefined)
  await handle?.close()
}
