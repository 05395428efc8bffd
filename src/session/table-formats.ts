/** Tables that have a log: those that an extension reads, among them Delta Lake, which comes with the engine. */
import { readdir } from 'node:fs/promises'
import type { RegisteredTableFormat, TableDefinition, TableFormat, TablePlace } from '../catalog/table-format.js'
import type { TableProvider, WriteTarget } from '../catalog/table-provider.js'
import type { TableStatistics } from '../catalog/table-statistics.js'
import { BallistaError, fail, withContext } from '../common/errors.js'
import type { Settings } from '../common/option.js'
import type { Registry } from '../exchange/registry.js'
import { allowedPath } from '../runtime/data-roots.js'
import type { FileHost } from '../storage/store.js'
import { isRemote, schemeOf } from '../storage/stores.js'
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
  settings: Settings,
): Promise<RegisteredTableFormat | undefined> {
  const marked = tableFormats.filter(({ marker }) => marker !== undefined)
  if (!path.endsWith('/') || marked.length === 0) return undefined
  const host = thisHost(settings)
  if (schemeOf(path) === 's3') return firstMarked(marked, path, host)
  if (isRemote(path)) return undefined
  const names = await readdir(await allowedPath({ path, host })).catch((): string[] => [])
  return marked.find(({ marker = '' }) => names.includes(marker))
}

/** The first whose directory has an object in it. */
async function firstMarked(
  formats: readonly RegisteredTableFormat[],
  path: string,
  host: FileHost,
): Promise<RegisteredTableFormat | undefined> {
  const { s3Store } = await import('../storage/s3-store.js')
  for (const format of formats)
    for await (const _ of s3Store.list?.({ path: `${path}${format.marker}/`, host }) ?? []) return format
  return undefined
}

/** A snapshot of the table. Throws FILE_INVALID, INVALID_OPTION, and what the format throws. */
export async function openTable(
  registered: RegisteredTableFormat,
  request: TableRequest,
  settings: Settings,
): Promise<TableProvider> {
  const host = thisHost(settings)
  const { format, ...named } = await meant(registered, request)
  const { nodeCommitFs } = await import('../commit/file-system.js')
  const { tableFilesAt } = await import('../commit/table-files.js')
  const place = { ...named, files: tableFilesAt(named.path, nodeCommitFs(host.name), host) }
  const { LoggedTable } = await import('../formats/logged-table.js')
  const from = { tableFormat: registered.name, path: place.path, host, analyzed: request.analyzed }
  return inside(place, async () => new LoggedTable(await format.open(place), from))
}

/** Where a write makes a new table, whose rows have the columns of `schema` there. NOT_SUPPORTED where the format makes none. */
export async function newTable(
  registered: RegisteredTableFormat,
  request: TableRequest,
  wanted: TableDefinition,
): Promise<LogTarget> {
  const { format, path } = await meant(registered, request)
  const { define } = format
  if (define === undefined) throw fail('NOT_SUPPORTED', [`making ${registered.name.toUpperCase()} tables`])
  const { partitionedBy, schema } = await inside({ path }, async () => define(wanted))
  return {
    kind: 'log',
    path,
    tableFormat: registered.name,
    format: 'parquet',
    options: {},
    schema,
    creates: true,
    details: {},
    ...(partitionedBy.length === 0 ? {} : { partitionBy: partitionedBy }),
  }
}

/** NOT_SUPPORTED for stores where logs cannot lie. */
async function meant(
  registered: RegisteredTableFormat,
  { path, options = {} }: TableRequest,
): Promise<{ readonly format: TableFormat } & Omit<TablePlace, 'files'>> {
  const scheme = schemeOf(path)
  if (scheme !== undefined && scheme !== 's3')
    throw fail('NOT_SUPPORTED', [`the location '${path}' of a table with a log (only local paths and s3://)`])
  const format = await registered.load()
  const { normalizeOptions } = await import('../formats/format-options.js')
  const given = normalizeOptions(options, format.options ?? [], format.name)
  return { format, path: path.replace(/(?<=.)\/+$/, ''), options: given }
}

/** What its code throws is FILE_INVALID, and names the table. */
async function inside<T>({ path }: Pick<TablePlace, 'path'>, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    if (error instanceof BallistaError && error.code !== 'INTERNAL') throw withContext(error, path)
    throw fail('FILE_INVALID', [path, (error as Error).message], { cause: error })
  }
}
