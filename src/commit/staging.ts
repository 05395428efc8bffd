/** The staging directory of one write: its parts, its manifest, and their removal. Shared by the committers of plain files. */
import { dirname, join } from 'node:path'
import type { FileTarget, StagedPart, StagedWrite, WriteIntent } from '../catalog/table-write.js'
import { BallistaError, fail } from '../common/errors.js'
import {
  COMMITTED,
  MANIFEST,
  parseManifest,
  stagingRoot,
  type ManifestFile,
  type WriteManifest,
} from '../formats/write-manifest.js'
import { encodesPieces } from '../formats/open-writer.js'
import type { CommitFs } from './file-system.js'

/** A manifest that was not committed, and never will be. */
const WITHDRAWN = 'WITHDRAWN.json'

export class Staging {
  /** Of this write alone. */
  readonly directory: string
  /** Where tasks put their files. */
  readonly parts: string
  /** Beside the target: of all its writes. */
  readonly root: string
  /** Without a slash at its end. */
  readonly target: string
  readonly #fs: CommitFs
  readonly host: string

  constructor(fs: CommitFs, host: string, { target, writeId }: WriteIntent) {
    this.#fs = fs
    this.host = host
    this.target = target.path.replace(/\/+$/, '')
    this.root = stagingRoot(target.path)
    this.directory = join(this.root, writeId)
    this.parts = join(this.directory, 'parts')
  }

  make(): Promise<void> {
    return this.attempt(() => this.#fs.makeDirectory(this.parts))
  }

  /** From when it resolves the write goes forward. If it throws, there is no manifest. */
  async writeManifest(manifest: WriteManifest): Promise<void> {
    try {
      await this.replaceManifest(manifest)
    } catch (error) {
      await this.#fs.unlink(join(this.directory, MANIFEST))
      throw error
    }
  }

  /** It is on disk when this resolves. If it throws, the one before is there, or this one. */
  async replaceManifest(manifest: WriteManifest): Promise<void> {
    const path = join(this.directory, MANIFEST)
    const temporary = `${path}.tmp`
    await this.#fs.unlink(temporary)
    await this.#fs.create(temporary, Buffer.from(JSON.stringify(manifest)))
    await this.#fs.rename(temporary, path)
    await this.#fs.sync(this.directory)
    await this.#fs.sync(this.root)
    await this.#fs.sync(dirname(this.root))
  }

  /** The manifest, and whether the write has been committed; undefined: not prepared. */
  async manifest(): Promise<{ readonly manifest: WriteManifest; readonly isCommitted: boolean } | undefined> {
    for (const name of [COMMITTED, MANIFEST]) {
      const bytes = await this.#fs.read(join(this.directory, name))
      if (bytes !== undefined) return { manifest: parseManifest(bytes), isCommitted: name === COMMITTED }
    }
    return undefined
  }

  /** The commit point of what readers tell by manifests. */
  async markCommitted(): Promise<void> {
    await this.#fs.rename(join(this.directory, MANIFEST), join(this.directory, COMMITTED))
    await this.#fs.sync(this.directory)
  }

  /** The files of a manifest that was not committed: from here on nobody will, whoever goes on with the write. */
  async withdraw(): Promise<readonly ManifestFile[]> {
    const [manifest, withdrawn] = [join(this.directory, MANIFEST), join(this.directory, WITHDRAWN)]
    if ((await this.#fs.status(manifest)) !== undefined) {
      await this.#fs.rename(manifest, withdrawn)
      await this.#fs.sync(this.directory)
    }
    const bytes = await this.#fs.read(withdrawn)
    return bytes === undefined ? [] : parseManifest(bytes).files
  }

  /** The manifests go first: without them, what is left is nobody's. */
  async remove(): Promise<void> {
    await this.attempt(async () => {
      for (const name of [MANIFEST, COMMITTED]) await this.#fs.unlink(join(this.directory, name))
      await this.#fs.sync(this.directory)
      await removeTree(this.#fs, this.directory, new Set(['INTENT.json']))
      await this.#fs.removeDirectory(this.root)
    })
  }

  attempt<T>(action: () => Promise<T>): Promise<T> {
    return writing({ path: this.target, host: this.host }, action)
  }
}

/** File system errors become FILE_NOT_WRITABLE. */
export async function writing<T>(
  { host, path }: { readonly path: string; readonly host: string },
  action: () => Promise<T>,
): Promise<T> {
  try {
    return await action()
  } catch (error) {
    if (error instanceof BallistaError) throw error
    throw fail('FILE_NOT_WRITABLE', [host, path, (error as Error).message], { cause: error })
  }
}

/** Removes what is below a directory, and itself if nothing of `kept` is in it. What appears meanwhile is removed too. */
async function removeTree(fs: CommitFs, directory: string, kept: ReadonlySet<string>): Promise<void> {
  for (let names = await fs.list(directory); names.some(name => !kept.has(name)); names = await fs.list(directory)) {
    for (const name of names) {
      if (kept.has(name)) continue
      const path = join(directory, name)
      const found = await fs.status(path)
      if (found?.kind === 'directory') await removeTree(fs, path, new Set())
      else await fs.unlink(path)
    }
  }
  await fs.removeDirectory(directory)
}

/** What every committer of plain files tells its tasks. */
export function stagedWrite(staging: Staging, { target, writeId }: WriteIntent, singleFile: boolean): StagedWrite {
  return {
    writeId,
    target: target.path,
    directory: staging.parts,
    format: target.format,
    options: target.options,
    extension: extensionOf(target),
    partitionBy: target.partitionBy ?? [],
    sortBy: target.sortBy ?? [],
    singleFile,
    pieces: encodesPieces(target.format),
  }
}

/** Of a single file its own, so that a `.gz` is compressed; of others the format's. */
export function extensionOf({ format, kind, options, path }: FileTarget): string {
  const [, own] = /[^/]\.([a-z0-9]+(?:\.(?:gz|zst))?)$/i.exec(path) ?? []
  if ((kind === 'file' || (kind === 'objects' && !path.endsWith('/'))) && own !== undefined) return own
  const compression = { gzip: 'gz', gz: 'gz', zstd: 'zst', zst: 'zst' }[options['compression']?.toLowerCase() ?? '']
  const isText = format === 'csv' || format === 'json'
  return isText && compression !== undefined ? `${format}.${compression}` : format
}

export const totalRows = (parts: readonly StagedPart[]): number => parts.reduce((sum, { rows }) => sum + rows, 0)
