/** Small inputs for the sample plans of operator definitions, which the contract tests run. */
import { field, schemaOf } from '../arrow/schema.js'
import { INT64, UTF8, type DataType, type Value } from '../arrow/types.js'
import { literal, type Expr } from '../expr/expr.js'
import type { Schema } from '../arrow/schema.js'
import type { PhysicalPlan } from './plan.js'

export interface ValuesExec extends PhysicalPlan {
  readonly kind: 'ValuesExec'
  /** Constant expressions, one per column of the schema. */
  readonly rows: readonly (readonly Expr[])[]
}

export const NUMBERS: Schema = schemaOf(field('id', INT64), field('name', UTF8))

/** Rows of plain values as a leaf plan. */
export const valuesSample = (schema: Schema, rows: readonly (readonly Value[])[]): ValuesExec => ({
  kind: 'ValuesExec',
  rows: rows.map(row => row.map((value, column): Expr => literal(value, typeAt(schema, column)))),
  schema,
  children: [],
})

const typeAt = (schema: Schema, column: number): DataType => schema.fields[column].type

/** Nine rows `(id BIGINT, name VARCHAR)` with NULLs and duplicates. */
export const numbersSample = (): ValuesExec =>
  valuesSample(NUMBERS, [
    [1n, 'one'],
    [2n, 'two'],
    [3n, null],
    [5n, 'five'],
    [8n, 'two'],
    [null, 'none'],
    [5n, 'five'],
    [null, null],
    [13n, ''],
  ])
