/** Scans Parquet files row group by row group: the next one is read while the current one is decoded. */
import type { Batch } from '../../arrow/batch.js'
import { withScratch } from '../../arrow/memory.js'
import type { FileSplit } from '../../catalog/table-provider.js'
import { fail } from '../../common/errors.js'
import { nextTurn, sliceIsOver } from '../../runtime/time-slice.js'
import { openForRead } from '../../storage/read-file.js'
import type { OpenFile } from '../../storage/store.js'
import type { FileScan } from '../format.js'
import type { FilterBounds } from '../sieve-rows.js'
import { filterSteps, inputsOf, type FilterStep } from './filter-steps.js'
import { readFooter, type ParquetFooter } from './footer.js'
import { rowsThatMayMatch } from './page-index.js'
import { filtersMayMatch } from './row-group-filters.js'
import { RangeColumns } from './range-columns.js'
import { openRowGroup, type RowGroupReader, type RowGroupRequest } from './row-group-reader.js'
import { mapColumns, missingColumn, type ScanMapping } from './scan-mapping.js'
import { fileColumns, rowGroupInBounds, rowGroupMayMatch } from './split-plan.js'
import { numberAt } from './thrift-compact.js'

/**
 * Batches of the scan's schema, given away, of the rows that `predicate` and `sieve` leave. Row groups that the statistics
 * exclude are not read; of the others only the chunks of the wanted columns, and of these only what rows that are left need is
 * decoded. A column that a file lacks is NULL there. Holds the bytes of two row groups.
 * Throws FILE_NOT_READABLE, FILE_INVALID, NOT_SUPPORTED, ARENA_EXHAUSTED, and what the predicate throws.
 */
export async function* scanParquet(scan: FileScan): AsyncGenerator<Batch, void> {
  let wanted = scan.fetch ?? Infinity
  const splits = new SplitReader(scan.splits)
  for (let split = splits.next; split !== undefined; split = splits.next) {
    const footer = await readFooter(split.path, scan.host)
    for await (const batch of scanRowGroups(fileScan(scan, footer), rowGroupsOf(scan, split.path, footer, splits))) {
      yield batch
      wanted -= batch.rowCount
      if (wanted <= 0) return
    }
  }
}

/** Splits one by one, each asked for when the one before has been taken. */
class SplitReader {
  readonly #splits: Iterator<FileSplit>
  #next: FileSplit | undefined

  constructor(splits: Iterable<FileSplit>) {
    this.#splits = splits[Symbol.iterator]()
  }

  /** The one that `take` gives; undefined after the last one. */
  get next(): FileSplit | undefined {
    if (this.#next === undefined) {
      const step = this.#splits.next()
      this.#next = step.done === true ? undefined : step.value
    }
    return this.#next
  }

  take(): void {
    this.#next = undefined
  }
}

/** Row groups of the splits that come, as long as they are of this file, but for those that the statistics exclude. */
function* rowGroupsOf(
  { pruning, fileSchema }: FileScan,
  path: string,
  footer: ParquetFooter,
  splits: SplitReader,
): Generator<number, void> {
  const places = fileColumns(footer, fileSchema)
  for (let split = splits.next; split?.path === path; split = splits.next) {
    splits.take()
    // Row groups of another file than the one that was planned would be other rows.
    if (split.fileBytes !== undefined && split.fileBytes !== footer.fileSize) {
      const sizes = `it had ${split.fileBytes} bytes and has ${footer.fileSize}`
      throw fail('FILE_INVALID', [split.path, `changed while the query ran: ${sizes}; run the query again`])
    }
    for (const group of split.rowGroups ?? footer.rowGroups.keys()) {
      if (footer.rowGroups[group] === undefined)
        throw fail('FILE_INVALID', [split.path, `has no row group ${group}: the file was replaced`])
      if (rowGroupMayMatch(footer, group, pruning, places)) yield group
    }
  }
}

/** A scan of one file. */
interface OneFile {
  readonly scan: FileScan
  readonly footer: ParquetFooter
  readonly mapping: ScanMapping
  readonly steps: readonly FilterStep[]
}

function fileScan(scan: FileScan, footer: ParquetFooter): OneFile {
  const { predicate, projection, fileSchema } = scan
  const columns = new Set([...(predicate === undefined ? [] : inputsOf(predicate)), ...projection])
  const mapping = mapColumns(scan, footer, columns)
  const steps = filterSteps(predicate, fileSchema, column => isCheap(footer, mapping.inFile[column]))
  return { scan, footer, mapping, steps }
}

/** Whether decoding the column costs little: all but text that is not dictionary-encoded (as far as the first row group tells). */
function isCheap(footer: ParquetFooter, column: number): boolean {
  if (column < 0 || footer.rowGroups.length === 0) return true
  const { field, firstLeaf } = footer.columns[column]
  const isText = field.type.kind === 'utf8' || field.type.kind === 'binary'
  return !isText || (numberAt(footer.rowGroups[0].chunks[firstLeaf].metadata, 11) ?? 0) > 0
}

/** After so many row groups the next one is read while one is decoded; a consumer of few rows has left by then. */
const READ_SINGLY = 2

async function* scanRowGroups(file: OneFile, rowGroups: Iterator<number, void>): AsyncGenerator<Batch, void> {
  const { scan, footer, mapping } = file
  const { batchRows, host } = scan
  const handle = await openForRead(footer.path, host)
  // One row group is decoded from the first while the next one is read into the second.
  const rooms = [reusedRoom(), reusedRoom()]
  /** Row groups opened so far. */
  let turn = 0
  const open = async (rowGroup: number): Promise<RowGroupReader | undefined> => {
    scan.signal.throwIfAborted()
    if (!rowGroupInBounds(footer, rowGroup, fileBounds(file))) return undefined
    const request = { footer, rowGroup, columns: mapping.read, batchRows, host, room: rooms[turn % 2] }
    const reader = await openMatching(file, handle, request)
    if (reader !== undefined) turn++
    return reader
  }
  let next: Promise<RowGroupReader | undefined> | undefined
  try {
    for (;;) {
      scan.signal.throwIfAborted()
      next ??= openNext(rowGroups, open)
      const reader = await next
      next = undefined
      if (reader === undefined) return
      if (turn > READ_SINGLY) next = openNext(rowGroups, open)
      yield* inTurns(scan, batchesOf(file, reader))
    }
  } finally {
    const unread = await next?.catch(() => undefined)
    unread?.close()
    await handle.close()
  }
}

/** The next row group of which something may matter; undefined after the last one. */
function openNext(
  rowGroups: Iterator<number, void>,
  open: (rowGroup: number) => Promise<RowGroupReader | undefined>,
): Promise<RowGroupReader | undefined> {
  const search = async (): Promise<RowGroupReader | undefined> => {
    for (let step = rowGroups.next(); step.done !== true; step = rowGroups.next()) {
      const reader = await open(step.value)
      if (reader !== undefined) return reader
    }
    return undefined
  }
  const opening = search()
  // A failure is met when the row group's turn comes, not as an unhandled rejection before.
  opening.catch(() => undefined)
  return opening
}

/** Opens a row group for the rows that its page index does not exclude; undefined if it or a Bloom filter excludes all. */
async function openMatching(
  { scan, mapping }: OneFile,
  handle: OpenFile,
  request: Omit<RowGroupRequest, 'ranges'>,
): Promise<RowGroupReader | undefined> {
  const pruning = { ...request, pruning: scan.pruning, inFile: mapping.inFile }
  if (!(await filtersMayMatch(handle, pruning))) return undefined
  const ranges = await rowsThatMayMatch(handle, pruning)
  const isEmpty = ranges.length === 0 && request.footer.rowGroups[request.rowGroup].rowCount > 0
  return isEmpty ? undefined : openRowGroup(handle, { ...request, ranges })
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

/** What the scan's dynamic filters know by now, by column of the file. */
const fileBounds = ({ scan, mapping }: OneFile): FilterBounds[] =>
  (scan.sieve?.bounds() ?? []).map(bounds => ({ ...bounds, column: mapping.inFile[scan.projection[bounds.column]] }))

/** The batches; where the filters leave none for a while, other tasks get their turn. */
async function* inTurns(
  { signal }: FileScan,
  batches: Generator<Batch | undefined, void>,
): AsyncGenerator<Batch, void> {
  for (const batch of batches) {
    if (batch !== undefined) yield batch
    else if (sliceIsOver()) {
      await nextTurn()
      signal.throwIfAborted()
    }
  }
}

/** The batches of a row group, which it closes; undefined for a range of which no row is left. */
function* batchesOf(file: OneFile, reader: RowGroupReader): Generator<Batch | undefined, void> {
  const { scan, mapping } = file
  try {
    for (let rowCount = reader.advance(); rowCount > 0; rowCount = reader.advance()) {
      const range = new RangeColumns((column, rows, chosen) => {
        const inFile = mapping.inFile[column]
        return inFile < 0 ? missingColumn(scan, column, rows) : reader.read(inFile, chosen)
      }, rowCount)
      let batch: Batch | undefined
      try {
        if (runSteps(file, range) && runSieve(scan, range)) batch = range.batch(scan.projection, scan.schema)
      } finally {
        range.close()
      }
      yield batch
    }
  } finally {
    reader.close()
  }
}

/** Drops the rows that the predicate excludes; whether any is left. */
function runSteps({ scan, steps }: OneFile, range: RangeColumns): boolean {
  for (const [i, step] of steps.entries()) {
    const columns = step.columns.map(column => range.column(column))
    const selection = step.select(columns, range.rowCount)
    try {
      if (selection.count === 0) return false
      if (selection.indices === 0) continue
      const needed = new Set([...scan.projection, ...steps.slice(i + 1).flatMap(later => later.columns)])
      range.keep(selection.indices, selection.count, needed)
    } finally {
      selection.release()
    }
  }
  return true
}

/** Drops the rows that the dynamic filters exclude; whether any is left. */
function runSieve({ sieve, projection }: FileScan, range: RangeColumns): boolean {
  for (const { column, select } of sieve?.active() ?? []) {
    const left = withScratch(scratch => {
      const rows = scratch(range.rowCount * 4)
      const passed = select(range.column(projection[column]), 0, range.rowCount, rows) ?? range.rowCount
      if (passed > 0 && passed < range.rowCount) range.keep(rows, passed, new Set(projection))
      return passed
    })
    if (left === 0) return false
  }
  return true
}
