/** The tables of information_schema: what the session and the catalog know, as rows. */
import { batchFromValues, releaseBatch } from '../arrow/column.js'
import { encodeBatch } from '../arrow/frame.js'
import { field, type Field, type Schema } from '../arrow/schema.js'
import { INT64, UTF8, typeName, type Value } from '../arrow/types.js'
import { DEFAULT_CATALOG, INFORMATION_SCHEMA } from '../catalog/catalog.js'
import { MemoryTable } from '../catalog/memory-table.js'
import { BallistaError, didYouMean, fail, type Span } from '../common/errors.js'
import type { Settings } from '../common/option.js'
import { defaultOf } from './column-defaults.js'
import { OPTIONS, shownValue } from './options.js'
import { isTemporary, qualified, type NamedTable, type RequestNames } from './request-names.js'

export interface Known {
  readonly names: RequestNames
  readonly settings: Settings
  /** The columns of a table or view; may fail with the coded error of its files or its query. */
  readonly columnsOf: (table: NamedTable) => Promise<Schema>
}

type Rows = readonly (readonly Value[])[]

interface InformationTable {
  readonly fields: readonly Field[]
  readonly rows: (known: Known) => Rows | Promise<Rows>
}

const text = (name: string): Field => field(name, UTF8, false)

const OF_TABLE = [text('table_catalog'), text('table_schema'), text('table_name')]

const TABLES: Readonly<Record<string, InformationTable>> = {
  columns: {
    fields: [
      ...OF_TABLE,
      text('column_name'),
      field('ordinal_position', INT64, false),
      text('is_nullable'),
      text('data_type'),
      field('column_default', UTF8),
    ],
    rows: columnRows,
  },
  df_settings: {
    fields: [text('name'), text('value'), text('description')],
    rows: ({ settings }) => OPTIONS.map(option => [option.key, shownValue(option, settings), option.doc]),
  },
  schemata: {
    fields: [text('catalog_name'), text('schema_name')],
    rows: ({ names }) => [...names.schemas(), INFORMATION_SCHEMA].sort().map(schema => [DEFAULT_CATALOG, schema]),
  },
  tables: {
    fields: [...OF_TABLE, text('table_type')],
    rows: ({ names }) => names.list().map(table => [...qualified(table), tableType(table)]),
  },
  views: {
    fields: [...OF_TABLE, text('definition')],
    rows: ({ names }) =>
      names.list().flatMap(table => (table.entry.kind === 'view' ? [[...qualified(table), table.entry.sql]] : [])),
  },
}

/** A table of information_schema by its name; throws TABLE_NOT_FOUND. */
export async function informationTable(name: string, known: Known, span: Span): Promise<MemoryTable> {
  if (!Object.hasOwn(TABLES, name)) {
    const hint = didYouMean(name, Object.keys(TABLES))
    throw fail('TABLE_NOT_FOUND', [`${INFORMATION_SCHEMA}.${name}`, hint], { span })
  }
  const schema: Schema = { fields: TABLES[name].fields }
  const rows = await TABLES[name].rows(known)
  const batch = batchFromValues(
    schema,
    schema.fields.map((_, i) => rows.map(row => row[i])),
  )
  try {
    return new MemoryTable(name, schema, [{ bytes: encodeBatch(batch), rowCount: batch.rowCount }])
  } finally {
    releaseBatch(batch)
  }
}

export const tableType = ({ entry }: NamedTable): string =>
  entry.kind === 'view' ? 'VIEW' : isTemporary(entry) ? 'LOCAL TEMPORARY' : 'BASE TABLE'

/** Tables whose files are gone, and views whose tables are, have no columns. */
async function columnRows({ names, columnsOf }: Known): Promise<Rows> {
  const rows: Value[][] = []
  for (const table of names.list()) {
    try {
      const { fields } = await columnsOf(table)
      for (const [i, { name, type, nullable }] of fields.entries())
        rows.push([
          ...qualified(table),
          name,
          BigInt(i + 1),
          nullable ? 'YES' : 'NO',
          typeName(type),
          defaultOf(table.entry, name) ?? null,
        ])
    } catch (error) {
      if (!(error instanceof BallistaError) || error.category !== 'user') throw error
    }
  }
  return rows
}
