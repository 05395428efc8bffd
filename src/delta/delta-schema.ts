/** Schemas of Delta tables: a subset of Spark's JSON form, to and from ours. */
import type { DataType, Field, Schema } from '../index.js'
import { fail } from '../index.js'

interface DeltaField {
  readonly name: string
  readonly type: DeltaType
  readonly nullable: boolean
  readonly metadata?: Readonly<Record<string, unknown>>
}

type DeltaType =
  | string
  | { readonly type: 'struct'; readonly fields: readonly DeltaField[] }
  | { readonly type: 'array'; readonly elementType: DeltaType; readonly containsNull: boolean }
  | {
      readonly type: 'map'
      readonly keyType: DeltaType
      readonly valueType: DeltaType
      readonly valueContainsNull: boolean
    }

const PRIMITIVES: Readonly<Record<string, DataType>> = {
  string: { kind: 'utf8' },
  long: { kind: 'int', bits: 64, signed: true },
  integer: { kind: 'int', bits: 32, signed: true },
  short: { kind: 'int', bits: 16, signed: true },
  byte: { kind: 'int', bits: 8, signed: true },
  float: { kind: 'float', bits: 32 },
  double: { kind: 'float', bits: 64 },
  boolean: { kind: 'boolean' },
  binary: { kind: 'binary' },
  date: { kind: 'date' },
  timestamp: { kind: 'timestamp', unit: 'us', timeZone: 'UTC' },
  timestamp_ntz: { kind: 'timestamp', unit: 'us' },
}

export interface TableColumns {
  readonly schema: Schema
  /** Columns that have another name in files, partition values and statistics, by name. */
  readonly physicalNames: Readonly<Record<string, string>>
}

/** The columns of `schemaString`. Throws NOT_SUPPORTED for types that we lack. */
export function columnsOf(schemaString: string, mapping: string): TableColumns {
  const { fields } = JSON.parse(schemaString) as { readonly fields: readonly DeltaField[] }
  const physicalNames: Record<string, string> = {}
  for (const { name, metadata = {} } of fields) {
    const physical = metadata['delta.columnMapping.physicalName']
    if (mapping !== 'none' && typeof physical === 'string') physicalNames[name] = physical
  }
  return { schema: { fields: fields.map(field => fieldFrom(field, field.name)) }, physicalNames }
}

const fieldFrom = ({ name, nullable, type }: DeltaField, column: string): Field => ({
  name,
  type: typeFrom(type, column),
  nullable,
})

function typeFrom(type: DeltaType, column: string): DataType {
  if (typeof type !== 'string') {
    switch (type.type) {
      case 'struct':
        return { kind: 'struct', fields: type.fields.map(field => fieldFrom(field, column)) }
      case 'array':
        return {
          kind: 'list',
          element: { name: 'element', type: typeFrom(type.elementType, column), nullable: type.containsNull },
        }
      case 'map':
        return {
          kind: 'map',
          key: { name: 'key', type: typeFrom(type.keyType, column), nullable: false },
          value: { name: 'value', type: typeFrom(type.valueType, column), nullable: type.valueContainsNull },
        }
    }
  }
  if (Object.hasOwn(PRIMITIVES, type)) return PRIMITIVES[type]
  const [, precision, scale] = /^decimal\((\d+), *(\d+)\)$/.exec(type) ?? []
  if (precision !== undefined) return { kind: 'decimal', precision: Number(precision), scale: Number(scale) }
  throw fail('NOT_SUPPORTED', [`the Delta type '${type}' of column '${column}'`])
}

/** The JSON of a schema. NOT_SUPPORTED for types that Delta lacks (unsigned integers, intervals). */
export const schemaStringOf = ({ fields }: Schema): string =>
  JSON.stringify({ type: 'struct', fields: fields.map(field => deltaField(field)) })

const deltaField = ({ name, nullable, type }: Field): DeltaField => ({
  name,
  type: deltaType(type, name),
  nullable,
  metadata: {},
})

function deltaType(type: DataType, column: string): DeltaType {
  switch (type.kind) {
    case 'decimal':
      return `decimal(${type.precision},${type.scale})`
    case 'timestamp':
      return type.timeZone === undefined ? 'timestamp_ntz' : 'timestamp'
    case 'list':
      return { type: 'array', elementType: deltaType(type.element.type, column), containsNull: type.element.nullable }
    case 'struct':
      return { type: 'struct', fields: type.fields.map(field => deltaField(field)) }
    default: {
      const known = Object.entries(PRIMITIVES).find(([, each]) => JSON.stringify(each) === JSON.stringify(type))
      if (known !== undefined) return known[0]
      const { kind } = type
      const named = kind === 'int' ? 'unsigned integers' : `the type ${kind.toUpperCase()}`
      throw fail('NOT_SUPPORTED', [`${named} in a Delta table (column '${column}')`])
    }
  }
}
