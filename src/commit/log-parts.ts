/** How the part files of a write come into the directory of a table with a log, where nobody sees them until the log names them. */
import { dirname, join } from 'node:path'
import type { CommittedFile } from '../catalog/table-format.js'
import type { StagedPart, StagedWrite, WriteIntent } from '../catalog/table-write.js'
import { fail } from '../common/errors.js'
import { partPath } from '../formats/part-path.js'
import type { ManifestFile } from '../formats/write-manifest.js'
import type { CommitFs } from './file-system.js'
import { Staging, stagedWrite, totalRows } from './staging.js'

/** The parts of one write. Every step may come again, from another process. */
export interface LogParts {
  /** How tasks stage; pure. */
  stage(): StagedWrite
  begin(): Promise<void>
  /** Where the parts will be, below the table's directory; pure. */
  pathsOf(parts: readonly StagedPart[]): readonly string[]
  /** From here on the write goes forward. `logged`: the same parts, as the log is told of them. If it throws, nothing is sealed. */
  seal(parts: readonly StagedPart[], logged: readonly CommittedFile[]): Promise<void>
  /** Undefined: nothing was sealed, or `clean` has begun to undo it. */
  sealed(): Promise<SealedParts | undefined>
  /** Removes what was staged, and the files that were not kept: from then on nobody goes forward with them. */
  clean(): Promise<void>
}

export interface SealedParts {
  readonly logged: readonly CommittedFile[]
  readonly rows: number
  /** The log names the files. */
  readonly isKept: boolean
  /** Makes the files appear where the log will say they are, complete and for good. */
  place(): Promise<void>
  /** From here on `clean` leaves the files. */
  keep(): Promise<void>
}

/** On a disk they are staged beside the table, and moved. */
export function movedParts(fs: CommitFs, host: string, intent: WriteIntent): LogParts {
  const staging = new Staging(fs, host, intent)
  const filesOf = (parts: readonly StagedPart[]): ManifestFile[] =>
    parts.map((part, i) => manifestFile(intent, part, i))
  return {
    stage: () => stagedWrite(staging, intent, false),
    begin: () => staging.make(),
    pathsOf: parts => filesOf(parts).map(({ to }) => to),
    seal: (parts, logged) =>
      staging.attempt(async () => {
        await fs.sync(staging.parts)
        const { writeId } = intent
        const rows = totalRows(parts)
        await staging.writeManifest({ writeId, strategy: 'log', files: filesOf(parts), logged, removes: [], rows })
      }),
    async sealed() {
      const found = await staging.manifest()
      if (found === undefined) return undefined
      const { files, logged = [], rows } = found.manifest
      return {
        logged,
        rows,
        isKept: found.isCommitted,
        async place() {
          for (const file of files) await move(fs, staging, file)
          await syncDirectories(fs, staging.target, files)
        },
        keep: () => staging.markCommitted(),
      }
    },
    async clean() {
      await staging.attempt(async () => {
        for (const { to } of await staging.withdraw()) await fs.unlink(join(staging.target, to))
      })
      await staging.remove()
    },
  }
}

function manifestFile(
  { target, writeId }: WriteIntent,
  { bytes, file, partition }: StagedPart,
  i: number,
): ManifestFile {
  const extension = file.slice(file.indexOf('.') + 1)
  const name = `part-${String(i).padStart(5, '0')}-${writeId}.${extension}`
  return { file, to: partPath(target.partitionBy ?? [], partition, name), bytes }
}

/** Into the table's directory; a file that is there already has been moved before. */
async function move(fs: CommitFs, staging: Staging, { file, to }: ManifestFile): Promise<void> {
  const [staged, target] = [join(staging.parts, file), join(staging.target, to)]
  if ((await fs.status(staged)) !== undefined) {
    await fs.makeDirectory(dirname(target))
    await fs.rename(staged, target)
  } else if ((await fs.status(target)) === undefined) {
    throw fail('FILE_INVALID', [target, 'was staged and is not there any more'])
  }
}

/** The directories between the table's and the files, so that the files' names last. */
async function syncDirectories(fs: CommitFs, root: string, files: readonly ManifestFile[]): Promise<void> {
  const directories = new Set<string>()
  for (const { to } of files) for (let at = dirname(to); at !== '.'; at = dirname(at)) directories.add(join(root, at))
  if (files.length > 0) directories.add(root)
  for (const directory of directories) await fs.sync(directory)
}
