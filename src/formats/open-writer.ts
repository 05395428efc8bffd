/** Part files of a write: from what is staged to files that are complete, on disk and read back. */
import { randomUUID } from 'node:crypto'
import type { Batch } from '../arrow/batch.js'
import type { Schema } from '../arrow/schema.js'
import type { ColumnStatistics } from '../catalog/table-provider.js'
import type { PartStatistics, StagedPart, StagedWrite } from '../catalog/table-write.js'
import { fail } from '../common/errors.js'
import type { FileHost, StagedUpload } from '../storage/store.js'
import { pathIn } from '../storage/stores.js'
import { normalizeOptions } from './format-options.js'
import type { EncodedPiece, FileWriter, PieceEncoder } from './format.js'
import { formatNamed } from './index.js'
import { partPath } from './part-path.js'

/** One file of a format. */
export interface FileToWrite {
  /** Where the complete file appears, in place of an older one. */
  readonly path: string
  readonly format: string
  /** A table's options also say how it is read; those have no meaning here. */
  readonly options: Readonly<Record<string, string>>
}

/** Opens a writer for batches of `schema`. Throws FILE_NOT_WRITABLE, INVALID_OPTION, NOT_SUPPORTED. */
export async function openWriter(
  { path, format: name, options: given }: FileToWrite,
  schema: Schema,
  host: FileHost,
): Promise<FileWriter> {
  const format = formatNamed(name)
  const options = normalizeOptions(given, [...format.writeOptions, ...format.readOptions], format.name)
  return format.openWriter({ path, schema, options, host })
}

/** The encoder of the format for pieces of such a file; undefined if its files are not made of pieces. */
export async function openEncoder(
  { path, format: name, options: given }: FileToWrite,
  schema: Schema,
  host: FileHost,
): Promise<PieceEncoder | undefined> {
  const format = formatNamed(name)
  const options = normalizeOptions(given, [...format.writeOptions, ...format.readOptions], format.name)
  return format.openEncoder?.({ path, schema, options, host })
}

/** Whether files of the format are made of pieces that can be encoded apart. */
export const encodesPieces = (name: string): boolean => formatNamed(name).openEncoder !== undefined

/** Throws INVALID_OPTION for what the format does not know when it writes, NOT_SUPPORTED for an unknown format. */
export function checkWriteOptions(name: string, options: Readonly<Record<string, string>>): void {
  const format = formatNamed(name)
  normalizeOptions(options, format.writeOptions, format.name)
}

/** One file in the staging directory. Exactly one of `close` and `abort` is called, last, once. */
export interface PartWriter {
  /** Borrows the batch. */
  write(batch: Batch): Promise<void>
  /** Instead of `write`, for a format that encodes pieces. */
  append(piece: EncodedPiece): Promise<void>
  close(): Promise<StagedPart>
  abort(): Promise<void>
}

/** The task that writes a part. */
export interface PartOwner {
  /** Of the attempt. */
  readonly jobId: string
  readonly partition: number
  readonly host: FileHost
}

/** Opens a part under a name that no other task or attempt has. Throws as openWriter. */
export async function openPart(
  staged: StagedWrite,
  schema: Schema,
  partition: readonly (string | null)[],
  { host, jobId, partition: task }: PartOwner,
): Promise<PartWriter> {
  const { directory, extension, format, isUpload = false, options } = staged
  const file = `${task}-${jobId.replaceAll('.', '-')}-${randomUUID()}.${extension}`
  const path = isUpload ? objectPath(staged, partition, file) : pathIn(directory, file)
  let upload: StagedUpload | undefined
  const staging = isUpload ? { ...host, onStaged: (staged: StagedUpload) => void (upload = staged) } : host
  const writer = await openWriter({ path, format, options }, schema, staging)
  return {
    write: batch => writer.write(batch),
    async append(piece) {
      if (writer.append === undefined) throw fail('INTERNAL', [`${format} files are not made of pieces`])
      await writer.append(piece)
    },
    abort: () => writer.abort(),
    async close() {
      const written = await writer.close()
      // It cannot be read before the commit.
      if (upload !== undefined)
        return { file, ...written, partition, columns: partStatistics(writer.statistics?.() ?? new Map()), upload }
      const columns = await readBack({ path, format, options }, written.rows, host)
      return { file, ...written, partition, columns }
    },
  }
}

/** The name that a part has in the table. */
function objectPath(
  { directory, partitionBy, singleFile, writeId }: StagedWrite,
  partition: readonly (string | null)[],
  file: string,
): string {
  return singleFile ? directory : pathIn(directory, partPath(partitionBy, partition, `part-${writeId}-${file}`))
}

/** The statistics of a file with a footer, which is read again: it must be whole. Throws FILE_INVALID. */
async function readBack(
  { path, format: name, options }: FileToWrite,
  rows: number,
  host: FileHost,
): Promise<Readonly<Record<string, PartStatistics>>> {
  if (name !== 'parquet') return {}
  const { columns, rowCount } = await formatNamed(name).inspect(path, options, host)
  if (rowCount !== rows) throw fail('FILE_INVALID', [path, `has ${rowCount} rows after ${rows} have been written`])
  return partStatistics(columns)
}

function partStatistics(columns: ReadonlyMap<string, ColumnStatistics>): Readonly<Record<string, PartStatistics>> {
  const statistics = [...columns].map(([column, { max, min, nullCount }]) => [
    column,
    {
      ...(nullCount === undefined ? {} : { nullCount }),
      ...(min === undefined ? {} : { min }),
      ...(max === undefined ? {} : { max }),
    },
  ])
  return Object.fromEntries(statistics) as Readonly<Record<string, PartStatistics>>
}
