/** What the writer gives the encoder, and the footer's schema: decimals of up to 18 digits travel as the INT64 they are stored as. */
import type { Batch, Column } from '../../arrow/batch.js'
import { makeColumn, releaseColumn, retainColumn } from '../../arrow/column.js'
import { alloc, kernels } from '../../arrow/memory.js'
import type { Schema } from '../../arrow/schema.js'
import { decodeDictionary } from '../../arrow/take.js'
import { INT64, type DataType } from '../../arrow/types.js'
import { invariant } from '../../common/invariant.js'
import { THRIFT, numberAt, thriftStruct, withFields, type ThriftStruct } from './thrift-compact.js'

/** Digits that 64 bits hold. */
export const INT64_DIGITS = 18
/** ConvertedType.DECIMAL and LogicalType.DECIMAL of parquet.thrift. */
const DECIMAL = 5

type DecimalType = Extract<DataType, { kind: 'decimal' }>

const isBareDecimal = (type: DataType): type is DecimalType => type.kind === 'decimal' && type.precision <= INT64_DIGITS

/** The encoder has no intervals of months, days and nanoseconds. */
export function holdsInterval(type: DataType): boolean {
  switch (type.kind) {
    case 'interval':
      return true
    case 'list':
      return holdsInterval(type.element.type)
    case 'struct':
      return type.fields.some(field => holdsInterval(field.type))
    case 'map':
      return holdsInterval(type.key.type) || holdsInterval(type.value.type)
    default:
      return false
  }
}

export const bareSchema = (schema: Schema): Schema => ({
  fields: schema.fields.map(field => (isBareDecimal(field.type) ? { ...field, type: INT64 } : field)),
})

/** Runs `use` with the batch as the encoder wants it; the batch is borrowed. */
export function withBareBatch<T>(batch: Batch, use: (bare: Batch) => T): T {
  const columns: Column[] = []
  try {
    for (const column of batch.columns) columns.push(bareColumn(column))
    return use({ schema: bareSchema(batch.schema), rowCount: batch.rowCount, columns })
  } finally {
    columns.forEach(releaseColumn)
  }
}

/** The column as the encoder wants it, with a reference of its own, or a narrowed copy. */
export function bareColumn(column: Column): Column {
  if (!isBareDecimal(column.type)) {
    retainColumn(column)
    return column
  }
  const flat = decodeDictionary(column)
  const { range: _range, ...parts } = flat
  if (flat.width === 8) return { ...parts, type: INT64 }
  try {
    return narrowed(flat)
  } finally {
    releaseColumn(flat)
  }
}

interface ScanKernels {
  scanNarrowI128(values: number, count: number, out: number): number
}

function narrowed({ length, nullCount, validity, values, blocks }: Column): Column {
  const target = alloc(8 * length)
  // Slots of NULL rows may hold more than 64 bits; what they become does not matter.
  const fits = kernels<ScanKernels>().scanNarrowI128(values, length, target) === 1
  invariant(fits || nullCount > 0, 'a decimal of at most 18 digits fits 64 bits')
  const narrow = makeColumn({ type: INT64, length, nullCount, validity, values: target, blocks })
  retainColumn(narrow)
  return { ...narrow, blocks: [...blocks, target] }
}

/** The schema elements of the encoder's own footer with the decimals of `schema` put back. */
export function annotated(elements: readonly ThriftStruct[], schema: Schema): ThriftStruct[] {
  const result = [...elements]
  let at = 1
  for (const { type } of schema.fields) {
    if (isBareDecimal(type)) result[at] = decimalElement(result[at], type)
    at = subtreeEnd(elements, at)
  }
  return result
}

function subtreeEnd(elements: readonly ThriftStruct[], at: number): number {
  let end = at + 1
  for (let child = numberAt(elements[at], 5) ?? 0; child > 0; child--) end = subtreeEnd(elements, end)
  return end
}

function decimalElement(element: ThriftStruct, { precision, scale }: DecimalType): ThriftStruct {
  const parameters = thriftStruct([
    [1, THRIFT.i32, scale],
    [2, THRIFT.i32, precision],
  ])
  return withFields(element, [
    [6, THRIFT.i32, DECIMAL],
    [7, THRIFT.i32, scale],
    [8, THRIFT.i32, precision],
    [10, THRIFT.struct, thriftStruct([[DECIMAL, THRIFT.struct, parameters]])],
  ])
}
