/** What the commit protocol asks of a file system; injected, so that tests can end it at every step. */
import * as fs from 'node:fs/promises'
import { dirname } from 'node:path'
import { ifThere } from '../common/if-there.js'
import { allowedPath } from '../runtime/data-roots.js'

export interface FileStatus {
  readonly kind: 'file' | 'directory' | 'other'
  readonly bytes: number
  /** Equal for two names of one file. */
  readonly identity: string
}

/** Failures are Node's own errors, with a `code`, or PATH_NOT_ALLOWED. Names last through a crash after `sync` of their directory. */
export interface CommitFs {
  /** With the directories above it; those that exist stay. */
  makeDirectory(path: string): Promise<void>
  /** Undefined if there is no such file. */
  read(path: string): Promise<Uint8Array | undefined>
  /** A new file, whose bytes are on disk. EEXIST if there is one. */
  create(path: string, bytes: Uint8Array): Promise<void>
  /** Replaces a file, or an empty directory. */
  rename(from: string, to: string): Promise<void>
  /** A second name. EEXIST if it is taken. */
  link(from: string, to: string): Promise<void>
  /** One that is missing counts as removed. */
  unlink(path: string): Promise<void>
  /** Names in a directory, sorted; none if it is missing. */
  list(directory: string): Promise<readonly string[]>
  status(path: string): Promise<FileStatus | undefined>
  /** Removes a directory if it is there and empty; anything else stays. */
  removeDirectory(path: string): Promise<void>
  sync(directory: string): Promise<void>
}

/** The disk, as far as the data roots of this process allow it. */
export function nodeCommitFs(host: string): CommitFs {
  const at = (path: string): Promise<string> => allowedPath({ path, host: { name: host } })
  return {
    async makeDirectory(path) {
      await makeDirectories(await at(path))
    },
    async read(path) {
      return ifThere(fs.readFile(await at(path)))
    },
    async create(path, bytes) {
      const file = await fs.open(await at(path), 'wx')
      try {
        await file.writeFile(bytes)
        await file.sync()
      } finally {
        await file.close()
      }
    },
    async rename(from, to) {
      await fs.rename(await at(from), await at(to))
    },
    async link(from, to) {
      await fs.link(await at(from), await at(to))
    },
    async unlink(path) {
      await ifThere(fs.unlink(await at(path)))
    },
    async list(directory) {
      return ((await ifThere(fs.readdir(await at(directory)))) ?? []).sort()
    },
    async status(path) {
      const found = await ifThere(fs.stat(await at(path), { bigint: true }))
      if (found === undefined) return undefined
      const kind = found.isFile() ? 'file' : found.isDirectory() ? 'directory' : 'other'
      return { kind, bytes: Number(found.size), identity: `${found.dev} ${found.ino}` }
    },
    async removeDirectory(path) {
      await fs.rmdir(await at(path)).catch((error: NodeJS.ErrnoException) => {
        if (!['ENOENT', 'ENOTDIR', 'ENOTEMPTY', 'EEXIST'].includes(error.code ?? '')) throw error
      })
    },
    async sync(directory) {
      // Some file systems refuse, which leaves the files themselves intact.
      const handle = await fs.open(await at(directory), 'r').catch(() => undefined)
      await handle?.sync().catch(() => undefined)
      await handle?.close()
    },
  }
}

/** mkdir's own `recursive` never ends where a parent exists and refuses (/proc). */
async function makeDirectories(path: string): Promise<void> {
  try {
    await fs.mkdir(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return
    if (code !== 'ENOENT' || dirname(path) === path) throw error
    await makeDirectories(dirname(path))
    await makeDirectories(path)
  }
}
