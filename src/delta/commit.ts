/** Commits to a Delta log: put if absent, and again on top of whoever was first. */
import { randomUUID } from 'node:crypto'
import type { CommittedFile, Schema, TableCommit, TableDefinition, TablePlace } from '../index.js'
import { fail } from '../index.js'
import type { Action, Add, Remove } from './actions.js'
import { encodeActions, OWN_TRANSACTION } from './actions.js'
import { checkpointActions, encodeCheckpoint } from './checkpoint.js'
import { columnsOf, schemaStringOf } from './delta-schema.js'
import { isSamePartition, statsText } from './delta-files.js'
import { checkpointFile, commitFile, latestSnapshot, logDirectory, readCommit } from './log.js'
import { replay, type Snapshot } from './snapshot.js'
import { checkWritable } from './writer-features.js'

/** What a commit has to know of the table that the statement was planned with. */
export interface PlannedTable {
  readonly version: number
  readonly tableId: string
  readonly schemaString: string
}

/** Commits between two checkpoints, unless the table says otherwise. */
const CHECKPOINT_INTERVAL = 10

const appId = (writeId: string): string => `${OWN_TRANSACTION}${writeId}`

/** Throws what says that the write cannot be: the table asks for more than we do, or a NULL stands where none may. */
export async function check(place: TablePlace, write: TableCommit): Promise<void> {
  const { creates, files } = write
  const snapshot = creates === undefined ? await latestSnapshot(place) : undefined
  if (creates !== undefined && (await readCommit(place, 0)) !== undefined && !(await isDone(place, write)))
    throw fail('FILE_EXISTS', [place.path])
  if (snapshot !== undefined) checkWritable(snapshot)
  if (write.mode === 'overwrite' && snapshot?.configuration('delta.appendOnly') === 'true')
    throw fail('NOT_SUPPORTED', ['overwriting a Delta table that is append-only (delta.appendOnly)'])
  const { fields } = creates?.schema ?? columnsOf(snapshot?.metaData.schemaString ?? '', 'none').schema
  for (const { columns, constants } of files) {
    const empty = Object.entries(constants).find(([, text]) => text === '')
    if (empty !== undefined)
      throw fail('NOT_SUPPORTED', [
        `an empty text as a partition value (column '${empty[0]}'): Delta tables take it for NULL`,
      ])
    const broken = fields.find(
      ({ name, nullable }) => !nullable && ((columns[name]?.nullCount ?? 0) > 0 || constants[name] === null),
    )
    if (broken !== undefined)
      throw fail('INVALID_ARGUMENT', [`column '${broken.name}' is declared NOT NULL, but is given NULL`])
  }
}

/** Whether a write that makes a table has made it. */
async function isDone(place: TablePlace, { writeId }: TableCommit): Promise<boolean> {
  const actions = (await readCommit(place, 0)) ?? []
  return actions.some(({ txn }) => txn?.appId === appId(writeId))
}

/**
 * Adds the files, in place of all others if `mode` is `overwrite`; gives the version that has them. A write that is in the log already is
 * not done again. Appends follow each other in any order. Throws WRITE_CONFLICT where an overwrite met another write, or the table is
 * another one by now; FILE_EXISTS where there is a table that was to be made.
 */
export async function commit(place: TablePlace, write: TableCommit): Promise<number> {
  if (write.creates !== undefined) return createTable(place, write, write.creates)
  const planned = write.details as unknown as PlannedTable
  let snapshot = await latestSnapshot(place)
  for (;;) {
    const done = snapshot.transactions.get(appId(write.writeId))
    if (done !== undefined) return done.version
    await checkConflicts(place, snapshot, { planned, write })
    const version = snapshot.version + 1
    const actions = actionsOf(snapshot, write, version)
    if (await place.files.create(commitFile(place.path, version), encodeActions(actions))) {
      await checkpointWhenDue(place, replay(snapshot, actions, version))
      return version
    }
    // Somebody else was first.
    snapshot = await latestSnapshot(place, snapshot)
  }
}

/** The table and its first rows are one version. Features come with the types that need them, so that old readers read what they can. */
async function createTable(
  place: TablePlace,
  write: TableCommit,
  { partitionedBy, schema }: TableDefinition,
): Promise<number> {
  const now = Date.now()
  const isNtz = schema.fields.some(({ type }) => type.kind === 'timestamp' && type.timeZone === undefined)
  const features = { readerFeatures: ['timestampNtz'], writerFeatures: ['timestampNtz'] }
  const actions: Action[] = [
    {
      commitInfo: {
        timestamp: now,
        operation: 'CREATE TABLE',
        operationParameters: { partitionBy: JSON.stringify(partitionedBy) },
        engineInfo: 'ballista',
        txnId: write.writeId,
      },
    },
    {
      protocol: isNtz
        ? { minReaderVersion: 3, minWriterVersion: 7, ...features }
        : { minReaderVersion: 1, minWriterVersion: 2 },
    },
    {
      metaData: {
        id: randomUUID(),
        format: { provider: 'parquet', options: {} },
        schemaString: schemaStringOf(schema),
        partitionColumns: partitionedBy,
        configuration: {},
        createdTime: now,
      },
    },
    { txn: { appId: appId(write.writeId), version: 0, lastUpdated: now } },
    ...write.files.map(file => ({ add: addOf(file, schema, now) })),
  ]
  if (await place.files.create(commitFile(place.path, 0), encodeActions(actions))) return 0
  if (await isDone(place, write)) return 0
  throw fail('FILE_EXISTS', [place.path])
}

interface Attempt {
  readonly planned: PlannedTable
  readonly write: TableCommit
}

/** Whether what has been committed since the statement was planned takes its ground away. */
async function checkConflicts(place: TablePlace, snapshot: Snapshot, { planned, write }: Attempt): Promise<void> {
  const { metaData, version } = snapshot
  try {
    checkWritable(snapshot)
  } catch (error) {
    throw fail('WRITE_CONFLICT', [place.path, (error as Error).message], { cause: error })
  }
  if (metaData.id !== planned.tableId) throw fail('WRITE_CONFLICT', [place.path, 'another table has taken its place'])
  if (metaData.schemaString !== planned.schemaString)
    throw fail('WRITE_CONFLICT', [place.path, 'its columns have changed'])
  if (write.mode !== 'overwrite') return
  const isReplaced = replacedFiles(snapshot, write)
  for (let each = planned.version + 1; each <= version; each++) {
    const actions = await readCommit(place, each)
    // A commit that is gone lies so far back that others have made a checkpoint over it.
    const meets = (file: Add | Remove | null | undefined): boolean => file?.dataChange === true && isReplaced(file)
    const changes = actions?.some(({ add, remove }) => meets(add) || meets(remove)) ?? true
    if (changes) throw fail('WRITE_CONFLICT', [place.path, `version ${each} has changed its rows`])
  }
}

/** Whether an overwrite replaces a file: by the values of its partition columns. A file without them may be one. */
function replacedFiles({ metaData }: Snapshot, { replaces }: TableCommit): (file: Add | Remove) => boolean {
  const { fields } = columnsOf(metaData.schemaString, 'none').schema
  const wanted = Object.entries(replaces ?? {})
  return ({ partitionValues }) =>
    !partitionValues ||
    wanted.every(([name, text]) => {
      const type = fields.find(field => field.name === name)?.type
      return type !== undefined && isSamePartition(partitionValues[name] ?? null, text, type)
    })
}

function actionsOf(snapshot: Snapshot, write: TableCommit, version: number): Action[] {
  const { files, mode, replaces, writeId } = write
  const now = Date.now()
  const { metaData } = snapshot
  const columns = columnsOf(metaData.schemaString, 'none')
  const isOverwrite = mode === 'overwrite'
  const removed = isOverwrite ? [...snapshot.files.values()].filter(replacedFiles(snapshot, write)) : []
  const rows = files.reduce((sum, { rowCount }) => sum + rowCount, 0)
  return [
    {
      commitInfo: {
        timestamp: now,
        operation: 'WRITE',
        operationParameters: {
          mode: isOverwrite ? 'Overwrite' : 'Append',
          partitionBy: JSON.stringify(metaData.partitionColumns),
          ...(replaces === undefined ? {} : { predicate: JSON.stringify(replaces) }),
        },
        isBlindAppend: !isOverwrite,
        operationMetrics: { numFiles: String(files.length), numOutputRows: String(rows) },
        engineInfo: 'ballista',
        txnId: writeId,
      },
    },
    { txn: { appId: appId(writeId), version, lastUpdated: now } },
    ...removed.map(add => ({ remove: removeOf(add, now) })),
    ...files.map(file => ({ add: addOf(file, columns.schema, now) })),
  ]
}

const removeOf = ({ partitionValues, path, size, deletionVector }: Add, now: number): Remove => ({
  path,
  deletionTimestamp: now,
  dataChange: true,
  extendedFileMetadata: true,
  partitionValues,
  size,
  ...(deletionVector ? { deletionVector } : {}),
})

const addOf = (file: CommittedFile, schema: Schema, now: number): Add => ({
  // The sign between a partition column and its value need not be encoded, and by custom is not.
  path: file.path
    .split('/')
    .map(part => encodeURIComponent(part).replace('%3D', '='))
    .join('/'),
  partitionValues: partitionValues(file, schema),
  size: file.byteLength,
  modificationTime: now,
  dataChange: true,
  stats: statsText(file, schema),
})

/** The texts of CAST are those of the protocol, but for a timestamp without a zone. */
const partitionValues = ({ constants }: CommittedFile, { fields }: Schema): Record<string, string | null> =>
  Object.fromEntries(
    Object.entries(constants).map(([name, text]) => {
      const isTimestamp = fields.some(field => field.name === name && field.type.kind === 'timestamp')
      return [name, isTimestamp && text?.endsWith('Z') === false ? text.replace('T', ' ') : text]
    }),
  )

/** A write is done whether or not its checkpoint comes about; the next one will. */
async function checkpointWhenDue(place: TablePlace, snapshot: Snapshot): Promise<void> {
  const interval = Number(snapshot.configuration('delta.checkpointInterval') ?? CHECKPOINT_INTERVAL)
  if (!(interval > 0) || snapshot.version === 0 || snapshot.version % interval !== 0) return
  await writeCheckpoint(place, snapshot).catch(() => undefined)
}

/** A checkpoint of the snapshot, and the file that points to it. */
export async function writeCheckpoint({ files, path }: TablePlace, snapshot: Snapshot): Promise<void> {
  const actions = checkpointActions(snapshot, Date.now())
  const bytes = await encodeCheckpoint(actions)
  await files.replace(checkpointFile(path, snapshot.version), bytes)
  const last = {
    version: snapshot.version,
    size: actions.length,
    sizeInBytes: bytes.length,
    numOfAddFiles: snapshot.files.size,
  }
  await files.replace(`${logDirectory(path)}/_last_checkpoint`, Buffer.from(JSON.stringify(last)))
}
