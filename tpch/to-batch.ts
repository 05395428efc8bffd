/** Generated columns as a batch of the arena. */
import type { Batch, Column } from '../src/arrow/batch.js'
import { buildColumn, columnFromValues, releaseColumn } from '../src/arrow/column.js'
import { views } from '../src/arrow/memory.js'
import type { Schema } from '../src/arrow/schema.js'
import { UTF8, type DataType } from '../src/arrow/types.js'
import type { GeneratedColumn } from './columns.js'
import { rowCountOf } from './generate-table.js'

/** 1992-01-01 as days since 1970-01-01. */
const FIRST_DAY = 8035

/** The rows in the types of `schema`, words as dictionaries. Owned by the caller. Throws ARENA_EXHAUSTED. */
export function toBatch(schema: Schema, generated: readonly GeneratedColumn[]): Batch {
  const columns: Column[] = []
  try {
    generated.forEach((column, i) => columns.push(toColumn(schema.fields[i].type, column)))
    return { schema, rowCount: rowCountOf(generated[0]), columns }
  } catch (error) {
    columns.forEach(releaseColumn)
    throw error
  }
}

function toColumn(type: DataType, column: GeneratedColumn): Column {
  const length = rowCountOf(column)
  return buildColumn(scope => {
    switch (column.kind) {
      case 'date':
        return { type, length, values: write32(scope.own(length * 4), column.values, FIRST_DAY) }
      case 'int':
        if (type.kind === 'int' && type.bits === 32)
          return { type, length, values: write32(scope.own(length * 4), column.values) }
        return { type, length, values: write64(scope.own(length * 8), column.values) }
      case 'decimal':
        return { type, length, values: write64(scope.own(length * 8), column.values) }
      case 'word': {
        const dictionary = scope.keep(columnFromValues(UTF8, column.words))
        return { type, length, dictionary, values: write32(scope.own(length * 4), column.codes) }
      }
      case 'text': {
        const offsets = write32(scope.own((length + 1) * 4), column.offsets)
        const values = scope.own(column.bytes.length)
        views().u8.set(column.bytes, values)
        return { type, length, offsets, values }
      }
    }
  })
}

function write32(position: number, values: Int32Array | Uint8Array, base = 0): number {
  const { i32 } = views()
  if (base === 0) i32.set(values, position / 4)
  else for (let row = 0, at = position / 4; row < values.length; row++) i32[at + row] = base + values[row]
  return position
}

function write64(position: number, values: Int32Array): number {
  const { i32 } = views()
  for (let row = 0, at = position / 4; row < values.length; row++, at += 2) {
    i32[at] = values[row]
    i32[at + 1] = values[row] >> 31
  }
  return position
}
