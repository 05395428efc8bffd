/** The table functions of SQL: files read with options, and series. */
import { seriesTable } from '../catalog/series-table.js'
import type { TableProvider } from '../catalog/table-provider.js'
import { didYouMean, fail } from '../common/errors.js'
import type { Settings } from '../common/option.js'
import { typeOf, type LiteralExpr } from '../expr/expr.js'
import { valueText } from '../expr/value-text.js'
import { formOf } from '../expr/js-forms.js'
import type { RegisteredTableFormat } from '../catalog/table-format.js'
import type { RegisteredTable } from '../exchange/registry.js'
import type { ListingRequest } from '../formats/listing-table.js'
import { at } from '../logical/bind/context.js'
import type { TableArgument, TableFunctionCall } from '../logical/bind/tables.js'

/** File formats by the functions that read them. */
const READERS: Readonly<Record<string, string>> = {
  parquet_scan: 'parquet',
  read_arrow: 'arrow',
  read_csv: 'csv',
  read_csv_auto: 'csv',
  read_json: 'json',
  read_json_auto: 'json',
  read_ndjson: 'json',
  read_parquet: 'parquet',
}

const SERIES = ['generate_series', 'range']

export const TABLE_FUNCTION_NAMES: readonly string[] = [...Object.keys(READERS), ...SERIES].sort()

export interface TableFunctionContext {
  /** The meaning of a relative path. */
  absolute(path: string): string
  open(request: Omit<ListingRequest, 'host'>): Promise<TableProvider>
  /** Of extensions. */
  readonly tables: readonly RegisteredTable[]
  readonly tableFormats: readonly RegisteredTableFormat[]
  /** By which stores are reached. */
  readonly settings: Settings
}

/** The table that a call means. Throws FUNCTION_NOT_FOUND and coded errors of the files. */
export async function callTableFunction(
  call: TableFunctionCall,
  { absolute, open, settings, tableFormats, tables }: TableFunctionContext,
): Promise<TableProvider> {
  const { name, args, span } = call
  const series = seriesCall(call)
  if (series !== undefined) return series
  const registered = tables.find(({ table }) => table.name.toLowerCase() === name)
  if (registered !== undefined) return rowTable(registered, call)
  const logged = tableFormats.find(format => `${format.name}_scan` === name)
  if (logged === undefined && !Object.hasOwn(READERS, name)) {
    const scans = tableFormats.map(format => `${format.name}_scan`)
    const names = [...TABLE_FUNCTION_NAMES, ...scans, ...tables.map(({ table }) => table.name)]
    throw fail('FUNCTION_NOT_FOUND', [name, didYouMean(name, names)], { span })
  }
  const paths = args.flatMap(arg => listOf(arg)).map(arg => textOf(name, arg))
  if (args.length !== 1 || paths.length === 0) {
    throw fail('INVALID_ARGUMENT', [`${name}() takes one path, or one list of paths in brackets`], { span })
  }
  const [path, ...morePaths] = paths.map(absolute)
  const options = Object.fromEntries([...call.named].map(([key, value]) => [key, optionText(key, value)]))
  if (logged !== undefined && morePaths.length > 0)
    throw fail('INVALID_ARGUMENT', [`${name}() takes one path`], { span })
  if (logged !== undefined) return (await import('./table-formats.js')).openTable(logged, { path, options }, settings)
  return open({ path, morePaths, format: READERS[name], options })
}

async function rowTable({ internalName, table }: RegisteredTable, call: TableFunctionCall): Promise<TableProvider> {
  if (call.named.size > 0)
    throw fail('INVALID_ARGUMENT', [`${call.name}() takes no named argument`], { span: call.span })
  const args = call.args.map(arg => ('kind' in arg ? formValue(arg) : arg.map(formValue)))
  const { openRowTable } = await import('../formats/open-row-table.js')
  return openRowTable(table, internalName, args)
}

const formValue = (arg: LiteralExpr): unknown => (arg.value === null ? null : formOf(arg.type, {})(arg.value))

/** The table of a call that reads no file; undefined for other calls. */
export function seriesCall(call: TableFunctionCall): TableProvider | undefined {
  if (!SERIES.includes(call.name)) return undefined
  return at(call.span, () => seriesTable(call.name, seriesArguments(call)))
}

const listOf = (arg: TableArgument): readonly LiteralExpr[] => ('kind' in arg ? [arg] : arg)

function seriesArguments({ name, args, named, span }: TableFunctionCall): readonly LiteralExpr[] {
  const lists = args.some(arg => !('kind' in arg))
  if (lists || named.size > 0) {
    throw fail('INVALID_ARGUMENT', [`${name}() takes no ${lists ? 'list' : 'named argument'}`], { span })
  }
  return args.flatMap(listOf)
}

function textOf(name: string, { value }: LiteralExpr): string {
  if (typeof value === 'string') return value
  throw fail('INVALID_ARGUMENT', [`${name}() takes paths as strings`])
}

function optionText(key: string, arg: TableArgument): string {
  if (!('kind' in arg)) throw fail('INVALID_OPTION', [key, 'expected one value, got a list'])
  return arg.value === null ? '' : valueText(arg.value, typeOf(arg))
}
