/** Checkpoints: the actions that make a snapshot, in a Parquet file. */
import type { DataType as ArrowType, Table } from 'apache-arrow'
import type { Log } from './log.js'
import { OWN_TRANSACTION, parseActions, type Action, type Transaction } from './actions.js'
import type { Snapshot } from './snapshot.js'

/** The actions of a checkpoint's file and, if it names some, its sidecars. Throws if it cannot be read. */
export async function readCheckpoint({ path, files }: Log, file: string): Promise<Action[]> {
  const bytes = await files.read(file)
  if (bytes === undefined) throw new Error(`its checkpoint ${file} is gone`)
  const actions = file.endsWith('.json') ? parseActions(bytes, file) : await decode(bytes)
  const sidecars = actions.flatMap(({ sidecar }) => sidecar?.path ?? [])
  const more = await Promise.all(
    sidecars.map(name => readCheckpoint({ path, files }, `${path}/_delta_log/_sidecars/${name}`)),
  )
  return [...actions, ...more.flat()]
}

const KINDS = ['protocol', 'metaData', 'txn', 'add', 'remove', 'sidecar'] as const

/** The rows of a checkpoint; columns that we do not need are not decoded. */
async function decode(bytes: Uint8Array): Promise<Action[]> {
  const [{ readParquet }, { tableFromIPC }] = await Promise.all([import('parquet-wasm'), import('apache-arrow')])
  const table: Table = tableFromIPC(readParquet(bytes).intoIPCStream())
  const actions: Action[] = []
  for (const kind of KINDS) {
    const column = table.getChild(kind)
    if (column === null) continue
    for (let row = 0; row < column.length; row++) {
      const value: unknown = column.get(row)
      if (value !== null) actions.push({ [kind]: plain(value) })
    }
  }
  return actions
}

/** Structs, maps and lists of Arrow as plain data. */
const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? Number(each) : each)))

/** Tombstones are for VACUUM, which keeps files that readers of older versions may need: a week, unless the table says otherwise. */
const TOMBSTONES_MS = 7 * 24 * 60 * 60 * 1000

/** Each write of ours has a transaction, by which it is found done when it is tried again; after a week nobody tries any more. */
const isKept = ({ appId, lastUpdated }: Transaction, now: number): boolean =>
  !appId.startsWith(OWN_TRANSACTION) || (lastUpdated ?? now) > now - TOMBSTONES_MS

/** What a checkpoint of the snapshot holds. */
export function checkpointActions(
  { files, metaData, protocol, tombstones, transactions }: Snapshot,
  now: number,
): Action[] {
  const kept = [...tombstones.values()].filter(
    ({ deletionTimestamp }) => (deletionTimestamp ?? 0) > now - TOMBSTONES_MS,
  )
  return [
    { protocol },
    { metaData },
    ...[...transactions.values()].filter(txn => isKept(txn, now)).map(txn => ({ txn })),
    ...[...files.values()].map(add => ({ add: { ...add, dataChange: false } })),
    ...kept.map(remove => ({ remove: { ...remove, dataChange: false } })),
  ]
}

/** A checkpoint by the first specification, in one file. */
export async function encodeCheckpoint(actions: readonly Action[]): Promise<Uint8Array> {
  const [arrow, parquet] = await Promise.all([import('apache-arrow'), import('parquet-wasm')])
  const { Bool, Field, Int32, Int64, List, Map_, Struct, Utf8 } = arrow
  const field = (name: string, type: ArrowType, nullable = true): InstanceType<typeof Field> =>
    new Field(name, type, nullable)
  const struct = (...fields: InstanceType<typeof Field>[]): ArrowType => new Struct(fields)
  const texts = (): ArrowType =>
    new Map_(
      field('key_value', struct(field('key', new Utf8(), false), field('value', new Utf8())), false) as never,
      false,
    )
  const names = (): ArrowType => new List(field('element', new Utf8()))
  const vector = struct(
    field('storageType', new Utf8()),
    field('pathOrInlineDv', new Utf8()),
    field('offset', new Int32()),
    field('sizeInBytes', new Int32()),
    field('cardinality', new Int64()),
  )
  const types: Readonly<Record<string, ArrowType>> = {
    txn: struct(field('appId', new Utf8()), field('version', new Int64()), field('lastUpdated', new Int64())),
    add: struct(
      field('path', new Utf8()),
      field('partitionValues', texts()),
      field('size', new Int64()),
      field('modificationTime', new Int64()),
      field('dataChange', new Bool()),
      field('stats', new Utf8()),
      field('deletionVector', vector),
    ),
    remove: struct(
      field('path', new Utf8()),
      field('deletionTimestamp', new Int64()),
      field('dataChange', new Bool()),
      field('extendedFileMetadata', new Bool()),
      field('partitionValues', texts()),
      field('size', new Int64()),
      field('deletionVector', vector),
    ),
    metaData: struct(
      field('id', new Utf8()),
      field('name', new Utf8()),
      field('description', new Utf8()),
      field('format', struct(field('provider', new Utf8()), field('options', texts()))),
      field('schemaString', new Utf8()),
      field('partitionColumns', names()),
      field('createdTime', new Int64()),
      field('configuration', texts()),
    ),
    protocol: struct(
      field('minReaderVersion', new Int32()),
      field('minWriterVersion', new Int32()),
      field('readerFeatures', names()),
      field('writerFeatures', names()),
    ),
  }
  const columns = Object.entries(types).map(([kind, type]) => {
    const values = actions.map(action => arrowValue(action[kind as keyof Action] ?? null, type))
    return [kind, arrow.vectorFromArray(values, type)] as const
  })
  const table = new arrow.Table(Object.fromEntries(columns))
  const written = parquet.Table.fromIPCStream(arrow.tableToIPC(table, 'stream'))
  const options = new parquet.WriterPropertiesBuilder().setCompression(parquet.Compression.SNAPPY).build()
  return parquet.writeParquet(written, options)
}

/** Plain data in the form that Arrow's builders take. */
function arrowValue(value: unknown, type: ArrowType): unknown {
  if (value === null || value === undefined) return null
  const { children } = type as {
    readonly children?: readonly { readonly name: string; readonly type: ArrowType }[] | null
  }
  if (type.toString() === 'Int64') return BigInt(value as number)
  if (typeof value !== 'object') return value
  if (type.toString().startsWith('Map')) return new Map(Object.entries(value))
  if (Array.isArray(value)) return value
  return Object.fromEntries(
    (children ?? []).map(child => [child.name, arrowValue((value as Record<string, unknown>)[child.name], child.type)]),
  )
}
