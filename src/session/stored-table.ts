/** CREATE TABLE … STORED AS: the table that the clauses mean. */
import type { Schema } from '../arrow/schema.js'
import { didYouMean, fail, type Span } from '../common/errors.js'
import type { Registry } from '../exchange/registry.js'
import type { TableStorage } from '../parser/ast.js'
import { newTable, tableFormatNamed, type LogTarget } from './table-formats.js'

/** Where its rows go, with the columns that they have there. `schema`: of the rows, partition columns among them. */
export async function storedTable(
  { options, partitionedBy, path, span, storedAs }: TableStorage & { readonly path: string; readonly span: Span },
  schema: Schema,
  registry: Registry,
): Promise<LogTarget> {
  const format = tableFormatNamed(storedAs, registry)
  if (format === undefined) {
    const known = registry.tableFormats.map(({ name }) => name.toUpperCase()).join(', ')
    const text = `CREATE TABLE … STORED AS ${storedAs.toUpperCase()} (known: ${known}; CREATE EXTERNAL TABLE is for files that are there)`
    throw fail('NOT_SUPPORTED', [text], { span })
  }
  const { fields } = schema
  for (const { name } of partitionedBy) {
    const names = fields.map(each => each.name)
    if (!names.includes(name.name))
      throw fail('COLUMN_NOT_FOUND', [name.name, didYouMean(name.name, names)], { span: name.span })
  }
  if (partitionedBy.length >= fields.length)
    throw fail('INVALID_ARGUMENT', ['a table needs a column that is no partition column'], { span })
  return newTable(format, { path, options }, { schema, partitionedBy: partitionedBy.map(({ name }) => name.name) })
}
