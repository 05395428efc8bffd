/**
 * Commits a write to an object store: tasks have uploaded the parts of their files, and the commit completes the uploads. One object
 * appears at once; of several, other readers may see some before the others are there.
 *
 *   .t.staging/<write id>/MANIFEST.json   the uploads to complete: from here on the write goes forward
 */
import type { StagedPart, TableCommitter, WriteIntent } from '../catalog/table-write.js'
import { fail } from '../common/errors.js'
import { decodeWireText, encodeWireText } from '../common/wire.js'
import { encodesPieces } from '../formats/open-writer.js'
import { isHidden, MANIFEST, stagingRoot } from '../formats/write-manifest.js'
import type { FileHost, StagedUpload } from '../storage/store.js'
import { pathIn } from '../storage/stores.js'
import type { CommitFs } from './file-system.js'
import { urlOf } from './object-fs.js'
import { extensionOf, totalRows } from './staging.js'

interface ObjectManifest {
  readonly uploads: readonly StagedUpload[]
  /** URLs of objects that the write replaces. */
  readonly removes: readonly string[]
  readonly rows: number
}

export function objectCommitter(fs: CommitFs, host: FileHost): TableCommitter {
  const writeOf = (intent: WriteIntent): ObjectWrite => new ObjectWrite(fs, host, intent)
  return {
    kind: 'objects',
    stage: ({ target, writeId }) => ({
      writeId,
      target: target.path,
      directory: target.path,
      isUpload: true,
      format: target.format,
      options: target.options,
      extension: extensionOf(target),
      partitionBy: target.partitionBy ?? [],
      sortBy: target.sortBy ?? [],
      singleFile: !target.path.endsWith('/'),
      pieces: encodesPieces(target.format),
    }),
    begin: intent => writeOf(intent).begin(),
    prepare: (intent, parts) => writeOf(intent).prepare(parts),
    isPrepared: async intent => (await writeOf(intent).manifest()) !== undefined,
    publish: intent => writeOf(intent).publish(),
    clean: intent => writeOf(intent).clean(),
  }
}

/** One step of one write. */
class ObjectWrite {
  readonly #fs: CommitFs
  readonly #host: FileHost
  readonly #intent: WriteIntent
  readonly #manifest: string

  constructor(fs: CommitFs, host: FileHost, intent: WriteIntent) {
    this.#fs = fs
    this.#host = host
    this.#intent = intent
    this.#manifest = pathIn(pathIn(urlOf(stagingRoot(intent.target.path)), intent.writeId), MANIFEST)
  }

  async begin(): Promise<void> {
    const { path } = this.#intent.target
    if (this.#intent.mode === 'error' && (await this.#present()).length > 0) throw fail('FILE_EXISTS', [path])
  }

  async prepare(parts: readonly StagedPart[]): Promise<void> {
    const { mode, target } = this.#intent
    const uploads = parts.flatMap(({ upload }) => (upload === undefined ? [] : [upload]))
    if (uploads.length !== parts.length) throw fail('INTERNAL', [`parts of a write to ${target.path} are no uploads`])
    const isReplaced = mode === 'overwrite' && target.path.endsWith('/')
    const removes = isReplaced ? await this.#present() : []
    const manifest: ObjectManifest = { uploads, removes, rows: totalRows(parts) }
    await this.#fs.create(this.#manifest, Buffer.from(encodeWireText(manifest)))
  }

  async manifest(): Promise<ObjectManifest | undefined> {
    const bytes = await this.#fs.read(this.#manifest)
    return bytes === undefined ? undefined : (decodeWireText(Buffer.from(bytes).toString()) as ObjectManifest)
  }

  async publish(): Promise<{ readonly rows: number }> {
    const { mode, target, writeId } = this.#intent
    const manifest = await this.manifest()
    if (manifest === undefined) throw fail('INTERNAL', [`write ${writeId} has no manifest`])
    const { completeUpload, removeObject } = await import('../storage/s3-objects.js')
    const mustBeNew = mode === 'error' && !target.path.endsWith('/')
    for (const upload of manifest.uploads)
      if (!(await completeUpload(this.#host, upload, mustBeNew))) throw fail('FILE_EXISTS', [target.path])
    for (const path of manifest.removes) await removeObject({ path, host: this.#host })
    return { rows: manifest.rows }
  }

  /** Also uploads of tasks that nobody has heard of again: those to names with the write's id, or to its one object. */
  async clean(): Promise<void> {
    const { target, writeId } = this.#intent
    const { abortUpload, openUploads } = await import('../storage/s3-objects.js')
    for (const { id, path } of await openUploads({ path: target.path, host: this.#host })) {
      const isOwn = target.path.endsWith('/') ? path.includes(`/part-${writeId}-`) : path === target.path
      if (isOwn) await abortUpload({ path, host: this.#host }, id)
    }
    await this.#fs.unlink(this.#manifest)
  }

  /** What the target holds now. */
  async #present(): Promise<string[]> {
    const { path: base } = this.#intent.target
    const { s3Store } = await import('../storage/s3-store.js')
    const found: string[] = []
    for await (const { path } of s3Store.list?.({ path: base, host: this.#host }) ?? []) {
      const below = path.slice(base.length)
      if (base.endsWith('/') ? !below.split('/').some(isHidden) : below === '') found.push(path)
    }
    return found
  }
}
