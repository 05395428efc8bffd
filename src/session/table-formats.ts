/** Tables that have a log: those that an extension reads, among them Delta Lake, which comes with the engine. */
import { readdir } from 'node:fs/promises'
import type { RegisteredTableFormat, TableDefinition, TableFormat, TablePlace } from '../catalog/table-format.js'
import type { TableProvider, WriteTarget } from '../catalog/table-provider.js'
import type { TableStatistics } from '../catalog/table-statistics.js'
import { BallistaError, fail, withContext } from '../common/errors.js'
import type { Registry } from '../exchange/registry.js'
import { allowedPath } from '../runtime/data-roots.js'
import { isRemote } from '../storage/stores.js'
import { thisHost } from '../storage/this-host.js'

export type LogTarget = Extract<WriteTarget, { kind: 'log' }>

export interface TableRequest {
  /** Absolute; with or without a slash at the end. */
  readonly path: string
  readonly options?: Readonly<Record<string, string>>
  /** What ANALYZE has found in the table. */
  readonly analyzed?: TableStatistics
}

/** The kind of table of this name, if there is one. */
export const tableFormatNamed = (name: string, { tableFormats }: Registry): RegisteredTableFormat | undefined =>
  tableFormats.find(format => format.name === name.toLowerCase())

/** The kind of table that a directory is; undefined for a plain one, and what is none. */
export async function tableFormatAt(
  path: string,
  { tableFormats }: Registry,
): Promise<RegisteredTableFormat | undefined> {
  if (!path.endsWith('/') || isRemote(path) || tableFormats.every(({ marker }) => marker === undefined))
    return undefined
  const names = await readdir(await allowedPath({ path, host: thisHost() })).catch((): string[] => [])
  return tableFormats.find(({ marker }) => marker !== undefined && names.includes(marker))
}

/** A snapshot of the table. Throws FILE_INVALID, INVALID_OPTION, and what the format throws. */
export async function openTable(registered: RegisteredTableFormat, request: TableRequest): Promise<TableProvider> {
  const { format, place } = await placeOf(registered, request)
  const { LoggedTable } = await import('../formats/logged-table.js')
  const from = { tableFormat: registered.name, path: place.path, host: thisHost(), analyzed: request.analyzed }
  return inside(place, async () => new LoggedTable(await format.open(place), from))
}

/** Where a write makes a new table, whose rows have the columns of `schema` there. NOT_SUPPORTED where the format makes none. */
export async function newTable(
  registered: RegisteredTableFormat,
  request: TableRequest,
  wanted: TableDefinition,
): Promise<LogTarget> {
  const { format, place } = await placeOf(registered, request)
  const { define } = format
  if (define === undefined) throw fail('NOT_SUPPORTED', [`making ${registered.name.toUpperCase()} tables`])
  const { partitionedBy, schema } = await inside(place, async () => define(wanted))
  return {
    kind: 'log',
    path: place.path,
    tableFormat: registered.name,
    format: 'parquet',
    options: {},
    schema,
    creates: true,
    details: {},
    ...(partitionedBy.length === 0 ? {} : { partitionBy: partitionedBy }),
  }
}

async function placeOf(
  registered: RegisteredTableFormat,
  { path, options = {} }: TableRequest,
): Promise<{ readonly format: TableFormat; readonly place: TablePlace }> {
  const format = await registered.load()
  const { nodeCommitFs } = await import('../commit/file-system.js')
  const { tableFiles } = await import('../commit/table-files.js')
  const { normalizeOptions } = await import('../formats/format-options.js')
  const given = normalizeOptions(options, format.options ?? [], format.name)
  const files = tableFiles(nodeCommitFs(thisHost().name))
  return { format, place: { path: path.replace(/(?<=.)\/+$/, ''), options: given, files } }
}

/** What its code throws is FILE_INVALID, and names the table. */
async function inside<T>({ path }: TablePlace, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    if (error instanceof BallistaError && error.code !== 'INTERNAL') throw withContext(error, path)
    throw fail('FILE_INVALID', [path, (error as Error).message], { cause: error })
  }
}
