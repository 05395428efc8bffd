/** From the path of a table to the files behind it: one file, a directory, or a glob; URLs are listed by list-objects.ts. */
import type { Dirent, Stats } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fail } from '../common/errors.js'
import { allowedPath } from '../runtime/data-roots.js'
import { meet, notReadable } from '../storage/local-store.js'
import type { FileHost } from '../storage/store.js'
import { isRemote, storeOf } from '../storage/stores.js'
import { expandSets, globPart } from './glob-part.js'
import { listObjects } from './list-objects.js'
import { committedFiles, isHidden } from './write-manifest.js'

export interface Listing {
  readonly kind: 'file' | 'directory' | 'glob'
  /** Absolute paths or URLs, sorted. */
  readonly files: readonly string[]
}

/** Files of a table at most: planning looks at each. */
export const MAX_FILES = 100_000

/**
 * Lists `path`: a glob if it holds `*`, `?`, `[` or `{` and is no existing file; everything below a directory except names
 * that start with `.` or `_`, and the files of writes that have not been committed. A directory named with a trailing `/` may be missing: it is empty then.
 * Throws FILE_NOT_READABLE [host, path, reason], NOT_SUPPORTED, PATH_NOT_ALLOWED (also for a link that leads out of the data roots).
 */
export async function listFiles(path: string, host: FileHost): Promise<Listing> {
  if (isRemote(path)) return listObjects(await storeOf(path), path, host)
  const found = await stat(await allowedPath({ path, host })).catch((error: NodeJS.ErrnoException) => error)
  if (!(found instanceof Error)) {
    if (found.isDirectory()) {
      const files = await committedFiles({ path, host }, () => new Walk(host).below(path))
      return { kind: 'directory', files }
    }
    // A pipe gives its bytes once, but tables are sampled before they are read.
    if (!found.isFile()) throw fail('NOT_SUPPORTED', [`the location '${path}', which is no regular file`])
    meet({ path, host }, found)
    return { kind: 'file', files: [path] }
  }
  if (/[*?[{]/.test(path)) return { kind: 'glob', files: await new Walk(host).matching(path) }
  if (found.code === 'ENOENT' && path.endsWith('/')) return { kind: 'directory', files: [] }
  throw notReadable({ path, host }, found)
}

/** The files of several paths, in the order of the paths; as listFiles for one. */
export async function listAll(paths: readonly string[], host: FileHost): Promise<Listing> {
  const listings = await Promise.all(paths.map(path => listFiles(path, host)))
  if (listings.length === 1) return listings[0]
  const isPlain = listings.every(({ kind }) => kind === 'file')
  return { kind: isPlain ? 'file' : 'glob', files: listings.flatMap(({ files }) => files) }
}

/** One walk over directories. Links are followed, a directory is entered once. */
class Walk {
  private readonly host: FileHost
  private readonly entered = new Set<string>()
  private readonly files = new Set<string>()

  constructor(host: FileHost) {
    this.host = host
  }

  /** All regular files below a directory, sorted. */
  async below(directory: string): Promise<string[]> {
    await this.descend(directory, ['**'])
    return [...this.files].sort()
  }

  /** The regular files that match a glob, sorted; only directories that can hold some are looked at. */
  async matching(pattern: string): Promise<string[]> {
    const parts = pattern.split('/')
    const firstWild = parts.findIndex(part => /[*?[{]/.test(part))
    // A set may span several parts: `{a,b/c}`. Then all below is looked at.
    const base = parts.slice(0, firstWild).join('/') || '/'
    for (const alternative of expandSets(parts.slice(firstWild).join('/'))) {
      this.entered.clear()
      await this.descend(base, alternative.split('/'))
    }
    return [...this.files].sort()
  }

  private async descend(directory: string, parts: readonly string[]): Promise<void> {
    const allowed = await allowedPath({ path: directory, host: this.host })
    const real = await realpath(allowed).catch(() => allowed)
    const key = `${real}\0${parts.join('/')}`
    if (this.entered.has(key)) return
    this.entered.add(key)
    const [part, ...rest] = parts
    const isDeep = part === '**'
    // `**` also stands for no directory at all.
    if (isDeep && rest.length > 0) await this.descend(directory, rest)
    const matches = isDeep ? (): boolean => true : globPart(part)
    for (const entry of await this.entries(allowed)) {
      const path = join(directory, entry.name)
      // A hidden name is meant only when its first character is written out.
      if (isHidden(entry.name) && !isHidden(part)) continue
      if (!matches(entry.name)) continue
      const kind = await this.kindOf(entry, path)
      if (kind === 'directory' && (isDeep || rest.length > 0)) await this.descend(path, isDeep ? parts : rest)
      if (kind === 'file' && rest.length === 0) this.add(path)
    }
  }

  private add(path: string): void {
    this.files.add(path)
    if (this.files.size > MAX_FILES) throw fail('NOT_SUPPORTED', [`a table of more than ${MAX_FILES} files`])
  }

  /** What stands behind a directory's entry; links are followed. */
  private async kindOf(entry: Dirent, path: string): Promise<'file' | 'directory' | 'other'> {
    let found: Dirent | Stats | undefined = entry
    if (entry.isSymbolicLink()) {
      const target = await allowedPath({ path, host: this.host })
      found = await stat(target).catch(() => undefined)
    }
    if (found?.isFile() === true) return 'file'
    return found?.isDirectory() === true ? 'directory' : 'other'
  }

  private async entries(directory: string): Promise<Dirent[]> {
    return readdir(directory, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return []
      throw notReadable({ path: directory, host: this.host }, error)
    })
  }
}
