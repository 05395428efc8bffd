/**
 * Commits a write to a table with a log, whose format (catalog/table-format.ts) writes the entry. The files come into the table's
 * directory before that: nobody sees them until the log names them.
 */
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
import type { FileHost } from '../storage/store.js'
import { isRemote } from '../storage/stores.js'
import type { CommitFs } from './file-system.js'
import { movedParts, type LogParts } from './log-parts.js'
import { writing } from './staging.js'
import { tableFilesAt } from './table-files.js'
import { uploadedParts } from './uploaded-parts.js'

type LogTarget = Extract<FileTarget, { kind: 'log' }>

/** `fs` reaches the tables of the disk and, with the settings of `host`, those in object stores. */
export function logCommitter(fs: CommitFs, host: FileHost, formats: readonly RegisteredTableFormat[]): TableCommitter {
  const partsOf = (intent: WriteIntent): LogParts =>
    isRemote(intent.target.path) ? uploadedParts(fs, host, intent) : movedParts(fs, host.name, intent)
  const formatOf = async ({ tableFormat }: LogTarget): Promise<TableFormat> => {
    const registered = formats.find(({ name }) => name === tableFormat)
    if (registered === undefined) throw fail('NOT_SUPPORTED', [`writing ${tableFormat} tables without their extension`])
    return registered.load()
  }
  const placeOf = ({ path: given }: LogTarget): TablePlace => {
    const path = given.replace(/(?<=.)\/+$/, '')
    return { path, options: {}, files: tableFilesAt(path, fs, host) }
  }
  const check = async (intent: WriteIntent, files: readonly CommittedFile[]): Promise<void> => {
    const target = logTarget(intent)
    const format = await formatOf(target)
    await format.check?.(placeOf(target), commitOf(intent, target, files))
  }
  return {
    kind: 'log',
    stage: intent => partsOf(intent).stage(),
    async begin(intent) {
      await check(intent, [])
      await partsOf(intent).begin()
    },
    async prepare(intent, given) {
      const parts = partsOf(intent)
      const target = logTarget(intent)
      const filled = given.filter(({ rows }) => rows > 0)
      const paths = parts.pathsOf(filled)
      const logged = filled.map((part, i) => committedFile(target, part, paths[i]))
      await check(intent, logged)
      await parts.seal(filled, logged)
    },
    isPrepared: async intent => (await partsOf(intent).sealed()) !== undefined,
    async publish(intent) {
      const target = logTarget(intent)
      const format = await formatOf(target)
      const sealed = await partsOf(intent).sealed()
      if (sealed === undefined) throw fail('INTERNAL', [`write ${intent.writeId} has no manifest`])
      const { isKept, logged, rows } = sealed
      return writing({ path: target.path, host: host.name }, async () => {
        if (!isKept) await sealed.place()
        const version = await format.commit?.(placeOf(target), commitOf(intent, target, logged))
        if (!isKept) await sealed.keep()
        return version === undefined ? { rows } : { rows, version }
      })
    },
    clean: intent => partsOf(intent).clean(),
  }
}

function logTarget({ target }: WriteIntent): LogTarget {
  if (target.kind === 'log') return target
  throw fail('INTERNAL', [`a write to a ${target.kind} is none to a log`])
}

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
