/** Parquet's schema elements as the columns of a table (LogicalTypes.md of the Parquet format, with its legacy rules). */
import type { Field } from '../../arrow/schema.js'
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
} from '../../arrow/types.js'
import { fail } from '../../common/errors.js'
import { booleanAt, numberAt, structAt, textAt, type ThriftStruct } from './thrift-compact.js'

/** Physical types by number. */
export const PHYSICAL = {
  boolean: 0,
  int32: 1,
  int64: 2,
  int96: 3,
  float: 4,
  double: 5,
  byteArray: 6,
  fixed: 7,
} as const

const CONVERTED = {
  utf8: 0,
  map: 1,
  mapKeyValue: 2,
  list: 3,
  enum: 4,
  decimal: 5,
  date: 6,
  timeMillis: 7,
  timeMicros: 8,
  timestampMillis: 9,
  timestampMicros: 10,
  uint8: 11,
  int8: 15,
  json: 19,
  bson: 20,
  interval: 21,
} as const
const LOGICAL = {
  string: 1,
  map: 2,
  list: 3,
  enum: 4,
  decimal: 5,
  date: 6,
  time: 7,
  timestamp: 8,
  integer: 10,
  unknown: 11,
  json: 12,
  bson: 13,
  uuid: 14,
  float16: 15,
} as const
const REPETITION = { required: 0, repeated: 2 } as const

/** What the bytes of a leaf mean when its DataType does not say it. */
export type LeafMeaning = 'plain' | 'uuid' | 'timeMillis' | 'timeMicros' | 'timeNanos' | 'float16' | 'interval'

/** One column of the table: a leaf, or a nested group with all its leaves. */
export interface ParquetColumn {
  readonly field: Field
  /** The schema elements of the column, depth first; the first is the column itself. */
  readonly elements: readonly ThriftStruct[]
  /** Number of the first leaf, which is also its place in a row group's list of chunks. */
  readonly firstLeaf: number
  readonly leafCount: number
  /** Physical type of a leaf column; undefined for a nested one. */
  readonly physicalType: number | undefined
  /** Bytes of a FIXED_LEN_BYTE_ARRAY value. */
  readonly typeLength: number
  readonly meaning: LeafMeaning
}

/** Columns of a table at most. */
const MAX_COLUMNS = 10_000

/** The columns under the root element. TIME and UUID are read as VARCHAR. Throws FILE_INVALID, NOT_SUPPORTED. */
export function parquetColumns(elements: readonly ThriftStruct[], path: string): ParquetColumn[] {
  const root = elements[0]
  if (root === undefined) throw fail('FILE_INVALID', [path, 'the Parquet footer has no schema'])
  const count = numberAt(root, 5) ?? 0
  if (count > MAX_COLUMNS) throw fail('NOT_SUPPORTED', [`${path}: a table of ${count} columns`])
  const columns: ParquetColumn[] = []
  let next = 1
  let leaf = 0
  for (let child = 0; child < count; child++) {
    const node = readNode(elements, next, path)
    columns.push({
      field: fieldOf(node, path),
      elements: elements.slice(next, node.end),
      firstLeaf: leaf,
      leafCount: node.leafCount,
      physicalType: node.children.length > 0 ? undefined : numberAt(node.element, 1),
      typeLength: numberAt(node.element, 2) ?? 0,
      meaning: node.children.length > 0 ? 'plain' : meaningOf(node.element),
    })
    next = node.end
    leaf += node.leafCount
  }
  if (next !== elements.length)
    throw fail('FILE_INVALID', [path, 'the Parquet footer holds a schema that is not one tree'])
  return columns
}

interface SchemaNode {
  readonly element: ThriftStruct
  readonly children: readonly SchemaNode[]
  readonly leafCount: number
  /** Place after the last element of the subtree. */
  readonly end: number
}

const MAX_NESTING = 20

function readNode(elements: readonly ThriftStruct[], at: number, path: string, depth = 0): SchemaNode {
  const element = elements[at]
  if (element === undefined || depth > MAX_NESTING) {
    throw fail('FILE_INVALID', [path, 'the Parquet footer holds a schema that is not one tree'])
  }
  const children: SchemaNode[] = []
  let end = at + 1
  for (let child = 0; child < (numberAt(element, 5) ?? 0); child++) {
    const node = readNode(elements, end, path, depth + 1)
    children.push(node)
    end = node.end
  }
  const leafCount = children.length === 0 ? 1 : children.reduce((sum, child) => sum + child.leafCount, 0)
  return { element, children, leafCount, end }
}

const nameOf = (node: SchemaNode): string => textAt(node.element, 4) ?? ''
const isRepeated = (node: SchemaNode): boolean => numberAt(node.element, 3) === REPETITION.repeated

function fieldOf(node: SchemaNode, path: string): Field {
  const nullable = (numberAt(node.element, 3) ?? REPETITION.required) !== REPETITION.required
  const type = node.children.length === 0 ? leafType(node.element, path) : groupType(node, path)
  if (!isRepeated(node)) return { name: nameOf(node), type, nullable }
  // A repeated field outside a LIST or MAP group is a required list of required elements.
  return {
    name: nameOf(node),
    type: { kind: 'list', element: { name: nameOf(node), type, nullable: false } },
    nullable: false,
  }
}

function groupType(node: SchemaNode, path: string): DataType {
  const converted = numberAt(node.element, 6)
  const logical = structAt(node.element, 10)
  const only = node.children[0]
  if (logical?.fields.has(LOGICAL.list) || converted === CONVERTED.list) {
    return { kind: 'list', element: elementField(node, only, path) }
  }
  if (logical?.fields.has(LOGICAL.map) || converted === CONVERTED.map || converted === CONVERTED.mapKeyValue) {
    const [key, value] = only.children
    if (key !== undefined && value !== undefined)
      return { kind: 'map', key: fieldOf(key, path), value: fieldOf(value, path) }
  }
  return { kind: 'struct', fields: node.children.map(child => fieldOf(child, path)) }
}

/** The element of a LIST group: its repeated child is a wrapper, or (legacy writers) the element itself. */
function elementField(list: SchemaNode, repeated: SchemaNode, path: string): Field {
  const isElement =
    repeated.children.length !== 1 || nameOf(repeated) === 'array' || nameOf(repeated) === `${nameOf(list)}_tuple`
  if (!isElement) return fieldOf(repeated.children[0], path)
  const type = repeated.children.length === 0 ? leafType(repeated.element, path) : groupType(repeated, path)
  return { name: nameOf(repeated), type, nullable: false }
}

function meaningOf(element: ThriftStruct): LeafMeaning {
  const logical = structAt(element, 10)
  const converted = numberAt(element, 6)
  if (logical?.fields.has(LOGICAL.uuid)) return 'uuid'
  if (logical?.fields.has(LOGICAL.float16)) return 'float16'
  const time = logical === undefined ? undefined : structAt(logical, LOGICAL.time)
  if (time !== undefined)
    return ({ ms: 'timeMillis', us: 'timeMicros', ns: 'timeNanos', s: 'plain' } as const)[timeUnit(time)]
  if (converted === CONVERTED.timeMillis) return 'timeMillis'
  if (converted === CONVERTED.timeMicros) return 'timeMicros'
  return converted === CONVERTED.interval ? 'interval' : 'plain'
}

function leafType(element: ThriftStruct, path: string): DataType {
  const logical = structAt(element, 10)
  const physical = numberAt(element, 1)
  const meaning = meaningOf(element)
  if (meaning === 'float16') return FLOAT32
  if (meaning === 'interval') return INTERVAL
  if (meaning !== 'plain') return UTF8
  const annotated = logical === undefined ? undefined : fromLogical(element, logical, path)
  const type = annotated ?? fromConverted(element, path)
  if (type !== undefined) return type
  switch (physical) {
    case PHYSICAL.boolean:
      return BOOLEAN
    case PHYSICAL.int32:
      return INT32
    case PHYSICAL.int64:
      return INT64
    case PHYSICAL.int96:
      return timestamp('ns')
    case PHYSICAL.float:
      return FLOAT32
    case PHYSICAL.double:
      return FLOAT64
    case PHYSICAL.byteArray:
    case PHYSICAL.fixed:
      return BINARY
  }
  throw fail('FILE_INVALID', [
    path,
    `the Parquet footer gives column '${textAt(element, 4)}' the unknown type ${physical}`,
  ])
}

function fromLogical(element: ThriftStruct, logical: ThriftStruct, path: string): DataType | undefined {
  const [id] = logical.fields.keys()
  switch (id) {
    case LOGICAL.string:
    case LOGICAL.enum:
    case LOGICAL.json:
      return UTF8
    case LOGICAL.bson:
      return BINARY
    case LOGICAL.date:
      return DATE
    case LOGICAL.unknown:
      return NULL
    case LOGICAL.decimal: {
      const parameters = structAt(logical, id)
      return parameters && decimalType(element, numberAt(parameters, 2), numberAt(parameters, 1), path)
    }
    case LOGICAL.timestamp: {
      const parameters = structAt(logical, id)
      return parameters && timestamp(timeUnit(parameters), booleanAt(parameters, 1) === true ? 'UTC' : undefined)
    }
    case LOGICAL.integer: {
      const parameters = structAt(logical, id)
      return parameters && integer(numberAt(parameters, 1) ?? 0, booleanAt(parameters, 2) !== false)
    }
  }
  return undefined
}

/** Unit of a TIME or TIMESTAMP annotation. */
function timeUnit(parameters: ThriftStruct): 'ms' | 'us' | 'ns' {
  const unit = structAt(parameters, 2)
  if (unit?.fields.has(3)) return 'ns'
  return unit?.fields.has(1) ? 'ms' : 'us'
}

function fromConverted(element: ThriftStruct, path: string): DataType | undefined {
  const converted = numberAt(element, 6)
  switch (converted) {
    case undefined:
      return undefined
    case CONVERTED.utf8:
    case CONVERTED.enum:
    case CONVERTED.json:
      return UTF8
    case CONVERTED.bson:
      return BINARY
    case CONVERTED.decimal:
      return decimalType(element, numberAt(element, 8), numberAt(element, 7), path)
    case CONVERTED.date:
      return DATE
    case CONVERTED.timestampMillis:
      return timestamp('ms', 'UTC')
    case CONVERTED.timestampMicros:
      return timestamp('us', 'UTC')
  }
  if (converted >= CONVERTED.uint8 && converted < CONVERTED.int8)
    return integer(8 << (converted - CONVERTED.uint8), false)
  if (converted >= CONVERTED.int8 && converted < CONVERTED.json) return integer(8 << (converted - CONVERTED.int8), true)
  return undefined
}

function decimalType(element: ThriftStruct, precision = 0, scale = 0, path: string): DataType {
  if (precision > 38)
    throw fail('NOT_SUPPORTED', [`${path}: column '${textAt(element, 4)}' of type DECIMAL(${precision}, ${scale})`])
  if (precision < 1 || scale < 0 || scale > precision) {
    throw fail('FILE_INVALID', [
      path,
      `the Parquet footer gives column '${textAt(element, 4)}' the type DECIMAL(${precision}, ${scale})`,
    ])
  }
  return decimal(precision, scale)
}

const integer = (bits: number, signed: boolean): DataType | undefined =>
  ({
    8: signed ? INT8 : UINT8,
    16: signed ? INT16 : UINT16,
    32: signed ? INT32 : UINT32,
    64: signed ? INT64 : UINT64,
  })[bits]
