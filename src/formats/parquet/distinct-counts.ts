/** How many distinct values columns have, estimated from the sizes of their dictionaries: what join order is decided on. */
import type { ColumnStatistics } from '../../catalog/table-provider.js'
import { openForRead } from '../../storage/read-file.js'
import type { FileHost } from '../../storage/store.js'
import type { ColumnChunk, ParquetFooter } from './footer.js'
import { decodeThrift, numberAt, structAt } from './thrift-compact.js'

/** A page header without statistics is shorter. */
const HEADER_BYTES = 64
/** Writers give up a dictionary at about this size: the pages after it hold values that it lacks. */
const FULL_DICTIONARY_BYTES = 512 * 1024
/** DICTIONARY_PAGE of parquet.thrift. */
const DICTIONARY_PAGE = 2

const cache = new WeakMap<ParquetFooter, Promise<ReadonlyMap<string, ColumnStatistics>>>()

/**
 * `statistics` with `distinctCount` where the first row group has a complete dictionary of the column and its bounds do not say
 * more. Reads a page header of each such column, once a footer; a file that cannot be read has no counts.
 */
export function withDistinctCounts(
  footer: ParquetFooter,
  statistics: ReadonlyMap<string, ColumnStatistics>,
  host: FileHost,
): Promise<ReadonlyMap<string, ColumnStatistics>> {
  let counted = cache.get(footer)
  if (counted === undefined) {
    counted = addCounts(footer, statistics, host).catch(() => statistics)
    cache.set(footer, counted)
  }
  return counted
}

async function addCounts(
  footer: ParquetFooter,
  statistics: ReadonlyMap<string, ColumnStatistics>,
  host: FileHost,
): Promise<ReadonlyMap<string, ColumnStatistics>> {
  const [group] = footer.rowGroups
  const columns = footer.columns.filter(({ field: { type }, physicalType, firstLeaf }) => {
    const hasRange = type.kind === 'int' || type.kind === 'date'
    return physicalType !== undefined && !hasRange && hasDictionary(group?.chunks[firstLeaf])
  })
  if (columns.length === 0) return statistics
  const counted = new Map(statistics)
  const file = await openForRead(footer.path, host)
  try {
    const read = columns.map(async ({ field: { name }, firstLeaf }) => {
      const bytes = new Uint8Array(HEADER_BYTES)
      await file.read(bytes, group.chunks[firstLeaf].start)
      const values = dictionaryValues(bytes, footer.path)
      if (values === undefined) return
      const distinctCount = distinctOfAll(values, group.rowCount, footer.rowCount)
      counted.set(name, { ...statistics.get(name), distinctCount })
    })
    await Promise.all(read)
  } finally {
    await file.close()
  }
  return counted
}

const hasDictionary = (chunk: ColumnChunk | undefined): boolean =>
  chunk !== undefined && (numberAt(chunk.metadata, 11) ?? 0) > 0

/** Values of the dictionary whose page starts with `bytes`; undefined if it may not hold all of the column. */
function dictionaryValues(bytes: Uint8Array, path: string): number | undefined {
  const header = decodeThrift(bytes, path)
  const dictionary = structAt(header, 7)
  if (numberAt(header, 1) !== DICTIONARY_PAGE || dictionary === undefined) return undefined
  if ((numberAt(header, 2) ?? 0) >= FULL_DICTIONARY_BYTES) return undefined
  const values = numberAt(dictionary, 1) ?? 0
  return values > 0 ? values : undefined
}

/**
 * Distinct values of `total` rows of which `sampled` have `found`: the D for which `sampled` draws out of D values are expected to
 * give D · (1 - e^(-sampled / D)) different ones; no more than `total`.
 */
export function distinctOfAll(found: number, sampled: number, total: number): number {
  if (total <= sampled || found * 10 <= sampled) return Math.min(found, total)
  let [low, high] = [found, total]
  while (high - low > 1) {
    const middle = (low + high) / 2
    if (middle * (1 - Math.exp(-sampled / middle)) < found) low = middle
    else high = middle
  }
  return Math.round(high)
}
