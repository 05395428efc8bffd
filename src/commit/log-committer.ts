/**
 * Commits a write to a table with a log, whose format (catalog/table-format.ts) writes the entry. The files are moved into the table's
 * directory before that: nobody sees them until the log names them.
 */
import { dirname, join } from 'node:path'
import type {
  CommittedFile,
  LoggedColumn,
  RegisteredTableFormat,
  TableCommit,
  TableFormat,
  TablePlace,
} from '../catalog/table-format.js'
import type { FileTarget, StagedPart, TableCommitter, WriteIntent } from '../catalog/table-write.js'
import { fail } from '../common/errors.js'
import { valueText } from '../expr/value-text.js'
import type { ManifestFile } from '../formats/write-manifest.js'
import type { CommitFs } from './file-system.js'
import { partPath } from '../formats/part-path.js'
import { Staging, stagedWrite, totalRows } from './staging.js'
import { tableFiles } from './table-files.js'

type LogTarget = Extract<FileTarget, { kind: 'log' }>

export function logCommitter(fs: CommitFs, host: string, formats: readonly RegisteredTableFormat[]): TableCommitter {
  const stagingOf = (intent: WriteIntent): Staging => new Staging(fs, host, intent)
  const formatOf = async ({ tableFormat }: LogTarget): Promise<TableFormat> => {
    const registered = formats.find(({ name }) => name === tableFormat)
    if (registered === undefined) throw fail('NOT_SUPPORTED', [`writing ${tableFormat} tables without their extension`])
    return registered.load()
  }
  const check = async (intent: WriteIntent, files: readonly CommittedFile[]): Promise<void> => {
    const target = logTarget(intent)
    const format = await formatOf(target)
    await format.check?.(placeOf(fs, target), commitOf(intent, target, files))
  }
  return {
    kind: 'log',
    stage: intent => stagedWrite(stagingOf(intent), intent, false),
    async begin(intent) {
      await check(intent, [])
      await stagingOf(intent).make()
    },
    async prepare(intent, parts) {
      const staging = stagingOf(intent)
      const target = logTarget(intent)
      const filled = parts.filter(({ rows }) => rows > 0)
      const files = filled.map((part, i) => manifestFile(intent, part, i))
      const logged = filled.map((part, i) => committedFile(target, part, files[i].to))
      await check(intent, logged)
      await staging.attempt(async () => {
        await fs.sync(staging.parts)
        const { writeId } = intent
        await staging.writeManifest({ writeId, strategy: 'log', files, logged, removes: [], rows: totalRows(parts) })
      })
    },
    isPrepared: async intent => (await stagingOf(intent).manifest()) !== undefined,
    async publish(intent) {
      const staging = stagingOf(intent)
      const target = logTarget(intent)
      const format = await formatOf(target)
      return staging.attempt(async () => {
        const found = await staging.manifest()
        if (found === undefined) throw fail('INTERNAL', [`write ${intent.writeId} has no manifest`])
        const { files, logged = [], rows } = found.manifest
        for (const file of files) await move(fs, staging, file)
        await syncDirectories(fs, staging.target, files)
        const version = await format.commit?.(placeOf(fs, target), commitOf(intent, target, logged))
        // From here on `clean` leaves the files.
        if (!found.isCommitted) await staging.markCommitted()
        return version === undefined ? { rows } : { rows, version }
      })
    },
    async clean(intent) {
      const staging = stagingOf(intent)
      await staging.attempt(async () => {
        for (const { to } of await staging.withdraw()) await fs.unlink(join(staging.target, to))
      })
      await staging.remove()
    },
  }
}

function logTarget({ target }: WriteIntent): LogTarget {
  if (target.kind === 'log') return target
  throw fail('INTERNAL', [`a write to a ${target.kind} is none to a log`])
}

const placeOf = (fs: CommitFs, { path }: LogTarget): TablePlace => ({
  path: path.replace(/(?<=.)\/+$/, ''),
  options: {},
  files: tableFiles(fs),
})

const commitOf = (
  { mode, writeId }: WriteIntent,
  { creates, details, partitionBy = [], replaces, schema }: LogTarget,
  files: readonly CommittedFile[],
): TableCommit => ({
  writeId,
  mode: mode === 'overwrite' ? 'overwrite' : 'append',
  ...(creates === true ? { creates: { schema, partitionedBy: partitionBy } } : {}),
  ...(replaces === undefined ? {} : { replaces }),
  details,
  files,
})

function manifestFile(
  { target, writeId }: WriteIntent,
  { bytes, file, partition }: StagedPart,
  i: number,
): ManifestFile {
  const extension = file.slice(file.indexOf('.') + 1)
  const name = `part-${String(i).padStart(5, '0')}-${writeId}.${extension}`
  return { file, to: partPath(target.partitionBy ?? [], partition, name), bytes }
}

function committedFile({ partitionBy = [], schema }: LogTarget, part: StagedPart, path: string): CommittedFile {
  const columns = schema.fields.flatMap(({ name, type }): [string, LoggedColumn][] => {
    if (!Object.hasOwn(part.columns, name)) return []
    const { max, min, nullCount } = part.columns[name]
    const text = (value: typeof min): string | undefined =>
      value === undefined || value === null ? undefined : valueText(value, type)
    const [low, high] = [text(min), text(max)]
    const bounds = { ...(low === undefined ? {} : { min: low }), ...(high === undefined ? {} : { max: high }) }
    return [[name, { ...(nullCount === undefined ? {} : { nullCount }), ...bounds }]]
  })
  return {
    path,
    byteLength: part.bytes,
    rowCount: part.rows,
    constants: Object.fromEntries(partitionBy.map((name, i) => [name, part.partition[i] ?? null])),
    columns: Object.fromEntries(columns),
  }
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
