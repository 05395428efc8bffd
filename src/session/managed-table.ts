/** CREATE TABLE where the catalog keeps files: where the rows go, and what is done when they are there. */
import { field } from '../arrow/schema.js'
import { placeOf } from '../catalog/shared-catalog.js'
import { fail } from '../common/errors.js'
import type { PlanSchema } from '../logical/plan.js'
import type { StatementNode } from '../parser/ast.js'
import { declaredDefaults } from './column-defaults.js'
import type { StoredObject } from './registration.js'
import type { LogTarget } from './table-formats.js'
import type { SessionCatalog } from './request-names.js'
import type { Warehouse } from './warehouse.js'
import { typeInFiles, type WriteRequest } from './write-target.js'

type CreateTableNode = Extract<StatementNode, { kind: 'createTable' }>

export interface ManagedContext {
  readonly catalog: SessionCatalog
  readonly warehouse: Warehouse
  /** Where STORED AS puts the rows; undefined: in files of the warehouse. */
  readonly target?: LogTarget | undefined
}

/**
 * Throws at once what the catalog would throw in the end: SCHEMA_NOT_FOUND, DUPLICATE_NAME. A table that is replaced is there until the
 * new one is; columns are NOT NULL only where that was declared.
 */
export function managedTable(
  statement: CreateTableNode,
  columns: PlanSchema,
  { catalog, target, warehouse }: ManagedContext,
): { readonly request: WriteRequest; readonly onWritten: () => Promise<void> } {
  const { ifNotExists, name: written, orReplace } = statement
  const { span } = written[0]
  const place = placeOf(
    written.map(ident => ident.name),
    span,
  )
  const { schema, name } = place
  const options = { ifNotExists, orReplace, span }
  if (!catalog.hasSchema(schema)) throw fail('SCHEMA_NOT_FOUND', [schema, ''], { span })
  if (!orReplace && !ifNotExists && catalog.get(place) !== undefined)
    throw fail('DUPLICATE_NAME', [`table or view '${written.map(ident => ident.name).join('.')}'`], { span })
  const { entry, request } =
    target === undefined
      ? filesTable(statement, columns, { name, path: warehouse.pathOf(place) })
      : loggedTable(statement, name, target)
  const remove = (gone: StoredObject | undefined): Promise<void> => warehouse.remove(gone === undefined ? [] : [gone])
  return {
    request,
    async onWritten() {
      const before = catalog.get(place)
      try {
        await remove((await catalog.create(schema, entry, options)) ? before : entry)
      } catch (error) {
        await remove(entry)
        throw error
      }
    },
  }
}

interface NewTable {
  readonly entry: StoredObject
  readonly request: WriteRequest
}

/** A directory of Parquet files. */
function filesTable(
  statement: CreateTableNode,
  columns: PlanSchema,
  { name, path }: { readonly name: string; readonly path: string },
): NewTable {
  const notNull = new Set(statement.columns.flatMap(column => (column.notNull ? [column.name.name] : [])))
  const files = { path, format: 'parquet', options: {} } as const
  const schema = {
    fields: columns.map(column =>
      field(column.name, typeInFiles(column.type, files.format), !notNull.has(column.name)),
    ),
  }
  return {
    entry: { kind: 'listing', name, ...files, schema, managed: true, ...declaredDefaults(statement.columns) },
    request: { target: { kind: 'directory', ...files }, mode: 'error' },
  }
}

/** A table with a log: the catalog's own unless it has a LOCATION. Then the log alone says what its columns are. */
function loggedTable({ stored }: CreateTableNode, name: string, target: LogTarget): NewTable {
  const { partitionBy = [], path, schema, tableFormat: format } = target
  const table = { kind: 'listing', name, path, format, options: {} } as const
  const own = {
    path: `${path}/`,
    schema,
    partitionedBy: partitionBy.map(key => ({ name: key })),
    managed: true,
  } as const
  return {
    entry: stored?.location === undefined ? { ...table, ...own } : table,
    request: { target, mode: 'error' },
  }
}
