/** The files of a table with a log, by the few operations of the commit protocol: new files are complete and on disk, or not there. */
import { randomUUID } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import type { TableFiles } from '../catalog/table-format.js'
import type { FileHost } from '../storage/store.js'
import { isRemote } from '../storage/stores.js'
import type { CommitFs } from './file-system.js'
import { objectTableFiles } from './object-fs.js'

/** Of the table at `path`: on this machine as `disk` has them, or in S3. */
export const tableFilesAt = (path: string, disk: CommitFs, host: FileHost): TableFiles =>
  isRemote(path) ? objectTableFiles(host) : tableFiles(disk)

export function tableFiles(fs: CommitFs): TableFiles {
  return {
    read: path => fs.read(path),
    list: directory => fs.list(directory),
    create: (path, bytes) =>
      staged(fs, path, bytes, async temporary => {
        try {
          await fs.link(temporary, path)
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
          return false
        } finally {
          await fs.unlink(temporary)
        }
        await syncAbove(fs, path)
        return true
      }),
    replace: (path, bytes) =>
      staged(fs, path, bytes, async temporary => {
        await fs.rename(temporary, path)
        await syncAbove(fs, path)
      }),
  }
}

/** The file's name lasts, and so do those of the log and the table, which the file may be the first of. */
async function syncAbove(fs: CommitFs, path: string): Promise<void> {
  const log = dirname(path)
  for (const directory of [log, dirname(log), dirname(dirname(log))]) await fs.sync(directory)
}

/** Writes a hidden file beside `path`, which `name` gives its name. */
async function staged<T>(
  fs: CommitFs,
  path: string,
  bytes: Uint8Array,
  name: (temporary: string) => Promise<T>,
): Promise<T> {
  const directory = dirname(path)
  const temporary = join(directory, `.${basename(path)}.${randomUUID()}.tmp`)
  await fs.makeDirectory(directory)
  try {
    await fs.create(temporary, bytes)
    return await name(temporary)
  } catch (error) {
    await fs.unlink(temporary).catch(() => undefined)
    throw error
  }
}
