/** What a Delta table is at one version: the log, replayed. */
import { fail } from '../index.js'
import {
  fileKey,
  type Action,
  type Add,
  type MetaData,
  type Protocol,
  type Remove,
  type Transaction,
} from './actions.js'

/** The state of a table after a version; each version makes a new one. */
export class Snapshot {
  readonly version: number
  readonly protocol: Protocol
  readonly metaData: MetaData
  /** Files of the table, in the order in which they came. */
  readonly files: ReadonlyMap<string, Add>
  readonly tombstones: ReadonlyMap<string, Remove>
  readonly transactions: ReadonlyMap<string, Transaction>

  constructor(parts: Omit<Snapshot, 'configuration'>) {
    this.version = parts.version
    this.protocol = parts.protocol
    this.metaData = parts.metaData
    this.files = parts.files
    this.tombstones = parts.tombstones
    this.transactions = parts.transactions
  }

  /** A property of the table. */
  configuration(key: string): string | undefined {
    return this.metaData.configuration[key]
  }
}

/** The table after `actions`, which are those of all commits after `base` up to `version`, in order. */
export function replay(base: Snapshot | undefined, actions: readonly Action[], version: number): Snapshot {
  let protocol = base?.protocol
  let metaData = base?.metaData
  const files = new Map(base?.files)
  const tombstones = new Map(base?.tombstones)
  const transactions = new Map(base?.transactions)
  for (const { add, metaData: changed, protocol: upgraded, remove, txn } of actions) {
    protocol = upgraded ?? protocol
    metaData = changed ?? metaData
    if (add) {
      tombstones.delete(fileKey(add))
      files.set(fileKey(add), add)
    }
    if (remove) {
      files.delete(fileKey(remove))
      tombstones.set(fileKey(remove), remove)
    }
    if (txn) transactions.set(txn.appId, txn)
  }
  if (protocol === undefined || metaData === undefined)
    throw new Error(`version ${version} of the log has no ${protocol === undefined ? 'protocol' : 'metaData'}`)
  return new Snapshot({ version, protocol, metaData, files, tombstones, transactions })
}

/** Features that tables may need of who reads them, and we know. */
const READER_FEATURES: ReadonlySet<string> = new Set([
  'columnMapping',
  'deletionVectors',
  'timestampNtz',
  'typeWidening',
  'v2Checkpoint',
  'vacuumProtocolCheck',
])

/** Throws NOT_SUPPORTED that names what we lack. */
export function checkReadable({ metaData, protocol }: Snapshot): void {
  const { minReaderVersion, readerFeatures } = protocol
  const unknown = (readerFeatures ?? []).filter(feature => !READER_FEATURES.has(feature))
  if (minReaderVersion > 3) throw fail('NOT_SUPPORTED', [`a Delta table for readers of version ${minReaderVersion}`])
  if (unknown.length > 0) throw fail('NOT_SUPPORTED', [`a Delta table with the feature ${unknown.join(', ')}`])
  if (metaData.format.provider !== 'parquet')
    throw fail('NOT_SUPPORTED', [`a Delta table of ${metaData.format.provider} files`])
  if (metaData.configuration['delta.columnMapping.mode'] === 'id')
    throw fail('NOT_SUPPORTED', ['a Delta table whose columns are found by field id (delta.columnMapping.mode)'])
}
