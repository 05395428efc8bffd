/** Delta Lake tables as a table format: opened at a version or a time. */
import type { DataType, LoggedFile, OpenTable, TableDefinition, TableFormat, TablePlace } from '../index.js'
import { fail } from '../index.js'
import { check, commit, type PlannedTable } from './commit.js'
import { deletedRows } from './deletion-vector.js'
import { loggedFile } from './delta-files.js'
import { columnsOf, schemaStringOf } from './delta-schema.js'
import { commitFile, latestSnapshot, loadSnapshot, versionAt, type Log } from './log.js'
import { checkReadable, type Snapshot } from './snapshot.js'

export const deltaFormat: TableFormat = {
  name: 'delta',
  options: ['timestamp', 'version'],
  marker: '_delta_log',
  async open(place) {
    const snapshot = await snapshotAt(place)
    checkReadable(snapshot)
    return withoutDeleted(openSnapshot(snapshot, place), snapshot, place)
  },
  define,
  check,
  commit,
}

function define({ partitionedBy, schema }: TableDefinition): TableDefinition {
  const fields = schema.fields.map(field => ({ ...field, type: storedType(field.type) }))
  const names = fields.map(({ name }) => name.toLowerCase())
  const twice = names.find((name, i) => names.indexOf(name) < i)
  if (twice !== undefined) throw fail('DUPLICATE_NAME', [`column '${twice}' of a Delta table, in any case,`])
  // For what it throws.
  schemaStringOf({ fields })
  return { schema: { fields }, partitionedBy }
}

/** Timestamps have microseconds; of zones, only UTC. */
const storedType = (type: DataType): DataType =>
  type.kind !== 'timestamp'
    ? type
    : type.timeZone === undefined
      ? { kind: 'timestamp', unit: 'us' }
      : { kind: 'timestamp', unit: 'us', timeZone: 'UTC' }

async function snapshotAt({ files, options, path }: TablePlace): Promise<Snapshot> {
  const log: Log = { path, files }
  const { timestamp, version } = options
  if (version !== undefined && timestamp !== undefined)
    throw fail('INVALID_OPTION', ['version', 'give a version or a timestamp, not both'])
  if (timestamp !== undefined) return loadSnapshot(log, await versionAt(log, timeOf(timestamp)))
  if (version === undefined) return newestOf(log)
  if (!/^\d{1,15}$/.test(version))
    throw fail('INVALID_OPTION', ['version', `expected a whole number, got '${version}'`])
  return loadSnapshot(log, Number(version))
}

/** Milliseconds since 1970; without a zone, UTC. */
function timeOf(text: string): number {
  const iso = text.trim().replace(' ', 'T')
  const time = Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/i.test(iso) ? iso : iso.includes('T') ? `${iso}Z` : iso)
  if (Number.isNaN(time)) throw fail('INVALID_OPTION', ['timestamp', `expected a timestamp, got '${text}'`])
  return time
}

/** The table with the numbers of the rows that are deleted in its files. */
async function withoutDeleted(table: OpenTable, snapshot: Snapshot, { files, path }: TablePlace): Promise<OpenTable> {
  const adds = [...snapshot.files.values()]
  const withRows = async (file: LoggedFile, i: number): Promise<LoggedFile> => {
    const { deletionVector } = adds[i]
    return deletionVector ? { ...file, deletedRows: await deletedRows(deletionVector, path, files) } : file
  }
  return { ...table, files: await Promise.all(table.files.map(withRows)) }
}

interface Known {
  readonly snapshot: Snapshot
  /** The last commit, as it is on disk. */
  readonly commit: string
}

/** Newest snapshots by path, so that the next statement reads only the commits since. */
const known = new Map<string, Known>()
const MAX_KNOWN = 64

async function newestOf(log: Log): Promise<Snapshot> {
  const older = known.get(log.path)
  // Another table may have taken the place of the one that was seen.
  const isStill = older !== undefined && (await commitText(log, older.snapshot)) === older.commit
  const snapshot = await (isStill ? latestSnapshot(log, older.snapshot) : latestSnapshot(log))
  const commit = snapshot === older?.snapshot ? older.commit : await commitText(log, snapshot)
  known.delete(log.path)
  if (commit !== undefined) known.set(log.path, { snapshot, commit })
  for (const path of known.keys()) if (known.size > MAX_KNOWN) known.delete(path)
  return snapshot
}

async function commitText({ files, path }: Log, { version }: Snapshot): Promise<string | undefined> {
  const bytes = await files.read(commitFile(path, version))
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('latin1')
}

function openSnapshot(snapshot: Snapshot, { options, path }: TablePlace): OpenTable {
  const { metaData } = snapshot
  const mapping = snapshot.configuration('delta.columnMapping.mode') ?? 'none'
  const columns = columnsOf(metaData.schemaString, mapping)
  const { partitionColumns } = metaData
  const { id: tableId, schemaString } = metaData
  const details = { version: snapshot.version, tableId, schemaString } satisfies PlannedTable
  // Only the newest version can be written to.
  const isNewest = options['version'] === undefined && options['timestamp'] === undefined
  return {
    ...(isNewest ? { insert: { partitionBy: partitionColumns, details } } : {}),
    schema: columns.schema,
    format: 'parquet',
    namesInFiles: columns.physicalNames,
    files: [...snapshot.files.values()].map(add => loggedFile(add, { ...columns, partitionColumns }, path)),
  }
}
