/** The files of a table with a log, on the disks of this host. */
import { randomUUID } from 'node:crypto'
import { link, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { TableFiles } from '../catalog/table-format.js'
import { allowedPath } from '../runtime/data-roots.js'
import type { FileHost } from '../storage/store.js'

/** New files appear under their names complete and on disk, or not at all. */
export function localTableFiles(host: FileHost): TableFiles {
  const at = (path: string): Promise<string> => allowedPath({ path, host })
  return {
    async read(path) {
      return ifThere(readFile(await at(path)))
    },
    async list(directory) {
      return ((await ifThere(readdir(await at(directory)))) ?? []).sort()
    },
    async create(path, bytes) {
      const target = await at(path)
      return staged(target, bytes, async temporary => {
        try {
          await link(temporary, target)
          return true
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
          throw error
        } finally {
          await rm(temporary, { force: true })
        }
      })
    },
    async replace(path, bytes) {
      const target = await at(path)
      await staged(target, bytes, temporary => rename(temporary, target))
    },
  }
}

/** Writes a hidden file beside `target`, then gives it its name, which lasts when this resolves. */
async function staged<T>(target: string, bytes: Uint8Array, name: (temporary: string) => Promise<T>): Promise<T> {
  const directory = dirname(target)
  const temporary = join(directory, `.${basename(target)}.${randomUUID()}.tmp`)
  await mkdir(directory, { recursive: true })
  try {
    const file = await open(temporary, 'wx')
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    const result = await name(temporary)
    await syncDirectory(directory)
    return result
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/** Some file systems refuse, which leaves the file itself intact. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r').catch(() => undefined)
  await handle?.sync().catch(() => undefined)
  await handle?.close()
}

async function ifThere<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}
