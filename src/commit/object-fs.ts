/** The few small files of the commit protocol as objects of a store, beside a target that lies there. */
import type { TableFiles } from '../catalog/table-format.js'
import type { FileHost, FilePlace } from '../storage/store.js'
import { isRemote } from '../storage/stores.js'
import type { CommitFs } from './file-system.js'

/** `local` for paths of this machine; URLs lead to objects, whose directories are there when something is in them. */
export function commitFs(local: CommitFs, host: FileHost): CommitFs {
  const objects = objectFs(host)
  const of = (path: string): CommitFs => (isRemote(urlOf(path)) ? objects : local)
  return {
    makeDirectory: path => of(path).makeDirectory(path),
    read: path => of(path).read(path),
    create: (path, bytes) => of(path).create(path, bytes),
    rename: (from, to) => of(from).rename(from, to),
    link: (from, to) => of(from).link(from, to),
    unlink: path => of(path).unlink(path),
    list: path => of(path).list(path),
    status: path => of(path).status(path),
    removeDirectory: path => of(path).removeDirectory(path),
    sync: path => of(path).sync(path),
  }
}

/** node:path makes one slash of the two. */
export const urlOf = (path: string): string => path.replace(/^([a-z][a-z0-9+.-]+):\/{1,2}(?=[^/])/i, '$1://')

const nothing = async (): Promise<void> => undefined

/** Of a table with a log that lies there: an object appears whole, so that nothing is staged. */
export function objectTableFiles(host: FileHost): TableFiles {
  const { create, list, read } = objectFs(host)
  return {
    read,
    list,
    create: (path, bytes) =>
      create(path, bytes).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'EEXIST') return false
          throw error
        },
      ),
    async replace(path, bytes) {
      const { putObject } = await import('../storage/s3-objects.js')
      await putObject({ path, host }, bytes, false)
    },
  }
}

function objectFs(host: FileHost): CommitFs {
  const place = (path: string): FilePlace => ({ path: urlOf(path), host })
  const { load, taken } = {
    load: () => import('../storage/s3-objects.js'),
    taken: () => Object.assign(new Error('it exists'), { code: 'EEXIST' }),
  }
  const read = async (path: string): Promise<Uint8Array | undefined> => (await load()).readObject(place(path))
  const copy = async (from: string, to: string, mustBeNew: boolean): Promise<void> => {
    const bytes = await read(from)
    if (bytes === undefined) throw Object.assign(new Error('it is gone'), { code: 'ENOENT' })
    if (!(await (await load()).putObject(place(to), bytes, mustBeNew))) throw taken()
  }
  const unlink = async (path: string): Promise<void> => (await load()).removeObject(place(path))
  return {
    makeDirectory: nothing,
    removeDirectory: nothing,
    sync: nothing,
    read,
    unlink,
    async create(path, bytes) {
      if (!(await (await load()).putObject(place(path), bytes, true))) throw taken()
    },
    async rename(from, to) {
      await copy(from, to, false)
      await unlink(from)
    },
    link: (from, to) => copy(from, to, true),
    async list(directory) {
      const names = new Set<string>()
      const { s3Store } = await import('../storage/s3-store.js')
      const base = `${urlOf(directory).replace(/\/$/, '')}/`
      for await (const { path } of s3Store.list?.({ path: base, host }) ?? [])
        names.add(path.slice(base.length).split('/')[0])
      return [...names].sort()
    },
    async status(path) {
      const bytes = await read(path)
      return bytes === undefined ? undefined : { kind: 'file', bytes: bytes.length, identity: path }
    },
  }
}
