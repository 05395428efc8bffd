/** Reads columns of one row group, batch by batch: those that this project decodes itself, and the rest by parquet-wasm. */
import type { FileHandle } from 'node:fs/promises'
import type { Batch, Column } from '../../arrow/batch.js'
import { releaseBatch, releaseColumn, retainColumn } from '../../arrow/column.js'
import { fail } from '../../common/errors.js'
import { readChunks, type ChunkBytes } from './chunk-bytes.js'
import { isOwnCodec } from './codecs.js'
import { ColumnReader } from './column-reader.js'
import { decodeRowGroup, loadParquetWasm, type ParquetWasm } from './decode.js'
import type { ColumnChunk, ParquetFooter } from './footer.js'
import { glueRowGroup } from './glue.js'
import { isOptional, leafForm, type LeafForm } from './leaf-form.js'
import { ENCODING } from './page-header.js'
import { numberAt } from './thrift-compact.js'

export interface RowGroupRequest {
  readonly footer: ParquetFooter
  readonly rowGroup: number
  /** Ascending, numbers of `footer.columns`. */
  readonly columns: readonly number[]
  readonly batchRows: number
  readonly host: string
  /** Memory for the bytes that parquet-wasm decodes. */
  readonly room: (byteLength: number) => Uint8Array
}

/** Columns of a row group whose bytes are in memory. `close` gives them back, also when nothing was read. */
export interface RowGroupReader {
  /** The next rows, at most `batchRows`, as one column for each of the request; undefined at the end. Owned by the caller. */
  next(): readonly Column[] | undefined
  close(): void
}

/** A column that is decoded here. */
interface OwnColumn {
  readonly column: number
  readonly form: LeafForm
  readonly codec: number
  readonly chunk: ColumnChunk
}

/** Encodings of the pages of a chunk that `openPage` knows; BIT_PACKED is what old writers say of levels that are not there. */
const BIT_PACKED = 4
const KNOWN_ENCODINGS: readonly unknown[] = [
  ENCODING.plain,
  ENCODING.plainDictionary,
  ENCODING.rle,
  BIT_PACKED,
  ENCODING.rleDictionary,
]

/** Undefined for a column chunk that is left to parquet-wasm. */
function ownColumn({ footer, rowGroup }: RowGroupRequest, column: number): OwnColumn | undefined {
  const described = footer.columns[column]
  const form = leafForm(described)
  const chunk = footer.rowGroups[rowGroup].chunks[described.firstLeaf]
  const codec = numberAt(chunk.metadata, 4) ?? -1
  const encodings = chunk.metadata.fields.get(2)?.value
  const isKnown =
    typeof encodings === 'object' &&
    'items' in encodings &&
    encodings.items.every(item => KNOWN_ENCODINGS.includes(item))
  return form !== undefined && isOwnCodec(codec) && isKnown ? { column, form, codec, chunk } : undefined
}

/** Reads the bytes of a row group. Throws FILE_NOT_READABLE, FILE_INVALID, ARENA_EXHAUSTED. */
export async function openRowGroup(file: FileHandle, request: RowGroupRequest): Promise<RowGroupReader> {
  const { footer, columns, host } = request
  const place = { path: footer.path, host }
  const own = columns.map(column => ownColumn(request, column)).filter(column => column !== undefined)
  const foreign = columns.filter(column => !own.some(candidate => candidate.column === column))
  // The other reading is done first: memory of the arena is held as short as possible, and given back here if it fails.
  const glued = foreign.length === 0 ? undefined : await glue(file, request, foreign)
  return new MixedReader(
    request,
    await readChunks(
      file,
      place,
      own.map(({ chunk }) => chunk),
    ),
    own,
    glued,
  )
}

interface Glued {
  readonly wasm: ParquetWasm
  readonly columns: readonly number[]
  readonly bytes: Uint8Array
}

async function glue(file: FileHandle, request: RowGroupRequest, columns: readonly number[]): Promise<Glued> {
  const { footer, host } = request
  const bytes = await glueRowGroup(file, { path: footer.path, host }, footer, { ...request, columns })
  return { wasm: await loadParquetWasm(), columns, bytes }
}

class MixedReader implements RowGroupReader {
  private readonly request: RowGroupRequest
  private readonly bytes: ChunkBytes
  private readonly own: readonly OwnColumn[]
  private readonly glued: Glued | undefined
  private readonly readers = new Map<number, ColumnReader>()
  private foreign: Iterator<Batch> | undefined
  private rowsLeft: number

  constructor(request: RowGroupRequest, bytes: ChunkBytes, own: readonly OwnColumn[], glued: Glued | undefined) {
    this.request = request
    this.bytes = bytes
    this.own = own
    this.glued = glued
    this.rowsLeft = request.footer.rowGroups[request.rowGroup].rowCount
  }

  next(): readonly Column[] | undefined {
    if (this.rowsLeft === 0) return undefined
    const rowCount = Math.min(this.request.batchRows, this.rowsLeft)
    this.rowsLeft -= rowCount
    const read = new Map<number, Column>()
    try {
      for (const column of this.own) read.set(column.column, this.readerOf(column).read(rowCount))
      this.readForeign(rowCount, read)
    } catch (error) {
      for (const column of read.values()) releaseColumn(column)
      throw error
    }
    return this.request.columns.map(column => read.get(column) as Column)
  }

  private readerOf({ column, form, codec, chunk }: OwnColumn): ColumnReader {
    const known = this.readers.get(column)
    if (known !== undefined) return known
    const { footer, rowGroup } = this.request
    const { path } = footer
    const { name, type } = footer.columns[column].field
    const start = this.bytes.positionOf(chunk)
    const reader = new ColumnReader(type, {
      path,
      name,
      form,
      codec,
      isOptional: isOptional(footer.columns[column]),
      start,
      end: start + chunk.byteLength,
      invalid: reason => fail('FILE_INVALID', [path, `row group ${rowGroup}: column '${name}' has ${reason}`]),
    })
    this.readers.set(column, reader)
    return reader
  }

  /** Adds the next rows of the columns that parquet-wasm decodes. */
  private readForeign(rowCount: number, into: Map<number, Column>): void {
    if (this.glued === undefined) return
    const { wasm, bytes, columns } = this.glued
    const { footer, rowGroup, batchRows } = this.request
    const { path } = footer
    const described = columns.map(column => footer.columns[column])
    this.foreign ??= decodeRowGroup(wasm, { bytes, columns: described, batchRows, path, rowGroup })
    const { value: batch } = this.foreign.next() as IteratorResult<Batch, undefined>
    const found = batch?.rowCount ?? 0
    if (found === rowCount) {
      batch?.columns.forEach((column, i) => {
        retainColumn(column)
        into.set(columns[i], column)
      })
    }
    if (batch !== undefined) releaseBatch(batch)
    if (found !== rowCount) throw fail('FILE_INVALID', [path, `row group ${rowGroup} decodes to other than its rows`])
  }

  close(): void {
    for (const reader of this.readers.values()) reader.close()
    this.foreign?.return?.()
    this.bytes.release()
  }
}
