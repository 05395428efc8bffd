/** From registrations (plain data) to tables the planner can ask: files are opened on first use, and then kept by a session. */
import { field, type Schema } from '../arrow/schema.js'
import { INFORMATION_SCHEMA, type ViewDefinition } from '../catalog/catalog.js'
import { MemoryTable } from '../catalog/memory-table.js'
import { placeOf } from '../catalog/shared-catalog.js'
import type { TableProvider } from '../catalog/table-provider.js'
import { fail } from '../common/errors.js'
import type { Settings } from '../common/option.js'
import { BUILT_IN, type Registry } from '../exchange/registry.js'
import { parseTypeNode } from '../expr/types.js'
import type { PartitionKey } from '../formats/file-columns.js'
import type { ListingRequest } from '../formats/listing-table.js'
import { bindQuery } from '../logical/bind/query.js'
import { resolveTables, viewQuery, type TableResolver, type VersionOption } from '../logical/bind/tables.js'
import type { PlanSchema } from '../logical/plan.js'
import { schemaOf, toArrowSchema } from '../logical/schema-of.js'
import type { StatementNode } from '../parser/ast.js'
import { storageAccess } from '../storage/options.js'
import { functionNamesOf } from './user-functions.js'
import type { TableRequest } from './table-formats.js'
import { absolutePath, type PlanRequest, type Registration } from './registration.js'
import type { NamedTable, RequestNames } from './request-names.js'

/** Opened tables by registration, with what they were opened with; a session keeps one, so that its files are opened once. */
export type OpenTables = WeakMap<Registration, { readonly table: Promise<TableProvider>; readonly access: string }>

/** What the SQL of a request may name: tables and views, and files by path. */
export function tableResolver(
  request: PlanRequest,
  names: RequestNames,
  open: OpenTables = new WeakMap(),
  registry: Registry = BUILT_IN,
): TableResolver {
  const files: OpenFiles = listing => openFiles({ ...listing, moreFormats: registry.formats }, request.settings)
  const opening = { access: storageAccess(request.settings), files, open }
  const ofLogs = { registry, settings: request.settings }
  const functions = functionNamesOf([...registry.functions, ...(request.functions ?? [])])
  const columnsOf = async ({ entry, isShared }: NamedTable): Promise<Schema> => {
    if (entry.kind !== 'view') return (await opened(entry)).schema
    const { fields } = toArrowSchema(await viewPlan({ ...entry, isShared }, resolver, functions))
    return { fields: fields.map((column, i) => ({ ...column, name: entry.columns[i] ?? column.name })) }
  }
  // All that a statement reads of a table is of one time.
  const ofStatement = new Map<Registration, Promise<TableProvider>>()
  const opened = (registration: Exclude<Registration, { kind: 'view' }>): Promise<TableProvider> => {
    const table = ofStatement.get(registration) ?? openOnce(registration)
    ofStatement.set(registration, table)
    return table
  }
  const openOnce = async (registration: Exclude<Registration, { kind: 'view' }>): Promise<TableProvider> => {
    // A table with a log is a snapshot, which only this statement sees.
    const logged = registration.kind === 'listing' ? await openLogged(registration, ofLogs) : undefined
    return logged ?? openTable(registration, opening)
  }
  const openVersion = async (entry: Registration, version: VersionOption): Promise<TableProvider> => {
    const options = { ...(entry.kind === 'listing' ? entry.options : {}), ...version }
    const logged = entry.kind === 'listing' ? await openLogged({ ...entry, options }, ofLogs) : undefined
    if (logged === undefined) throw fail('NOT_SUPPORTED', [`a version of '${entry.name}', which keeps none,`])
    return logged
  }
  const resolver: TableResolver = {
    async table(name, span, version) {
      if (name.length > 1 && name[name.length - 2] === INFORMATION_SCHEMA) {
        const { informationTable } = await import('./information-schema.js')
        return informationTable(placeOf(name, span).name, { names, settings: request.settings, columnsOf }, span)
      }
      const { entry, isShared } = names.find(name, span)
      if (version !== undefined) return openVersion(entry, version)
      return entry.kind === 'view' ? { ...entry, isShared } : opened(entry)
    },
    tableFunction: async call =>
      (await import('./table-functions.js')).callTableFunction(call, {
        absolute: path => absolutePath(path, request.baseDirectory),
        open: files,
        tables: registry.tables,
        tableFormats: registry.tableFormats,
        settings: request.settings,
      }),
    async file(relative) {
      const path = absolutePath(relative, request.baseDirectory)
      const { openTable: openLog, tableFormatAt } = await import('./table-formats.js')
      const format = await tableFormatAt(path, registry, request.settings)
      return format === undefined ? files({ path }) : openLog(format, { path }, request.settings)
    },
  }
  return resolver
}

async function viewPlan(
  view: ViewDefinition,
  resolver: TableResolver,
  functions: ReadonlyMap<string, string>,
): Promise<PlanSchema> {
  const query = viewQuery(view)
  const context = { now: 0n, functions }
  return schemaOf(bindQuery(query, { ...context, tables: await resolveTables(query, resolver, context) }))
}

/** Of a format that keeps a log; undefined for other formats. */
async function openLogged(
  { format, ...request }: TableRequest & { readonly format: string },
  { registry, settings }: { readonly registry: Registry; readonly settings: Settings },
): Promise<TableProvider | undefined> {
  const { openTable: openLog, tableFormatNamed } = await import('./table-formats.js')
  const logged = tableFormatNamed(format, registry)
  return logged === undefined ? undefined : openLog(logged, request, settings)
}

type OpenFiles = (request: Omit<ListingRequest, 'host'>) => Promise<TableProvider>

function openTable(
  registration: Exclude<Registration, { kind: 'view' }>,
  { access, files, open }: { readonly access: string; readonly files: OpenFiles; readonly open: OpenTables },
): Promise<TableProvider> {
  const known = open.get(registration)
  if (known?.access === access) return known.table.then(table => table.forStatement?.() ?? table)
  const opening = openNew(registration, files)
  open.set(registration, { table: opening, access })
  // A file that could not be opened is tried again by the next query.
  opening.catch(() => open.delete(registration))
  return opening
}

async function openNew(
  registration: Exclude<Registration, { kind: 'view' }>,
  files: OpenFiles,
): Promise<TableProvider> {
  switch (registration.kind) {
    case 'memory':
      return new MemoryTable(registration.name, registration.schema, registration.batches)
    case 'stream':
      return streamTable(registration)
    case 'listing':
      return files(registration)
  }
}

/** Of its rows nothing is known before they come. */
const streamTable = ({ schema, stream }: Extract<Registration, { kind: 'stream' }>): TableProvider => ({
  schema,
  statistics: () => ({ columns: new Map() }),
  scan: ({ filters }) => ({ source: { kind: 'stream', name: stream }, residual: filters }),
})

/** The file formats are loaded by the first table over files: queries without one start sooner. */
async function openFiles(request: Omit<ListingRequest, 'host'>, settings: Settings): Promise<TableProvider> {
  const { openListingTable } = await import('../formats/listing-table.js')
  const { thisHost } = await import('../storage/this-host.js')
  return openListingTable({ ...request, host: thisHost(settings) })
}

/** Format, options and, where columns are declared, the schema of CREATE EXTERNAL TABLE. */
export function listingFormat(statement: Extract<StatementNode, { kind: 'createExternalTable' }>): {
  format: string
  options: Readonly<Record<string, string>>
  schema?: Schema
  partitionedBy?: readonly PartitionKey[]
} {
  const written = statement.storedAs.toLowerCase()
  const partitionedBy = statement.partitionedBy.map(({ name, type }) => ({
    name: name.name,
    ...(type === undefined ? {} : { type: parseTypeNode(type.name, type.args) }),
  }))
  const format = {
    format: written === 'ndjson' ? 'json' : written,
    options: statement.options,
    ...(partitionedBy.length === 0 ? {} : { partitionedBy }),
  }
  if (statement.columns.length === 0) return format
  const fields = statement.columns.map(({ name, type, notNull }) =>
    field(name.name, parseTypeNode(type.name, type.args), !notNull),
  )
  const more = partitionedBy.flatMap(({ name, type }) => (type === undefined ? [] : [field(name, type)]))
  return { ...format, schema: { fields: [...fields, ...more] } }
}
