/** The actions of a Delta log (github.com/delta-io/delta, PROTOCOL.md), as far as this project reads and writes them. */

export interface Protocol {
  readonly minReaderVersion: number
  readonly minWriterVersion: number
  readonly readerFeatures?: readonly string[] | null
  readonly writerFeatures?: readonly string[] | null
}

export interface MetaData {
  readonly id: string
  readonly format: { readonly provider: string; readonly options: Readonly<Record<string, string>> }
  readonly schemaString: string
  readonly partitionColumns: readonly string[]
  readonly configuration: Readonly<Record<string, string>>
  readonly createdTime?: number | null
}

export interface DeletionVector {
  readonly storageType: string
  readonly pathOrInlineDv: string
  readonly offset?: number | null
  readonly sizeInBytes: number
  readonly cardinality: number
}

export interface Add {
  /** Relative to the table, or absolute, and URL-encoded. */
  readonly path: string
  readonly partitionValues: Readonly<Record<string, string | null>>
  readonly size: number
  readonly modificationTime: number
  readonly dataChange: boolean
  /** JSON. */
  readonly stats?: string | null
  readonly deletionVector?: DeletionVector | null
}

export interface Remove {
  readonly path: string
  readonly deletionTimestamp?: number | null
  readonly dataChange: boolean
  readonly extendedFileMetadata?: boolean | null
  readonly partitionValues?: Readonly<Record<string, string | null>> | null
  readonly size?: number | null
  readonly deletionVector?: DeletionVector | null
}

export interface Transaction {
  readonly appId: string
  readonly version: number
  readonly lastUpdated?: number | null
}

/** How the names of our own transactions begin. */
export const OWN_TRANSACTION = 'ballista:'

/** Of one line at most one is there; others (cdc, domainMetadata, …) are passed over. */
export interface Action {
  readonly protocol?: Protocol | null
  readonly metaData?: MetaData | null
  readonly add?: Add | null
  readonly remove?: Remove | null
  readonly txn?: Transaction | null
  readonly commitInfo?: Readonly<Record<string, unknown>> | null
  /** Of checkpoints by the second specification: files with more actions. */
  readonly sidecar?: { readonly path: string } | null
}

/** The actions of a commit. Throws for a line that is no JSON. */
export function parseActions(bytes: Uint8Array, name: string): Action[] {
  const lines = Buffer.from(bytes).toString('utf8').split('\n')
  return lines.flatMap((line, i): Action[] => {
    if (line.trim() === '') return []
    try {
      return [JSON.parse(line) as Action]
    } catch (error) {
      throw new Error(`${name}, line ${i + 1}: ${(error as Error).message}`, { cause: error })
    }
  })
}

export const encodeActions = (actions: readonly Action[]): Uint8Array =>
  Buffer.from(actions.map(action => `${JSON.stringify(action)}\n`).join(''))

/** What tells two files of one path apart. */
export const fileKey = ({ path, deletionVector: dv }: Add | Remove): string =>
  dv === undefined || dv === null ? path : `${path} ${dv.storageType}${dv.pathOrInlineDv}@${dv.offset ?? 0}`
