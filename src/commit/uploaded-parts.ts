/** The parts of a write to a table with a log in an object store: uploads to where the files will be, which the commit completes. */
import type { WriteIntent } from '../catalog/table-write.js'
import type { FileHost } from '../storage/store.js'
import type { CommitFs } from './file-system.js'
import type { LogParts } from './log-parts.js'
import { StagedUploads, uploadsOf } from './staged-uploads.js'
import { totalRows } from './staging.js'

export function uploadedParts(fs: CommitFs, host: FileHost, intent: WriteIntent): LogParts {
  const directory = `${intent.target.path.replace(/\/+$/, '')}/`
  const staged = new StagedUploads(fs, host, intent, directory)
  return {
    stage: () => staged.stage(),
    begin: async () => undefined,
    pathsOf: parts => uploadsOf(parts).map(({ path }) => path.slice(directory.length)),
    seal: (parts, logged) => staged.writeManifest({ uploads: uploadsOf(parts), rows: totalRows(parts), logged }),
    async sealed() {
      const manifest = await staged.manifest()
      if (manifest === undefined || manifest.end === 'withdrawn') return undefined
      const { end, logged = [], rows } = manifest
      return {
        logged,
        rows,
        isKept: end === 'committed',
        place: () => staged.complete(manifest, false),
        keep: () => staged.replaceManifest({ ...manifest, end: 'committed' }),
      }
    },
    async clean() {
      const manifest = await staged.manifest()
      const isKept = manifest?.end === 'committed'
      if (manifest !== undefined && manifest.end === undefined)
        await staged.replaceManifest({ ...manifest, end: 'withdrawn' })
      // What is completed just now is an object when its upload is gone.
      await staged.abort()
      if (manifest !== undefined && !isKept) await staged.remove(manifest.uploads.map(({ path }) => path))
      await staged.removeManifest()
    },
  }
}
