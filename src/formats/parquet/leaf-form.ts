/** Which columns this project decodes itself, and how their stored values become those of a column. */
import type { ParquetColumn } from './parquet-schema.js'
import { PHYSICAL } from './parquet-schema.js'
import { numberAt } from './thrift-compact.js'

/**
 * | kind     | stored                                  | in the column                          |
 * |----------|-----------------------------------------|----------------------------------------|
 * | fixed    | values of `width` bytes                 | the same                               |
 * | narrow   | INT32                                   | integers of `width` 1 or 2             |
 * | widen    | INT32                                   | i64                                    |
 * | int96    | INT96                                   | i64 nanoseconds                        |
 * | bits     | bits                                    | bits                                   |
 * | texts    | bytes with a length each                | offsets and bytes                      |
 * | slots    | `size` bytes each                       | offsets and bytes                      |
 * | decimals | big-endian, `size` bytes (0: a length)  | i64 if all of a page fit, else i128    |
 */
export type LeafForm =
  | { readonly kind: 'fixed' | 'narrow'; readonly width: number }
  | { readonly kind: 'widen' | 'int96' | 'bits' | 'texts' }
  | { readonly kind: 'slots' | 'decimals'; readonly size: number }

/** Bytes of one stored value; 0 for values with a length each, -1 for bits. */
export function storedBytes(form: LeafForm): number {
  switch (form.kind) {
    case 'fixed':
      return form.width
    case 'narrow':
    case 'widen':
      return 4
    case 'int96':
      return 12
    case 'bits':
      return -1
    case 'texts':
      return 0
    case 'slots':
    case 'decimals':
      return form.size
  }
}

const REPETITION = { required: 0, optional: 1 } as const

/** Whether rows of the column may be NULL, so that its pages have definition levels. */
export const isOptional = (column: ParquetColumn): boolean => numberAt(column.elements[0], 3) === REPETITION.optional

/** Undefined for columns that are left to the other decoder: nested ones and rare types. */
export function leafForm(column: ParquetColumn): LeafForm | undefined {
  const repetition = numberAt(column.elements[0], 3) ?? REPETITION.required
  const isFlat = column.elements.length === 1 && column.leafCount === 1
  if (!isFlat || column.meaning !== 'plain' || repetition > REPETITION.optional) return undefined
  const { field, physicalType, typeLength } = column
  const { type } = field
  switch (type.kind) {
    case 'boolean':
      return physicalType === PHYSICAL.boolean ? { kind: 'bits' } : undefined
    case 'int':
      if (physicalType === PHYSICAL.int64) return type.bits === 64 ? { kind: 'fixed', width: 8 } : undefined
      if (physicalType !== PHYSICAL.int32 || type.bits === 64) return undefined
      return type.bits === 32 ? { kind: 'fixed', width: 4 } : { kind: 'narrow', width: type.bits / 8 }
    case 'date':
      return physicalType === PHYSICAL.int32 ? { kind: 'fixed', width: 4 } : undefined
    case 'timestamp':
      if (physicalType === PHYSICAL.int96) return { kind: 'int96' }
      return physicalType === PHYSICAL.int64 ? { kind: 'fixed', width: 8 } : undefined
    case 'float':
      if (physicalType !== (type.bits === 32 ? PHYSICAL.float : PHYSICAL.double)) return undefined
      return { kind: 'fixed', width: type.bits / 8 }
    case 'decimal':
      if (physicalType === PHYSICAL.int32) return { kind: 'widen' }
      if (physicalType === PHYSICAL.int64) return { kind: 'fixed', width: 8 }
      if (physicalType === PHYSICAL.byteArray) return { kind: 'decimals', size: 0 }
      return physicalType === PHYSICAL.fixed && typeLength > 0 ? { kind: 'decimals', size: typeLength } : undefined
    case 'utf8':
    case 'binary':
      if (physicalType === PHYSICAL.byteArray) return { kind: 'texts' }
      return physicalType === PHYSICAL.fixed && typeLength > 0 ? { kind: 'slots', size: typeLength } : undefined
    default:
      return undefined
  }
}
