/** How the columns of one file stand for those of a table. */
import type { Column } from '../../arrow/batch.js'
import { columnFromValues } from '../../arrow/column.js'
import { sameType, typeName } from '../../arrow/types.js'
import { fail } from '../../common/errors.js'
import type { FileScan } from '../format.js'
import type { ParquetFooter } from './footer.js'
import { fileColumns } from './split-plan.js'

export interface ScanMapping {
  /** File columns to read, ascending. */
  readonly read: readonly number[]
  /** For each column of the table its number in the file, or -1 for all NULL. */
  readonly inFile: readonly number[]
}

/** For these columns of the table. Throws FILE_INVALID if one has another type in the file. */
export function mapColumns({ fileSchema }: FileScan, footer: ParquetFooter, columns: ReadonlySet<number>): ScanMapping {
  const inFile = fileColumns(footer, fileSchema)
  for (const column of columns) {
    if (inFile[column] < 0) continue
    const { name, type } = fileSchema.fields[column]
    const found = footer.schema.fields[inFile[column]].type
    if (sameType(type, found)) continue
    const reason = `column '${name}' has the type ${typeName(found)}, but the table's is ${typeName(type)}`
    throw fail('FILE_INVALID', [footer.path, reason])
  }
  const found = [...columns].map(column => inFile[column]).filter(column => column >= 0)
  return { read: [...new Set(found)].sort((left, right) => left - right), inFile }
}

/** A column that the file lacks. */
export const missingColumn = ({ fileSchema }: FileScan, column: number, rowCount: number): Column =>
  columnFromValues(
    fileSchema.fields[column].type,
    Array.from({ length: rowCount }, () => null),
  )
