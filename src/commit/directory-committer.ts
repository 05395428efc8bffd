/**
 * Commits a write to a plain directory. A new one appears by one rename. Into one that is there, files are moved one by one; readers of
 * ours go by the manifest and see all or none of them, others may see some (and, when a table is overwritten, old and new files together).
 */
import { dirname, join, relative } from 'node:path'
import type { CommittedWrite, StagedPart, TableCommitter, WriteIntent } from '../catalog/table-write.js'
import { fail } from '../common/errors.js'
import { committedFiles, isHidden, type ManifestFile, type WriteManifest } from '../formats/write-manifest.js'
import type { CommitFs } from './file-system.js'
import { partPath } from '../formats/part-path.js'
import { Staging, stagedWrite, totalRows } from './staging.js'

/** Holds the id of the write that overwrites the table. */
const OVERWRITE = 'OVERWRITE'

export function directoryCommitter(fs: CommitFs, host: string): TableCommitter {
  const writeOf = (intent: WriteIntent): DirectoryWrite => new DirectoryWrite(fs, new Staging(fs, host, intent), intent)
  return {
    kind: 'directory',
    stage: intent => stagedWrite(new Staging(fs, host, intent), intent, false),
    begin: intent => writeOf(intent).begin(),
    prepare: (intent, parts) => writeOf(intent).prepare(parts),
    isPrepared: async intent => (await new Staging(fs, host, intent).manifest()) !== undefined,
    publish: intent => writeOf(intent).publish(),
    clean: intent => writeOf(intent).clean(),
  }
}

/** One step of one write. */
class DirectoryWrite {
  readonly #fs: CommitFs
  readonly #staging: Staging
  readonly #intent: WriteIntent
  /** Where the parts of a new directory wait for its rename. */
  readonly #data: string

  constructor(fs: CommitFs, staging: Staging, intent: WriteIntent) {
    this.#fs = fs
    this.#staging = staging
    this.#intent = intent
    this.#data = join(staging.directory, 'data')
  }

  begin(): Promise<void> {
    return this.#staging.attempt(async () => {
      const { target } = this.#staging
      const found = await this.#fs.status(target)
      const isFree = found === undefined || (found.kind === 'directory' && (await this.#isEmpty()))
      if (!isFree && (this.#intent.mode === 'error' || found?.kind !== 'directory')) throw fail('FILE_EXISTS', [target])
      await this.#staging.make()
    })
  }

  prepare(parts: readonly StagedPart[]): Promise<void> {
    return this.#staging.attempt(async () => {
      const { intent, files } = { intent: this.#intent, files: this.#filesOf(parts) }
      const isNew = await this.#isEmpty()
      await this.#fs.sync(this.#staging.parts)
      if (isNew) await this.#arrange(files)
      else if (intent.mode === 'error') throw fail('FILE_EXISTS', [this.#staging.target])
      const removes = !isNew && intent.mode === 'overwrite' ? await this.#replaced() : []
      const strategy = isNew ? 'directory' : 'move'
      const { writeId } = intent
      await this.#staging.writeManifest({ writeId, strategy, files, removes, rows: totalRows(parts) })
    })
  }

  publish(): Promise<CommittedWrite> {
    return this.#staging.attempt(async () => {
      const found = await this.#staging.manifest()
      if (found === undefined) throw fail('INTERNAL', [`write ${this.#intent.writeId} has no manifest`])
      const { isCommitted, manifest } = found
      if (!isCommitted) await this.#place(manifest)
      for (const path of manifest.removes) await this.#fs.unlink(join(this.#staging.target, path))
      // While the manifest is there; without it they would count again if they came back.
      if (manifest.removes.length > 0) await this.#syncAll(this.#staging.target, manifest.removes)
      return { rows: manifest.rows }
    })
  }

  async clean(): Promise<void> {
    const lock = join(this.#staging.root, OVERWRITE)
    await this.#staging.attempt(async () => {
      const owner = await this.#fs.read(lock)
      if (owner !== undefined && Buffer.from(owner).toString() === this.#intent.writeId) await this.#fs.unlink(lock)
    })
    await this.#staging.remove()
  }

  async #place(manifest: WriteManifest): Promise<void> {
    if (manifest.strategy === 'directory' && (await this.#renamed())) return
    if (manifest.strategy === 'directory') {
      // Somebody else has made the directory meanwhile.
      const { target } = this.#staging
      if (this.#intent.mode === 'error') throw fail('FILE_EXISTS', [target])
      if (this.#intent.mode === 'overwrite') throw fail('WRITE_CONFLICT', [target, 'it was made meanwhile'])
      await this.#staging.replaceManifest({ ...manifest, strategy: 'move' })
    }
    for (const file of manifest.files) await this.#move(file)
    await this.#syncAll(this.#staging.target, pathsOf(manifest.files))
    await this.#staging.markCommitted()
  }

  /** Makes the staged directory the target; false if there is one already. */
  async #renamed(): Promise<boolean> {
    const { target } = this.#staging
    if ((await this.#fs.status(this.#data)) === undefined) return true
    try {
      await this.#fs.rename(this.#data, target)
    } catch (error) {
      if (['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return false
      throw error
    }
    await this.#fs.sync(dirname(target))
    return true
  }

  /** From where it is staged to its place in the table; one that is there already has been moved before. */
  async #move({ file, to }: ManifestFile): Promise<void> {
    const target = join(this.#staging.target, to)
    for (const from of [join(this.#staging.parts, file), join(this.#data, to)]) {
      if ((await this.#fs.status(from)) === undefined) continue
      await this.#fs.makeDirectory(dirname(target))
      return this.#fs.rename(from, target)
    }
    if ((await this.#fs.status(target)) === undefined)
      throw fail('FILE_INVALID', [target, 'was staged and is not there any more'])
  }

  /** The parts under their final names, in a directory that becomes the table. */
  async #arrange(files: readonly ManifestFile[]): Promise<void> {
    await this.#fs.makeDirectory(this.#data)
    for (const { file, to } of files) {
      await this.#fs.makeDirectory(dirname(join(this.#data, to)))
      await this.#fs.rename(join(this.#staging.parts, file), join(this.#data, to))
    }
    await this.#syncAll(this.#data, pathsOf(files))
  }

  /** The directories between `root` and the files, so that the files' names last. */
  async #syncAll(root: string, paths: readonly string[]): Promise<void> {
    const directories = new Set<string>([root])
    for (const path of paths) for (let at = dirname(path); at !== '.'; at = dirname(at)) directories.add(join(root, at))
    for (const directory of directories) await this.#fs.sync(directory)
  }

  async #isEmpty(): Promise<boolean> {
    return (await this.#fs.list(this.#staging.target)).length === 0
  }

  /** All files that count in the table now: what readers see. From here on no other write may overwrite it. */
  async #replaced(): Promise<string[]> {
    const { host, root, target } = this.#staging
    await this.#lock(join(root, OVERWRITE))
    const list = async (): Promise<string[]> => (await this.#filesBelow(target, '')).map(path => join(target, path))
    // Others append meanwhile: what they move is theirs as a whole, or replaced as a whole.
    const files = await committedFiles({ path: target, host: { name: host } }, list, this.#fs)
    return files.map(path => relative(target, path))
  }

  async #lock(path: string): Promise<void> {
    // By a link, so that the lock never is there without its owner.
    const own = join(this.#staging.directory, OVERWRITE)
    await this.#fs.unlink(own)
    await this.#fs.create(own, Buffer.from(this.#intent.writeId))
    for (;;) {
      try {
        return await this.#fs.link(own, path)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
      const found = await this.#fs.read(path)
      // Its owner has ended just now: whoever has it next is alive.
      if (found === undefined) continue
      const owner = Buffer.from(found).toString()
      if (owner === this.#intent.writeId) return
      const isAlive = owner !== '' && (await this.#fs.status(join(this.#staging.root, owner))) !== undefined
      if (isAlive) throw fail('WRITE_CONFLICT', [this.#staging.target, `write ${owner} overwrites it`])
      await this.#fs.unlink(path)
    }
  }

  async #filesBelow(directory: string, prefix: string): Promise<string[]> {
    const files: string[] = []
    for (const name of await this.#fs.list(directory)) {
      if (isHidden(name)) continue
      const path = join(directory, name)
      const found = await this.#fs.status(path)
      if (found?.kind === 'directory') files.push(...(await this.#filesBelow(path, `${prefix}${name}/`)))
      else files.push(`${prefix}${name}`)
    }
    return files
  }

  #filesOf(parts: readonly StagedPart[]): ManifestFile[] {
    const { target, writeId } = this.#intent
    return parts.map(({ bytes, file, partition }, i) => {
      const extension = file.slice(file.indexOf('.') + 1)
      const name = `part-${String(i).padStart(5, '0')}-${writeId}.${extension}`
      return { file, to: partPath(target.partitionBy ?? [], partition, name), bytes }
    })
  }
}

const pathsOf = (files: readonly ManifestFile[]): string[] => files.map(({ to }) => to)
