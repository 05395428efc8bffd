/** Types and columns as programs write them: the text of SQL. */
import type { Schema } from '../arrow/schema.js'
import type { DataType } from '../arrow/types.js'
import { fail } from '../common/errors.js'
import type { TypeNode } from '../parser/ast.js'
import { parseExpression } from '../parser/parse.js'
import { parseTypeNode } from './types.js'

/** Columns and their types: as SQL writes them, `{ id: 'BIGINT', price: 'DECIMAL(10, 2)' }`, or as a frame's `schema()` gives them. */
export type SchemaInput = Readonly<Record<string, string>> | Schema

/** The fields of a schema, all nullable where it is written as text. SYNTAX or TYPE_MISMATCH for what is no type. */
export function schemaFrom(input: SchemaInput): Schema {
  if (isSchema(input)) return input
  return { fields: Object.entries(input).map(([name, type]) => ({ name, type: typeFrom(type), nullable: true })) }
}

const isSchema = (input: SchemaInput): input is Schema => 'fields' in input && Array.isArray(input.fields)

export function typeFrom(text: string): DataType {
  const { name, args } = typeNodeFrom(text)
  return parseTypeNode(name, args)
}

/** The tree of a type's name. SYNTAX for anything else, also if it only begins with one. */
export function typeNodeFrom(text: string): TypeNode {
  // On a line of its own: a comment may hide the end of this line, but not the parenthesis.
  const node = parseExpression(`CAST(NULL AS ${text}\n)`)
  if (node.kind === 'cast' && node.input.kind === 'null') return node.type
  throw fail('SYNTAX', [`'${text}' is not the name of a type`])
}
