/** Commits a write to one file: by one rename, or by a link where the file must be a new one. */
import { dirname, join } from 'node:path'
import type { CommittedWrite, StagedPart, StagedWrite, TableCommitter, WriteIntent } from '../catalog/table-write.js'
import { fail } from '../common/errors.js'
import type { CommitFs } from './file-system.js'
import { Staging, stagedWrite, totalRows } from './staging.js'

export function fileCommitter(fs: CommitFs, host: string): TableCommitter {
  const stagingOf = (intent: WriteIntent): Staging => new Staging(fs, host, intent)
  return {
    kind: 'file',
    stage: (intent): StagedWrite => stagedWrite(stagingOf(intent), intent, true),
    async begin(intent) {
      const staging = stagingOf(intent)
      const found = await staging.attempt(() => fs.status(staging.target))
      if (found !== undefined && (intent.mode === 'error' || found.kind !== 'file'))
        throw fail('FILE_EXISTS', [staging.target])
      await staging.make()
    },
    prepare(intent, parts) {
      const staging = stagingOf(intent)
      return staging.attempt(async () => {
        const { file, bytes } = onlyPart(parts)
        await fs.sync(staging.parts)
        const files = [{ file, to: '', bytes }]
        await staging.writeManifest({
          writeId: intent.writeId,
          strategy: 'file',
          files,
          removes: [],
          rows: totalRows(parts),
        })
      })
    },
    isPrepared: async intent => (await stagingOf(intent).manifest()) !== undefined,
    publish(intent): Promise<CommittedWrite> {
      const staging = stagingOf(intent)
      return staging.attempt(async () => {
        const found = await staging.manifest()
        if (found === undefined) throw fail('INTERNAL', [`write ${intent.writeId} has no manifest`])
        const { files, rows } = found.manifest
        const staged = join(staging.parts, files[0].file)
        // Nobody else moves it: where it is gone, this write has been published.
        if ((await fs.status(staged)) !== undefined) await place(fs, staged, staging.target, intent.mode === 'error')
        await fs.sync(dirname(staging.target))
        return { rows }
      })
    },
    clean: intent => stagingOf(intent).remove(),
  }
}

async function place(fs: CommitFs, staged: string, target: string, mustBeNew: boolean): Promise<void> {
  if (!mustBeNew) return fs.rename(staged, target)
  try {
    await fs.link(staged, target)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    const [own, other] = [await fs.status(staged), await fs.status(target)]
    // The link was made before, by this write.
    if (own?.identity !== other?.identity) throw fail('FILE_EXISTS', [target])
  }
  await fs.sync(dirname(target))
  await fs.unlink(staged)
}

function onlyPart(parts: readonly StagedPart[]): StagedPart {
  if (parts.length === 1) return parts[0]
  throw fail('INTERNAL', [`a write to one file has ${parts.length} parts`])
}
