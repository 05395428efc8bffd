/** Scans Parquet files row group by row group: the next one is read while the current one is decoded. */
import type { Batch, Column } from '../../arrow/batch.js'
import { columnFromValues, releaseColumn, retainColumn } from '../../arrow/column.js'
import { sameType, typeName } from '../../arrow/types.js'
import { fail } from '../../common/errors.js'
import type { FileScan } from '../format.js'
import { openForRead } from '../read-file.js'
import { readFooter, type ParquetFooter } from './footer.js'
import { openRowGroup, type RowGroupReader } from './row-group-reader.js'
import { fileColumns, rowGroupMayMatch } from './split-plan.js'

/**
 * Batches of the scan's schema, given away. Row groups that `pruning` excludes are not read; of the others only the chunks of
 * the wanted columns. A column that a file lacks is NULL there. Holds one decoded row group and the bytes of the next.
 * Throws FILE_NOT_READABLE, FILE_INVALID, NOT_SUPPORTED, ARENA_EXHAUSTED.
 */
export async function* scanParquet(scan: FileScan): AsyncGenerator<Batch, void> {
  let wanted = scan.fetch ?? Infinity
  for (const split of scan.splits) {
    const footer = await readFooter(split.path, scan.host)
    const groups = split.rowGroups ?? footer.rowGroups.keys()
    const rowGroups = [...groups].filter(group => {
      if (footer.rowGroups[group] === undefined)
        throw fail('FILE_INVALID', [split.path, `has no row group ${group}: the file was replaced`])
      return rowGroupMayMatch(footer, group, scan.pruning, scan.fileSchema)
    })
    for await (const batch of scanRowGroups(scan, footer, rowGroups)) {
      yield batch
      wanted -= batch.rowCount
      if (wanted <= 0) return
    }
  }
}

/** How the columns of one file become those of the scan. */
interface Mapping {
  /** File columns to read, ascending. */
  readonly read: readonly number[]
  /** For each output column its place in `read`, or -1 for all NULL. */
  readonly places: readonly number[]
}

function mapColumns(scan: FileScan, footer: ParquetFooter): Mapping {
  const inFile = fileColumns(footer, scan.fileSchema)
  const columns = scan.projection.map(index => inFile[index])
  scan.projection.forEach((index, i) => {
    if (columns[i] < 0) return
    const { name, type } = scan.fileSchema.fields[index]
    const found = footer.schema.fields[columns[i]].type
    if (sameType(type, found)) return
    throw fail('FILE_INVALID', [
      footer.path,
      `column '${name}' has the type ${typeName(found)}, but the table's is ${typeName(type)}`,
    ])
  })
  const read = [...new Set(columns.filter(column => column >= 0))].sort((left, right) => left - right)
  return { read, places: columns.map(column => read.indexOf(column)) }
}

/** After so many row groups the next one is read while one is decoded; a consumer of few rows has left by then. */
const READ_SINGLY = 2

async function* scanRowGroups(
  scan: FileScan,
  footer: ParquetFooter,
  rowGroups: readonly number[],
): AsyncGenerator<Batch, void> {
  const mapping = mapColumns(scan, footer)
  if (mapping.read.length === 0) {
    for (const group of rowGroups) yield* nullBatches(scan, footer.rowGroups[group].rowCount)
    return
  }
  const file = await openForRead(footer.path, scan.host)
  // One row group is decoded from the first while the next one is read into the second.
  const rooms = [reusedRoom(), reusedRoom()]
  const start = (turn: number): Promise<RowGroupReader> => {
    const { batchRows, host } = scan
    const room = rooms[turn % 2]
    const request = { footer, rowGroup: rowGroups[turn], columns: mapping.read, batchRows, host, room }
    const opening = openRowGroup(file, request)
    // A failure is met when the row group's turn comes, not as an unhandled rejection before.
    opening.catch(() => undefined)
    return opening
  }
  let next: Promise<RowGroupReader> | undefined
  try {
    for (const turn of rowGroups.keys()) {
      scan.signal.throwIfAborted()
      const reader = await (next ?? start(turn))
      next = turn >= READ_SINGLY && turn + 1 < rowGroups.length ? start(turn + 1) : undefined
      yield* batchesOf(scan, reader, mapping)
    }
  } finally {
    const unread = await next?.catch(() => undefined)
    unread?.close()
    await file.close()
  }
}

/** Memory that is used again: fresh pages cost more than the copy into them, and unused buffers keep the collector busy. */
function reusedRoom(): (byteLength: number) => Uint8Array {
  let room = new Uint8Array(0)
  return byteLength => {
    // Row groups differ a little in size.
    if (byteLength > room.length) room = new Uint8Array(Math.ceil(byteLength * 1.25))
    return room.subarray(0, byteLength)
  }
}

/** What is left of a row group; closes it. */
function* batchesOf(scan: FileScan, reader: RowGroupReader, mapping: Mapping): Generator<Batch, void> {
  try {
    for (let columns = reader.next(); columns !== undefined; columns = reader.next()) {
      let batch: Batch
      try {
        batch = project(scan, columns, mapping)
      } finally {
        columns.forEach(releaseColumn)
      }
      yield batch
    }
  } finally {
    reader.close()
  }
}

/** The columns in the scan's order, with references of their own. */
function project(scan: FileScan, read: readonly Column[], { places }: Mapping): Batch {
  const rowCount = read[0].length
  const columns = places.map((place, i): Column => {
    if (place < 0) return nullColumn(scan, i, rowCount)
    retainColumn(read[place])
    return read[place]
  })
  return { schema: scan.schema, rowCount, columns }
}

function* nullBatches(scan: FileScan, rowCount: number): Generator<Batch, void> {
  for (let start = 0; start < rowCount; start += scan.batchRows) {
    const rows = Math.min(scan.batchRows, rowCount - start)
    yield { schema: scan.schema, rowCount: rows, columns: scan.projection.map((_, i) => nullColumn(scan, i, rows)) }
  }
}

const nullColumn = (scan: FileScan, column: number, rowCount: number): Column =>
  columnFromValues(
    scan.schema.fields[column].type,
    Array.from({ length: rowCount }, () => null),
  )
