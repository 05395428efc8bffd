/** How much of its files a scan reads, for progress. */
import type { ScanSource } from '../catalog/table-provider.js'
import type { FileHost } from '../storage/store.js'
import type { ParquetFooter } from './parquet/footer.js'

/**
 * Bytes on disk of the splits, for Parquet of the columns that are given or filtered by, and of the page indexes of the latter; 0 for
 * other sources than files.
 */
export async function scanBytes(source: ScanSource, projection: readonly number[], host: FileHost): Promise<number> {
  if (source.kind !== 'files') return 0
  const splits = source.partitions.flat()
  if (source.format !== 'parquet') return splits.reduce((sum, { byteLength }) => sum + byteLength, 0)
  const { readFooter } = await import('./parquet/footer.js')
  const { fileColumns } = await import('./parquet/split-plan.js')
  const { inputsOf } = await import('./parquet/filter-steps.js')
  const filtered = source.predicate === undefined ? [] : inputsOf(source.predicate)
  const columns = new Set([...projection, ...filtered])
  const indexed = new Set(source.pruning.map(inputsOf).flatMap(inputs => (inputs.length === 1 ? inputs : [])))
  let bytes = 0
  for (const { path, rowGroups } of splits) {
    const footer = await readFooter(path, host)
    const places = fileColumns(footer, source.fileSchema)
    const leaves = leavesOf(
      footer,
      Array.from(columns, column => places[column]),
    )
    const indexes = Array.from(indexed, column => footer.columns[places[column]]?.firstLeaf ?? -1)
    for (const group of rowGroups ?? footer.rowGroups.keys()) {
      const { chunks } = footer.rowGroups[group]
      for (const leaf of leaves) bytes += chunks[leaf].byteLength
      for (const leaf of indexes) {
        const index = chunks[leaf]?.index
        if (index !== undefined) bytes += index.columns.byteLength + index.offsets.byteLength
      }
    }
  }
  return bytes
}

/** Chunk numbers of the columns at these places in the file; -1: the file lacks it. */
function leavesOf(footer: ParquetFooter, columns: readonly number[]): number[] {
  const wanted = new Set(columns)
  let leaf = 0
  return footer.columns.flatMap(({ leafCount }, column) => {
    const own = Array.from({ length: leafCount }, () => leaf++)
    return wanted.has(column) ? own : []
  })
}
