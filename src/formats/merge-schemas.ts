/** One schema for the files of a table whose columns are not declared. */
import type { Field, Schema } from '../arrow/schema.js'
import { FLOAT64, UTF8, sameType, timestamp, typeName, type DataType } from '../arrow/types.js'
import { fail } from '../common/errors.js'
import { unionType } from '../expr/types.js'

/** A file and what was found in it. */
export interface FileSchema {
  readonly path: string
  readonly schema: Schema
}

/**
 * The schema of all files, of which there is at least one. `csv`: columns are found by position, so that their names must be the
 * same; their types widen. `json`: all names, types widen. Other formats: all names, and types that are the same wherever a
 * column is. With `unionByName`: all names, types widen, whatever the format. Throws FILE_INVALID that names two files.
 */
export function mergeSchemas(format: string, files: readonly FileSchema[], unionByName = false): Schema {
  const [first, ...others] = files
  if (unionByName) return { fields: unionOf(files, (left, right) => unionType(left, right) ?? UTF8) }
  if (format === 'json') return { fields: unionOf(files, widened) }
  if (format === 'csv') {
    for (const file of others) checkNames(first, file)
    const types = first.schema.fields.map((_, i) => files.map(({ schema }) => schema.fields[i].type).reduce(widened))
    return { fields: first.schema.fields.map((field, i) => ({ ...field, type: types[i] })) }
  }
  const fields = new Map(first.schema.fields.map(field => [field.name, field]))
  for (const file of others) {
    checkTypes(file, { fields: [...fields.values()] }, `in ${first.path}`)
    for (const field of file.schema.fields) if (!fields.has(field.name)) fields.set(field.name, field)
  }
  return { fields: [...fields.values()] }
}

/** Throws FILE_INVALID if a column of the file has another type than in `schema`, which is that of `owner`. */
export function checkTypes({ path, schema: found }: FileSchema, schema: Schema, owner: string): void {
  const types = new Map(found.fields.map(({ name, type }) => [name, type]))
  for (const { name, type } of schema.fields) {
    const own = types.get(name)
    if (own === undefined || sameType(own, type)) continue
    const reason = `column '${name}' has the type ${typeName(own)}, but ${owner} it is ${typeName(type)}`
    throw fail('FILE_INVALID', [path, reason])
  }
}

function checkNames(first: FileSchema, { path, schema }: FileSchema): void {
  const [expected, found] = [first.schema, schema].map(({ fields }) => fields.map(({ name }) => name))
  if (expected.length !== found.length) {
    throw fail('FILE_INVALID', [path, `has ${found.length} columns, but ${first.path} has ${expected.length}`])
  }
  const different = expected.findIndex((name, i) => name !== found[i])
  if (different < 0) return
  const reason = `column ${different + 1} is '${found[different]}', but in ${first.path} it is '${expected[different]}'`
  throw fail('FILE_INVALID', [path, `${reason}; give the table a column list`])
}

function unionOf(files: readonly FileSchema[], common: (left: DataType, right: DataType) => DataType): Field[] {
  const fields = new Map<string, Field>()
  for (const { schema } of files) {
    for (const field of schema.fields) {
      const known = fields.get(field.name)
      fields.set(field.name, known === undefined ? field : { ...known, type: common(known.type, field.type) })
    }
  }
  return [...fields.values()]
}

/** The inferred type that holds the values of both. */
function widened(left: DataType, right: DataType): DataType {
  if (sameType(left, right)) return left
  const kinds = new Set([left.kind, right.kind])
  if (kinds.size === 2 && kinds.has('int') && kinds.has('float')) return FLOAT64
  if (kinds.size === 2 && kinds.has('date') && kinds.has('timestamp')) return timestamp('ns')
  return UTF8
}
