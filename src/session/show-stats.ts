/** SHOW STATS FOR: what the planner knows of a table before it reads it, as Trino shows it. */
import { FLOAT64, INT64, UTF8, type DataType, type Value } from '../arrow/types.js'
import { isView, type CatalogEntry } from '../catalog/catalog.js'
import { fail, type Span } from '../common/errors.js'
import { literal } from '../expr/expr.js'
import { valueText } from '../expr/value-text.js'
import type { LogicalPlan } from '../logical/plan.js'

const COLUMNS: readonly (readonly [name: string, type: DataType])[] = [
  ['column_name', UTF8],
  ['distinct_values_count', INT64],
  ['nulls_fraction', FLOAT64],
  ['row_count', INT64],
  ['low_value', UTF8],
  ['high_value', UTF8],
]

/** A row for each column, then one without a name for the table; NULL is what is not known. INVALID_ARGUMENT for a view. */
export async function statisticsRows(table: CatalogEntry, span: Span): Promise<LogicalPlan> {
  if (isView(table)) throw fail('INVALID_ARGUMENT', ['SHOW STATS is for tables, and this is a view'], { span })
  const { columns, rowCount } = table.statistics()
  const count = (number: number | undefined): Value => (number === undefined ? null : BigInt(Math.round(number)))
  const rows = table.schema.fields.map(({ name, type }): Value[] => {
    const { distinctCount, max, min, nullCount } = columns.get(name) ?? {}
    const isKnown = nullCount !== undefined && rowCount !== undefined
    const nulls = isKnown ? nullCount / Math.max(1, rowCount) : null
    const bounds = [min, max].map(bound => (bound === undefined ? null : valueText(bound, type)))
    return [name, count(distinctCount), nulls, null, ...bounds]
  })
  const all = [...rows, [null, null, null, count(rowCount), null, null]]
  return {
    kind: 'values',
    schema: COLUMNS.map(([name, type]) => ({ name, type, nullable: true })),
    rows: all.map(row => row.map((value, i) => literal(value, COLUMNS[i][1]))),
  }
}
