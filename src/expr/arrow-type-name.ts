/** Arrow's names of types: what arrow_typeof shows and arrow_cast reads. */
import {
  BINARY,
  BOOLEAN,
  DATE,
  FLOAT32,
  FLOAT64,
  INT16,
  INT32,
  INT64,
  INT8,
  INTERVAL,
  NULL,
  UINT16,
  UINT32,
  UINT64,
  UINT8,
  UTF8,
  decimal,
  timestamp,
  type DataType,
  type TimeUnit,
} from '../arrow/types.js'
import { fail } from '../common/errors.js'
import { unreachable } from '../common/invariant.js'

/** `Int64`, `Decimal128(15, 2)`, `Timestamp(us)`, `List(Utf8)`. */
export function arrowTypeName(type: DataType): string {
  switch (type.kind) {
    case 'null':
      return 'Null'
    case 'boolean':
      return 'Boolean'
    case 'int':
      return `${type.signed ? 'Int' : 'UInt'}${type.bits}`
    case 'float':
      return `Float${type.bits}`
    case 'decimal':
      return `Decimal128(${type.precision}, ${type.scale})`
    case 'utf8':
      return 'Utf8'
    case 'binary':
      return 'Binary'
    case 'date':
      return 'Date32'
    case 'timestamp':
      return `Timestamp(${type.unit}${type.timeZone === undefined ? '' : `, "${type.timeZone}"`})`
    case 'interval':
      return 'Interval(MonthDayNano)'
    case 'list':
      return `List(${arrowTypeName(type.element.type)})`
    case 'struct':
      return `Struct(${type.fields.map(field => `"${field.name}": ${arrowTypeName(field.type)}`).join(', ')})`
    case 'map':
      return `Map(${arrowTypeName(type.key.type)}, ${arrowTypeName(type.value.type)})`
    default:
      return unreachable(type)
  }
}

const SIMPLE: Readonly<Record<string, DataType>> = {
  Null: NULL,
  Boolean: BOOLEAN,
  Int8: INT8,
  Int16: INT16,
  Int32: INT32,
  Int64: INT64,
  UInt8: UINT8,
  UInt16: UINT16,
  UInt32: UINT32,
  UInt64: UINT64,
  Float32: FLOAT32,
  Float64: FLOAT64,
  Utf8: UTF8,
  LargeUtf8: UTF8,
  Utf8View: UTF8,
  Binary: BINARY,
  LargeBinary: BINARY,
  BinaryView: BINARY,
  Date32: DATE,
  'Interval(MonthDayNano)': INTERVAL,
}

const UNITS: Readonly<Record<string, TimeUnit>> = {
  s: 's',
  ms: 'ms',
  us: 'us',
  ns: 'ns',
  Second: 's',
  Millisecond: 'ms',
  Microsecond: 'us',
  Nanosecond: 'ns',
}

/** The inverse of arrowTypeName for types that are not nested; throws TYPE_MISMATCH for others. */
export function parseArrowType(text: string): DataType {
  const name = text.trim()
  if (Object.hasOwn(SIMPLE, name)) return SIMPLE[name]
  const number = /^\s*Decimal(?:32|64|128)\(\s*(\d+)\s*,\s*(\d+)\s*\)\s*$/.exec(text)
  if (number !== null && Number(number[1]) >= 1 && Number(number[1]) <= 38 && Number(number[2]) <= Number(number[1]))
    return decimal(Number(number[1]), Number(number[2]))
  const moment = /^\s*Timestamp\(\s*(\w+)\s*(?:,\s*(?:None|(?:Some\()?"([^"]+)"\)?)\s*)?\)\s*$/.exec(text)
  if (moment !== null && Object.hasOwn(UNITS, moment[1])) return timestamp(UNITS[moment[1]], moment[2])
  throw fail('TYPE_MISMATCH', [
    `unknown Arrow type '${text}'; known are ${Object.keys(SIMPLE).join(', ')}, Decimal128(p, s) and Timestamp(unit)`,
  ])
}
