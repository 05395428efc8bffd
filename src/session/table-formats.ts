/** Tables that have a log: those that an extension reads, among them Delta Lake, which comes with the engine. */
import { readdir } from 'node:fs/promises'
import type { TableDefinition, TableFiles, TableFormat, TablePlace } from '../catalog/table-format.js'
import type { TableProvider } from '../catalog/table-provider.js'
import { BallistaError, fail, withContext } from '../common/errors.js'
import type { Registry, RegisteredTableFormat } from '../exchange/registry.js'
import { normalizeOptions } from '../formats/format-options.js'
import { allowedPath } from '../runtime/data-roots.js'
import { localTableFiles } from '../formats/table-files.js'
import { thisHost } from '../storage/this-host.js'

export interface TableRequest {
  /** Absolute; with or without a slash at the end. */
  readonly path: string
  readonly options?: Readonly<Record<string, string>>
}

/** The kind of table of this name, if there is one. */
export const tableFormatNamed = (name: string, { tableFormats }: Registry): RegisteredTableFormat | undefined =>
  tableFormats.find(format => format.name === name.toLowerCase())

/** The kind of table that a directory is; undefined for a plain one, and what is none. */
export async function tableFormatAt(
  path: string,
  { tableFormats }: Registry,
): Promise<RegisteredTableFormat | undefined> {
  if (!path.endsWith('/') || tableFormats.every(({ marker }) => marker === undefined)) return undefined
  const names = await readdir(await allowedPath({ path, host: thisHost() })).catch((): string[] => [])
  return tableFormats.find(({ marker }) => marker !== undefined && names.includes(marker))
}

/** A snapshot of the table. Throws FILE_INVALID, INVALID_OPTION, and what the format throws. */
export async function openTable(registered: RegisteredTableFormat, request: TableRequest): Promise<TableProvider> {
  const { format, place } = await placeOf(registered, request)
  const { LoggedTable } = await import('../formats/logged-table.js')
  return inside(place, async () => new LoggedTable(await format.open(place), thisHost()))
}

/** Makes an empty table. NOT_SUPPORTED where the format cannot. */
export async function createTable(
  registered: RegisteredTableFormat,
  request: TableRequest,
  definition: TableDefinition,
): Promise<void> {
  const { format, place } = await placeOf(registered, request)
  if (format.create === undefined) throw fail('NOT_SUPPORTED', [`making ${registered.name.toUpperCase()} tables`])
  await inside(place, async () => format.create?.(place, definition))
}

async function placeOf(
  registered: RegisteredTableFormat,
  { path, options = {} }: TableRequest,
): Promise<{ readonly format: TableFormat; readonly place: TablePlace }> {
  const format = await registered.load()
  const given = normalizeOptions(options, format.options ?? [], format.name)
  const files: TableFiles = localTableFiles(thisHost())
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
