/** What a call of an extension's table means, where queries are planned. */
import type { TableProvider } from '../catalog/table-provider.js'
import { schemaFrom } from '../expr/type-text.js'
import { insideTable, type RowTable, type TableArguments } from './row-table.js'

/** The table that a call means. */
export async function openRowTable(
  table: RowTable,
  internalName: string,
  args: TableArguments,
): Promise<TableProvider> {
  const { partitions = [null], rowCount, schema: input } = await insideTable(table, async () => table.open(args))
  const schema = schemaFrom(input)
  const texts = partitions.map(partition => JSON.stringify(partition))
  return {
    schema,
    statistics: () => ({ ...(rowCount === undefined ? {} : { rowCount }), columns: new Map() }),
    scan: ({ filters }) => ({
      source: { kind: 'rows', table: internalName, schema, partitions: texts },
      residual: filters,
    }),
  }
}
