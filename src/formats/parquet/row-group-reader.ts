/**
 * Reads columns of one row group, range of rows by range of rows: those that this project decodes itself, and the rest by
 * parquet-wasm. What is not asked for is not decoded.
 */
import type { Batch, Column } from '../../arrow/batch.js'
import { releaseBatch, retainColumn } from '../../arrow/column.js'
import { takeColumn } from '../../arrow/take.js'
import { fail } from '../../common/errors.js'
import { invariant } from '../../common/invariant.js'
import type { FileHost, OpenFile } from '../../storage/store.js'
import { readChunks, type ChunkBytes } from './chunk-bytes.js'
import { isOwnCodec } from './codecs.js'
import { ColumnReader } from './column-reader.js'
import { decodeRowGroup, loadParquetWasm, type ParquetWasm } from './decode.js'
import type { ColumnChunk, ParquetFooter } from './footer.js'
import { glueRowGroup } from './glue.js'
import { isOptional, leafForm, type LeafForm } from './leaf-form.js'
import { ENCODING } from './page-header.js'
import type { RowRange } from './page-index.js'
import type { Rows } from './run.js'
import { numberAt } from './thrift-compact.js'

export interface RowGroupRequest {
  readonly footer: ParquetFooter
  readonly rowGroup: number
  /** Ascending, numbers of `footer.columns`. */
  readonly columns: readonly number[]
  readonly batchRows: number
  /** Rows that are wanted, ascending and apart. With a column that parquet-wasm decodes, all rows come. */
  readonly ranges: readonly RowRange[]
  readonly host: FileHost
  /** Memory for the bytes that parquet-wasm decodes. */
  readonly room: (byteLength: number) => Uint8Array
}

/** Columns of a row group whose bytes are in memory. `close` gives them back, also when nothing was read. */
export interface RowGroupReader {
  /** Goes to the next range of rows: their number, at most `batchRows`; 0 at the end. */
  advance(): number
  /**
   * One of the request's columns in the current range, once a range: all rows, or those (at least one) that `chosen` names.
   * Owned by the caller. Throws FILE_INVALID, NOT_SUPPORTED, ARENA_EXHAUSTED.
   */
  read(column: number, chosen?: Rows): Column
  close(): void
}

/** A column that is decoded here. */
interface OwnColumn {
  readonly column: number
  readonly form: LeafForm
  readonly codec: number
  readonly chunk: ColumnChunk
}

/** BIT_PACKED is what old writers say of levels that are not there; where they are, `openPage` refuses them. */
const BIT_PACKED = 4
const KNOWN_ENCODINGS: readonly unknown[] = [...Object.values(ENCODING), BIT_PACKED]

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
export async function openRowGroup(file: OpenFile, request: RowGroupRequest): Promise<RowGroupReader> {
  const { footer, columns, host } = request
  const place = { path: footer.path, host }
  const own = columns.map(column => ownColumn(request, column)).filter(column => column !== undefined)
  const foreign = columns.filter(column => !own.some(candidate => candidate.column === column))
  // The other reading is done first: memory of the arena is held as short as possible, and given back here if it fails.
  const glued = foreign.length === 0 ? undefined : await glue(file, request, foreign)
  const chunks = own.map(({ chunk }) => chunk)
  return new MixedReader(request, await readChunks(file, place, chunks), own, glued)
}

interface Glued {
  readonly wasm: ParquetWasm
  readonly columns: readonly number[]
  readonly bytes: Uint8Array
}

async function glue(file: OpenFile, request: RowGroupRequest, columns: readonly number[]): Promise<Glued> {
  const { footer, host } = request
  const bytes = await glueRowGroup(file, { path: footer.path, host }, footer, { ...request, columns })
  return { wasm: await loadParquetWasm(), columns, bytes }
}

class MixedReader implements RowGroupReader {
  private readonly request: RowGroupRequest
  private readonly bytes: ChunkBytes
  private readonly own: ReadonlyMap<number, OwnColumn>
  private readonly foreign: ForeignColumns | undefined
  private readonly readers = new Map<number, ColumnReader>()
  /** Rows that are to come, and are coming. */
  private readonly ranges: RowRange[]
  /** The current range. */
  private start = 0
  private end = 0

  constructor(request: RowGroupRequest, bytes: ChunkBytes, own: readonly OwnColumn[], glued: Glued | undefined) {
    this.request = request
    this.bytes = bytes
    this.own = new Map(own.map(column => [column.column, column]))
    this.foreign = glued === undefined ? undefined : new ForeignColumns(request, glued)
    // parquet-wasm gives batch after batch from the first row on.
    const all = { start: 0, end: request.footer.rowGroups[request.rowGroup].rowCount }
    this.ranges = glued === undefined ? [...request.ranges] : [all]
  }

  advance(): number {
    const { batchRows } = this.request
    if (this.ranges.length > 0 && this.end >= this.ranges[0].end) this.ranges.shift()
    if (this.ranges.length === 0) return 0
    this.start = Math.max(this.end, this.ranges[0].start)
    this.end = Math.min(this.start + batchRows, this.ranges[0].end)
    return this.end - this.start
  }

  read(column: number, chosen?: Rows): Column {
    const own = this.own.get(column)
    if (own === undefined) {
      invariant(this.foreign !== undefined, 'a column is decoded by one of two')
      return this.foreign.read(column, this.start, this.end, chosen)
    }
    const reader = this.readerOf(own)
    if (reader.row < this.start) reader.skip(this.start - reader.row)
    const rows = this.end - this.start
    return chosen === undefined ? reader.read(rows) : reader.readChosen(rows, chosen)
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

  close(): void {
    for (const reader of this.readers.values()) reader.close()
    this.foreign?.close()
    this.bytes.release()
  }
}

/** Columns that parquet-wasm decodes, all of them together and in order. */
class ForeignColumns {
  private readonly request: RowGroupRequest
  private readonly columns: readonly number[]
  private readonly batches: Generator<Batch, void>
  private batch: Batch | undefined
  /** Rows decoded. */
  private row = 0

  constructor(request: RowGroupRequest, { wasm, bytes, columns }: Glued) {
    const { footer, rowGroup, batchRows } = request
    const described = columns.map(column => footer.columns[column])
    this.request = request
    this.columns = columns
    this.batches = decodeRowGroup(wasm, { bytes, columns: described, batchRows, path: footer.path, rowGroup })
  }

  read(column: number, start: number, end: number, chosen: Rows | undefined): Column {
    const { batchRows } = this.request
    while (this.row <= start) this.decode(Math.min(batchRows, end - this.row))
    const found = this.batch?.columns[this.columns.indexOf(column)]
    invariant(found !== undefined && this.row === end, 'ranges are those of the batches')
    if (chosen !== undefined) return takeColumn(found, chosen.position, chosen.count)
    retainColumn(found)
    return found
  }

  private decode(rowCount: number): void {
    const { footer, rowGroup } = this.request
    this.drop()
    const { value: batch } = this.batches.next()
    if (batch !== undefined) this.batch = batch
    this.row += rowCount
    if (batch?.rowCount !== rowCount)
      throw fail('FILE_INVALID', [footer.path, `row group ${rowGroup} decodes to other than its rows`])
  }

  private drop(): void {
    if (this.batch !== undefined) releaseBatch(this.batch)
    this.batch = undefined
  }

  close(): void {
    this.drop()
    this.batches.return()
  }
}
