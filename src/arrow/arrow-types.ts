/** Types and schemas to and from apache-arrow. */
import type * as Arrow from 'apache-arrow'
import { fail } from '../common/errors.js'
import { unreachable } from '../common/invariant.js'
import { arrow } from './arrow-module.js'
import type { Field, Schema } from './schema.js'
import {
  BINARY,
  BOOLEAN,
  DATE,
  FLOAT32,
  FLOAT64,
  INTERVAL,
  NULL,
  UTF8,
  timestamp,
  type DataType,
  type TimeUnit,
} from './types.js'

/** In the order of Arrow's TimeUnit. */
const UNITS: readonly TimeUnit[] = ['s', 'ms', 'us', 'ns']

/**
 * The schema as users and other tools see it: strings are Utf8, decimals Decimal128, intervals month-day-nano. Needs
 * `loadArrow` before.
 */
export const toArrowSchema = (schema: Schema): Arrow.Schema => new (arrow().Schema)(schema.fields.map(toArrowField))

export const toArrowField = (field: Field): Arrow.Field =>
  new (arrow().Field)(field.name, toArrowType(field.type), field.nullable)

export function toArrowType(type: DataType): Arrow.DataType {
  const module = arrow()
  switch (type.kind) {
    case 'null':
      return new module.Null()
    case 'boolean':
      return new module.Bool()
    case 'int':
      return toArrowInt(type.bits, type.signed)
    case 'float':
      return type.bits === 32 ? new module.Float32() : new module.Float64()
    case 'decimal':
      // Scale comes first in this constructor.
      return new module.Decimal(type.scale, type.precision, 128)
    case 'utf8':
      return new module.Utf8()
    case 'binary':
      return new module.Binary()
    case 'date':
      return new module.DateDay()
    case 'timestamp':
      return new module.Timestamp(UNITS.indexOf(type.unit), type.timeZone)
    case 'interval':
      return new module.IntervalMonthDayNano()
    case 'list':
      return new module.List(toArrowField(type.element))
    case 'struct':
      return new module.Struct(type.fields.map(toArrowField))
    case 'map': {
      const entries = new module.Struct([toArrowField({ ...type.key, nullable: false }), toArrowField(type.value)])
      return new module.Map_(new module.Field('entries', entries, false) as never)
    }
  }
  return unreachable(type)
}

function toArrowInt(bits: 8 | 16 | 32 | 64, isSigned: boolean): Arrow.DataType {
  const { Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64 } = arrow()
  const classes = isSigned
    ? { 8: Int8, 16: Int16, 32: Int32, 64: Int64 }
    : { 8: Uint8, 16: Uint16, 32: Uint32, 64: Uint64 }
  return new classes[bits]()
}

/** NOT_SUPPORTED for types without a counterpart: unions, durations, times of day, decimals over 38 digits. */
export const fromArrowSchema = (schema: Arrow.Schema): Schema => ({ fields: schema.fields.map(fromArrowField) })

export const fromArrowField = ({ name, type, nullable }: Arrow.Field): Field => ({
  name,
  type: fromArrowType(type, name),
  nullable,
})

/** `name` is the column's, for the message of NOT_SUPPORTED. */
export function fromArrowType(type: Arrow.DataType, name: string): DataType {
  const { DataType: Is } = arrow()
  if (Is.isNull(type)) return NULL
  if (Is.isBool(type)) return BOOLEAN
  if (Is.isInt(type)) return { kind: 'int', bits: type.bitWidth, signed: type.isSigned }
  if (Is.isFloat(type)) return type.precision === 2 ? FLOAT64 : FLOAT32
  if (Is.isUtf8(type) || Is.isLargeUtf8(type) || Is.isUtf8View(type)) return UTF8
  if (Is.isBinary(type) || Is.isLargeBinary(type) || Is.isBinaryView(type) || Is.isFixedSizeBinary(type)) return BINARY
  if (Is.isDate(type)) return DATE
  if (Is.isTimestamp(type)) return timestamp(UNITS[type.unit], type.timezone ?? undefined)
  if (Is.isInterval(type)) return INTERVAL
  if (Is.isDictionary(type)) return fromArrowType(type.dictionary, name)
  if (Is.isList(type) || Is.isLargeList(type) || Is.isFixedSizeList(type)) {
    return { kind: 'list', element: fromArrowField(type.children[0]) }
  }
  if (Is.isStruct(type)) return { kind: 'struct', fields: type.children.map(fromArrowField) }
  if (Is.isMap(type)) {
    const [key, value] = (type.children[0].type as Arrow.Struct).children.map(fromArrowField)
    return { kind: 'map', key, value }
  }
  if (Is.isDecimal(type)) {
    const { precision, scale } = type
    if (precision <= 38 && scale >= 0 && scale <= precision) return { kind: 'decimal', precision, scale }
  }
  throw fail('NOT_SUPPORTED', [`column '${name}' of Arrow type ${String(type)}`])
}
