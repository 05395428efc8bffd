/** Where writes stage their files, and the manifests by which readers tell the files of a table from those of a write under way. */
import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { CommittedFile } from '../catalog/table-format.js'
import { fail } from '../common/errors.js'
import { ifThere } from '../common/if-there.js'
import { allowedPath, type PlaceOnHost } from '../runtime/data-roots.js'
import { notReadable } from '../storage/local-store.js'
import { isRemote } from '../storage/stores.js'

/** Says which files a write moves into its table: they do not count yet. */
export const MANIFEST = 'MANIFEST.json'
/** The same after the commit: they count, and those that they replace do not. */
export const COMMITTED = 'COMMITTED.json'

export interface WriteManifest {
  readonly writeId: string
  /**
   * `file`: the one part becomes the target. `directory`: all parts become the target by one rename. `move`: they are moved into it one
   * by one. `log`: they are moved into it, where only the table's log makes them count.
   */
  readonly strategy: 'file' | 'directory' | 'move' | 'log'
  readonly files: readonly ManifestFile[]
  /** What the log is told of them. */
  readonly logged?: readonly CommittedFile[]
  /** Files of the table, below its directory, that the write replaces. */
  readonly removes: readonly string[]
  readonly rows: number
}

export interface ManifestFile {
  /** Name in the staging directory. */
  readonly file: string
  /** Path below the table's directory. */
  readonly to: string
  readonly bytes: number
}

/** The hidden directory beside a target in which its writes stage: a directory for each. Globs and listings pass it by. */
export function stagingRoot(path: string): string {
  const target = path.replace(/\/+$/, '')
  // A URL is taken as it is written: the store refuses '..' in it.
  if (isRemote(path)) return target.replace(/[^/]*$/, '.$&.staging')
  return join(dirname(target), `.${basename(target)}.staging`)
}

/** What listings of a table pass by. */
export const isHidden = (name: string): boolean => /^[._]/.test(name)

/** What is missing counts as empty. */
export interface ManifestFs {
  list(directory: string): Promise<readonly string[]>
  read(path: string): Promise<Uint8Array | undefined>
}

/** How often a listing is taken again while writes commit. */
const MAX_LISTINGS = 20

/**
 * The files of a directory as they are before or after each write, never between. `list` gives its paths as they are on disk.
 *
 * Two listings with nothing changed between them, and the manifests read in between: a write of which only some files are in both was
 * moving files all the time from the one to the other, so its manifest was there.
 */
export async function committedFiles(
  { path, host }: PlaceOnHost,
  list: () => Promise<readonly string[]>,
  fs?: ManifestFs,
): Promise<readonly string[]> {
  let files = await list()
  for (let listing = 0; listing < MAX_LISTINGS; listing++) {
    const hidden = await hiddenFiles({ path, host }, fs ?? localFs(host))
    const again = await list()
    if (hidden !== undefined && isSame(files, again)) return files.filter(file => !hidden.has(file))
    files = again
  }
  throw fail('FILE_NOT_READABLE', [host.name, path, 'its files change all the time; try again'])
}

const isSame = (left: readonly string[], right: readonly string[]): boolean =>
  left.length === right.length && left.every((file, i) => file === right[i])

/** Paths that do not count now; undefined: the manifests changed while they were read. */
async function hiddenFiles({ path, host }: PlaceOnHost, fs: ManifestFs): Promise<ReadonlySet<string> | undefined> {
  const root = stagingRoot(path)
  const hidden = new Set<string>()
  try {
    for (const writeId of await fs.list(root)) {
      const place = join(root, writeId)
      const state = await fs.list(place)
      const name = [COMMITTED, MANIFEST].find(each => state.includes(each))
      if (name === undefined) continue
      const bytes = await fs.read(join(place, name))
      if (bytes === undefined) return undefined
      const manifest = parseManifest(bytes)
      if (manifest.strategy !== 'move') continue
      const paths = name === COMMITTED ? manifest.removes : manifest.files.map(({ to }) => to)
      for (const each of paths) hidden.add(join(path, each))
    }
    return hidden
  } catch (error) {
    throw notReadable({ path, host }, error)
  }
}

export const parseManifest = (bytes: Uint8Array): WriteManifest =>
  JSON.parse(Buffer.from(bytes).toString('utf8')) as WriteManifest

/** Outside of the data roots nobody can have staged anything. */
function localFs(host: PlaceOnHost['host']): ManifestFs {
  const at = (path: string): Promise<string> => allowedPath({ path, host })
  return {
    list: async directory => {
      const allowed = await at(directory).catch(() => undefined)
      return allowed === undefined ? [] : ((await ifThere(readdir(allowed))) ?? [])
    },
    read: async path => ifThere(readFile(await at(path))),
  }
}
