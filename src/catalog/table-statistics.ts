/** What ANALYZE has found in a table: plain data, kept beside the table. */
import type { LoggedColumn } from './table-format.js'

export interface TableStatistics {
  /** Of the files that were read (TableProvider.fingerprint); of others this says nothing. */
  readonly fingerprint: string
  readonly rowCount: number
  readonly columns: readonly AnalyzedColumn[]
}

/** Bounds are tight; they leave NULL and NaN out. */
export interface AnalyzedColumn extends LoggedColumn {
  readonly name: string
  /** An estimate. */
  readonly distinctCount?: number
}

/** What is found of some columns, with what is known of the others of the same files. */
export function addStatistics(before: TableStatistics | undefined, found: TableStatistics): TableStatistics {
  if (before?.fingerprint !== found.fingerprint) return found
  const isFound = (name: string): boolean => found.columns.some(column => column.name === name)
  return { ...found, columns: [...before.columns.filter(({ name }) => !isFound(name)), ...found.columns] }
}
