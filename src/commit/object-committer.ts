/**
 * Commits a write to an object store, in place of an object or into a directory of them. One object appears at once; of several, other
 * readers may see some before the others are there.
 */
import type { StagedPart, TableCommitter, WriteIntent } from '../catalog/table-write.js'
import { fail } from '../common/errors.js'
import { isHidden } from '../formats/write-manifest.js'
import type { FileHost } from '../storage/store.js'
import type { CommitFs } from './file-system.js'
import { StagedUploads, uploadsOf } from './staged-uploads.js'
import { totalRows } from './staging.js'

export function objectCommitter(fs: CommitFs, host: FileHost): TableCommitter {
  const stagedOf = (intent: WriteIntent): StagedUploads => new StagedUploads(fs, host, intent)
  return {
    kind: 'objects',
    stage: intent => stagedOf(intent).stage(),
    async begin({ mode, target: { path } }) {
      if (mode === 'error' && (await present(path, host)).length > 0) throw fail('FILE_EXISTS', [path])
    },
    async prepare(intent, parts: readonly StagedPart[]) {
      const { path } = intent.target
      const isReplaced = intent.mode === 'overwrite' && path.endsWith('/')
      const removes = isReplaced ? await present(path, host) : []
      await stagedOf(intent).writeManifest({ uploads: uploadsOf(parts), rows: totalRows(parts), removes })
    },
    isPrepared: async intent => (await stagedOf(intent).manifest()) !== undefined,
    async publish(intent) {
      const { mode, target, writeId } = intent
      const staged = stagedOf(intent)
      const manifest = await staged.manifest()
      if (manifest === undefined) throw fail('INTERNAL', [`write ${writeId} has no manifest`])
      await staged.complete(manifest, mode === 'error' && !target.path.endsWith('/'))
      await staged.remove(manifest.removes ?? [])
      return { rows: manifest.rows }
    },
    async clean(intent) {
      const staged = stagedOf(intent)
      await staged.abort()
      await staged.removeManifest()
    },
  }
}

/** What a target holds now. */
async function present(target: string, host: FileHost): Promise<string[]> {
  const { s3Store } = await import('../storage/s3-store.js')
  const found: string[] = []
  for await (const { path } of s3Store.list?.({ path: target, host }) ?? []) {
    const below = path.slice(target.length)
    if (target.endsWith('/') ? !below.split('/').some(isHidden) : below === '') found.push(path)
  }
  return found
}
