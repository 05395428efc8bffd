/** Making result columns: blocks that are given back when the making fails, and the validity of results. */
import type { Column } from '../../arrow/batch.js'
import { bitmapBytes, makeColumn, releaseColumn } from '../../arrow/column.js'
import { alloc, release } from '../../arrow/memory.js'
import { decodeDictionary } from '../../arrow/take.js'
import { BOOLEAN, type DataType } from '../../arrow/types.js'
import { exprKernels } from './kernel-calls.js'

export type Own = (byteLength: number) => number

/**
 * A column of `length` rows whose parts `fill` makes in blocks that it asks for; the blocks are released if it throws.
 */
export function buildColumn(type: DataType, length: number, fill: (own: Own) => Partial<Column>): Column {
  const blocks: number[] = []
  try {
    const parts = fill(byteLength => {
      blocks.push(alloc(byteLength))
      return blocks[blocks.length - 1]
    })
    return makeColumn({ type, length, ...parts, blocks })
  } catch (error) {
    blocks.forEach(release)
    throw error
  }
}

/** A BOOLEAN column: `fill` writes the value bitmap, NULLs are those of the inputs. */
export function booleanColumn(length: number, inputs: readonly Column[], fill: (bits: number) => void): Column {
  return buildColumn(BOOLEAN, length, own => {
    const nulls = commonNulls(own, inputs, length)
    const values = own(bitmapBytes(length))
    fill(values)
    return { values, ...nulls }
  })
}

/** NULL where any input is NULL, as a bitmap of its own. */
export function commonNulls(
  own: Own,
  inputs: readonly Column[],
  length: number,
): { readonly validity: number; readonly nullCount: number } {
  const nullable = inputs.filter(input => input.nullCount > 0)
  if (nullable.length === 0) return { validity: 0, nullCount: 0 }
  const validity = own(bitmapBytes(length))
  let valid = exprKernels().logicIntersect(nullable[0].validity, 0, 0, length, validity)
  for (const other of nullable.slice(1))
    valid = exprKernels().logicIntersect(validity, other.validity, 0, length, validity)
  return { validity, nullCount: length - valid }
}

/** Runs `use` and then gives up the columns. */
export function using<T>(columns: readonly Column[], use: () => T): T {
  try {
    return use()
  } finally {
    columns.forEach(releaseColumn)
  }
}

/** Runs `use` with the flat form of a column. */
export function withFlat<T>(column: Column, use: (flat: Column) => T): T {
  const flat = decodeDictionary(column)
  return using([flat], () => use(flat))
}

/** Makes columns one by one; gives up those already made when one fails. */
export function collect<T>(items: readonly T[], make: (item: T) => Column): Column[] {
  const made: Column[] = []
  try {
    for (const item of items) made.push(make(item))
    return made
  } catch (error) {
    made.forEach(releaseColumn)
    throw error
  }
}
