/** The page index (PageIndex.md of the Parquet format): which rows of a row group can satisfy predicates, by bounds of pages. */
import type { ColumnStatistics } from '../../catalog/table-provider.js'
import type { Expr } from '../../expr/expr.js'
import { readExactly } from '../../storage/read-file.js'
import type { FileHost, OpenFile } from '../../storage/store.js'
import { mayMatch } from '../prune.js'
import { inputsOf } from './filter-steps.js'
import type { ParquetFooter } from './footer.js'
import { chunkStatistics } from './statistics.js'
import { THRIFT, decodeThrift, listAt, numberAt, structsAt, thriftStruct, type ThriftStruct } from './thrift-compact.js'

/** Rows [start, end) of a row group. */
export interface RowRange {
  readonly start: number
  readonly end: number
}

export interface PageIndexRequest {
  readonly footer: ParquetFooter
  readonly rowGroup: number
  /** Predicates over `input` columns of the table. */
  readonly pruning: readonly Expr[]
  /** For each column of the table its number in the file, or -1. */
  readonly inFile: readonly number[]
  readonly host: FileHost
}

/**
 * The ranges of rows, ascending and apart, outside of which no row satisfies all of `pruning`: all rows where the file has no page
 * index or one that makes no sense. Throws FILE_NOT_READABLE, FILE_INVALID.
 */
export async function rowsThatMayMatch(file: OpenFile, request: PageIndexRequest): Promise<readonly RowRange[]> {
  const { footer, rowGroup, pruning, inFile } = request
  const { rowCount } = footer.rowGroups[rowGroup]
  let ranges: readonly RowRange[] = [{ start: 0, end: rowCount }]
  const indexes = new Map<number, readonly PageBounds[] | undefined>()
  for (const predicate of pruning) {
    const inputs = inputsOf(predicate)
    // The pages of several columns do not begin at the same rows.
    if (inputs.length !== 1 || inFile[inputs[0]] < 0) continue
    const [input] = inputs
    if (!indexes.has(input)) indexes.set(input, await readIndex(file, request, inFile[input]))
    const excluded = (indexes.get(input) ?? []).filter(
      page => !mayMatch(predicate, { rowCount: page.end - page.start, column: () => page.statistics }),
    )
    ranges = without(ranges, excluded)
  }
  return ranges
}

interface PageBounds extends RowRange {
  readonly statistics: ColumnStatistics
}

/** The pages of a column; undefined without an index that fits the row group. */
async function readIndex(
  file: OpenFile,
  { footer, rowGroup, host }: PageIndexRequest,
  column: number,
): Promise<readonly PageBounds[] | undefined> {
  const described = footer.columns[column]
  const group = footer.rowGroups[rowGroup]
  const { index } = group.chunks[described.firstLeaf]
  if (described.physicalType === undefined || index === undefined) return undefined
  const read = async ({ start, byteLength }: { start: number; byteLength: number }): Promise<ThriftStruct> => {
    const bytes = new Uint8Array(byteLength)
    await readExactly(file, { path: footer.path, host }, bytes, start)
    return decodeThrift(bytes, footer.path)
  }
  const [columnIndex, offsetIndex] = await Promise.all([read(index.columns), read(index.offsets)])
  const starts = structsAt(offsetIndex, 1).map(location => numberAt(location, 3) ?? -1)
  const isAscending = starts.every((start, i) => start >= 0 && (i === 0 ? start === 0 : start > starts[i - 1]))
  if (!isAscending || starts.length === 0 || starts[starts.length - 1] >= group.rowCount) return undefined
  const [isNullPage, mins, maxes, nullCounts] = [1, 2, 3, 5].map(id => listAt(columnIndex, id))
  return starts.map((start, page): PageBounds => {
    const end = starts[page + 1] ?? group.rowCount
    if (isNullPage[page] === true) return { start, end, statistics: { nullCount: end - start } }
    const bounds = thriftStruct([
      [3, THRIFT.i64, nullCounts[page]],
      [5, THRIFT.binary, maxes[page]],
      [6, THRIFT.binary, mins[page]],
    ])
    return { start, end, statistics: chunkStatistics(described, bounds) }
  })
}

/** Ranges without the rows of others; both ascending and apart. Linear: an index may have a great many pages. */
function without(ranges: readonly RowRange[], excluded: readonly RowRange[]): RowRange[] {
  const left: RowRange[] = []
  let next = 0
  for (const { start, end } of ranges) {
    let from = start
    while (next < excluded.length && excluded[next].end <= from) next++
    for (let i = next; i < excluded.length && excluded[i].start < end; i++) {
      if (excluded[i].start > from) left.push({ start: from, end: excluded[i].start })
      from = Math.max(from, excluded[i].end)
      // The last one may reach into the next range.
      if (excluded[i].end <= end) next = i + 1
    }
    if (from < end) left.push({ start: from, end })
  }
  return left
}
