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

export interface ManagedContext {
  readonly catalog: SessionCatalog
  readonly warehouse: Warehouse
  /** Where STORED AS and LOCATION put the rows; undefined: in the warehouse. */
  readonly target?: LogTarget | undefined
}

/**
 * Throws at once what the catalog would throw in the end: SCHEMA_NOT_FOUND, DUPLICATE_NAME. A table that is replaced is there until the
 * new one is; columns are NOT NULL only where that was declared.
 */
export function managedTable(
  statement: Extract<StatementNode, { kind: 'createTable' }>,
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
  const notNull = new Set(statement.columns.flatMap(column => (column.notNull ? [column.name.name] : [])))
  if (target !== undefined) {
    const external = { kind: 'listing', name, path: target.path, format: target.tableFormat, options: {} } as const
    const create = async (): Promise<void> => {
      const before = catalog.get(place)
      if (await catalog.create(schema, external, options)) await warehouse.remove(before === undefined ? [] : [before])
    }
    return { request: { target, mode: 'error' }, onWritten: create }
  }
  const path = warehouse.pathOf(schema, name)
  const table: StoredObject = {
    kind: 'listing',
    name,
    path,
    format: 'parquet',
    options: {},
    schema: {
      fields: columns.map(column => field(column.name, typeInFiles(column.type, 'parquet'), !notNull.has(column.name))),
    },
    managed: true,
    ...declaredDefaults(statement.columns),
  }
  return {
    request: { target: { kind: 'directory', path, format: 'parquet', options: {} }, mode: 'error' },
    async onWritten() {
      const before = catalog.get(place)
      try {
        if (await catalog.create(schema, table, options)) await warehouse.remove(before === undefined ? [] : [before])
        else await warehouse.removePath(path)
      } catch (error) {
        await warehouse.removePath(path)
        throw error
      }
    },
  }
}
