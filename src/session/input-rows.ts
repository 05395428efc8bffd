/** Rows and columns of a program as rows outside the arena. */
import type { Schema } from '../arrow/schema.js'
import type { EncodedBatch } from '../catalog/memory-table.js'
import { fail } from '../common/errors.js'
import { encodeValues } from './held-rows.js'
import { inferType, valueFrom } from '../expr/js-values.js'
import { schemaFrom, type SchemaInput } from '../expr/type-text.js'
import type { HeldRows } from './session.js'

/** Objects by column name; what is absent or undefined is NULL. */
export type InputRow = Readonly<Record<string, unknown>>

/** Rows of one encoded batch. */
const BATCH_ROWS = 8192

/**
 * Columns in the order in which the rows first name them, or those of `schema`; a member that is no column of it is an error.
 * INVALID_ARGUMENT if there are no columns, TYPE_MISMATCH for a value that is not of its column's type.
 */
export function rowsFromObjects(rows: readonly InputRow[], schema?: SchemaInput): HeldRows {
  const names = [...new Set(rows.flatMap(row => Object.keys(row)))]
  const columns = Object.fromEntries(names.map(name => [name, rows.map(row => row[name])]))
  return rowsFromColumns(columns, schema, rows.length)
}

/** Columns of equal length. */
export function rowsFromColumns(
  columns: Readonly<Record<string, readonly unknown[]>>,
  input?: SchemaInput,
  rowCount = Object.values(columns)[0]?.length ?? 0,
): HeldRows {
  const schema = input === undefined ? inferred(columns) : schemaFrom(input)
  const unknown = Object.keys(columns).find(name => !schema.fields.some(field => field.name === name))
  if (unknown !== undefined) throw fail('COLUMN_NOT_FOUND', [unknown, ': the schema does not have it'])
  if (schema.fields.length === 0) throw fail('INVALID_ARGUMENT', ['there are no columns; give a schema'])
  const uneven = Object.entries(columns).find(([, values]) => values.length !== rowCount)
  if (uneven !== undefined)
    throw fail('INVALID_ARGUMENT', [`column '${uneven[0]}' has ${uneven[1].length} values instead of ${rowCount}`])
  const batches: EncodedBatch[] = []
  for (let start = 0; start < rowCount; start += BATCH_ROWS) {
    const end = Math.min(start + BATCH_ROWS, rowCount)
    const values = schema.fields.map(field =>
      Array.from({ length: end - start }, (_, row) => valueFrom(columns[field.name]?.[start + row], field)),
    )
    batches.push(encodeValues(schema, values))
  }
  return { schema, batches }
}

const inferred = (columns: Readonly<Record<string, readonly unknown[]>>): Schema => ({
  fields: Object.entries(columns).map(([name, values]) => ({ name, type: inferType(name, values), nullable: true })),
})
