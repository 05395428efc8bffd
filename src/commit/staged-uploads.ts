/**
 * The uploads of one write to an object store: tasks have uploaded the parts of their files, under the names that the files are to
 * have, and a commit completes the uploads.
 *
 *   .t.staging/<write id>/MANIFEST.json   the uploads to complete: from here on the write goes forward
 */
import type { CommittedFile } from '../catalog/table-format.js'
import type { StagedPart, StagedWrite, WriteIntent } from '../catalog/table-write.js'
import { fail } from '../common/errors.js'
import { decodeWireText, encodeWireText } from '../common/wire.js'
import { encodesPieces } from '../formats/open-writer.js'
import { MANIFEST, stagingRoot } from '../formats/write-manifest.js'
import type { FileHost, StagedUpload } from '../storage/store.js'
import { pathIn } from '../storage/stores.js'
import type { CommitFs } from './file-system.js'
import { urlOf } from './object-fs.js'
import { extensionOf } from './staging.js'

export interface UploadManifest {
  readonly uploads: readonly StagedUpload[]
  readonly rows: number
  /** URLs of objects that the write replaces. */
  readonly removes?: readonly string[]
  /** What a log is told of the objects. */
  readonly logged?: readonly CommittedFile[]
  /** Of a write to a log: whether it names the objects, or never will. Absent: not decided. */
  readonly end?: 'committed' | 'withdrawn'
}

export class StagedUploads {
  /** Of the object, or with a slash at its end of the directory. */
  readonly target: string
  readonly #fs: CommitFs
  readonly #host: FileHost
  readonly #intent: WriteIntent
  readonly #path: string

  constructor(fs: CommitFs, host: FileHost, intent: WriteIntent, target = intent.target.path) {
    this.target = target
    this.#fs = fs
    this.#host = host
    this.#intent = intent
    this.#path = pathIn(pathIn(urlOf(stagingRoot(target)), intent.writeId), MANIFEST)
  }

  stage(): StagedWrite {
    const { target, writeId } = this.#intent
    return {
      writeId,
      target: target.path,
      directory: this.target,
      isUpload: true,
      format: target.format,
      options: target.options,
      extension: extensionOf(target),
      partitionBy: target.partitionBy ?? [],
      sortBy: target.sortBy ?? [],
      singleFile: !this.target.endsWith('/'),
      pieces: encodesPieces(target.format),
    }
  }

  /** In one step: it is there with all that it says, or not. */
  async writeManifest(manifest: UploadManifest): Promise<void> {
    await this.#fs.create(this.#path, encoded(manifest))
  }

  /** As writeManifest, in place of the one that is there. */
  async replaceManifest(manifest: UploadManifest): Promise<void> {
    const { putObject } = await import('../storage/s3-objects.js')
    await putObject({ path: this.#path, host: this.#host }, encoded(manifest), false)
  }

  async manifest(): Promise<UploadManifest | undefined> {
    const bytes = await this.#fs.read(this.#path)
    return bytes === undefined ? undefined : (decodeWireText(Buffer.from(bytes).toString()) as UploadManifest)
  }

  /** Makes the objects appear. FILE_EXISTS for one that `mustBeNew` and is there. */
  async complete({ uploads }: UploadManifest, mustBeNew: boolean): Promise<void> {
    const { completeUpload } = await import('../storage/s3-objects.js')
    for (const upload of uploads)
      if (!(await completeUpload(this.#host, upload, mustBeNew))) throw fail('FILE_EXISTS', [this.target])
  }

  async remove(urls: readonly string[]): Promise<void> {
    const { removeObject } = await import('../storage/s3-objects.js')
    for (const path of urls) await removeObject({ path, host: this.#host })
  }

  /** Also uploads of tasks that nobody has heard of again: those to names with the write's id, or to its one object. */
  async abort(): Promise<void> {
    const { abortUpload, openUploads } = await import('../storage/s3-objects.js')
    const { target } = this
    for (const { id, path } of await openUploads({ path: target, host: this.#host })) {
      const isOwn = target.endsWith('/') ? path.includes(`/part-${this.#intent.writeId}-`) : path === target
      if (isOwn) await abortUpload({ path, host: this.#host }, id)
    }
  }

  /** Comes last. */
  async removeManifest(): Promise<void> {
    await this.#fs.unlink(this.#path)
  }
}

const encoded = (manifest: UploadManifest): Uint8Array => Buffer.from(encodeWireText(manifest))

/** Of parts that are all uploads. */
export function uploadsOf(parts: readonly StagedPart[]): StagedUpload[] {
  return parts.map(({ file, upload }) => {
    if (upload === undefined) throw fail('INTERNAL', [`the part ${file} is no upload`])
    return upload
  })
}
