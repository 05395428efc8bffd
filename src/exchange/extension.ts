/** Loads modules that extend the engine. */
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { DataType } from '../arrow/types.js'
import type { RegisteredTableFormat, TableFormat } from '../catalog/table-format.js'
import { fail } from '../common/errors.js'
import { moduleDigest } from '../common/module-digest.js'
import { bring } from '../expr/functions/brought.js'
import { isBuiltIn } from '../expr/functions/index.js'
import { qualifiedName } from '../expr/functions/internal-name.js'
import type { FunctionCode, UserFunction } from '../expr/functions/user-function.js'
import { typeFrom } from '../expr/type-text.js'
import { FORMATS } from '../formats/index.js'
import { loadedFormats } from '../formats/loaded-formats.js'
import { fileFormatOf } from '../formats/row-format.js'
import { rowTables } from '../formats/row-table.js'
import { loadedStores } from '../storage/extension-store.js'
import { OWN_SCHEMES } from '../storage/stores.js'
import type { Extension, ExtensionAggregate, ExtensionFunction } from './define-extension.js'
import type { Registry } from './registry.js'

/**
 * What the module at a path or file URL adds to the engine. EXTENSION_INVALID when it cannot be loaded or is no extension. Names in plans
 * carry a digest of its text, so that nodes with different versions of it do not mix.
 */
export async function loadExtension(path: string): Promise<Registry> {
  const url = path.startsWith('file:') ? path : pathToFileURL(resolve(path)).href
  try {
    const id = await moduleDigest(url)
    const { default: extension } = (await import(url)) as { readonly default?: unknown }
    checkExtension(extension)
    return additions(extension, { url, id })
  } catch (error) {
    throw fail('EXTENSION_INVALID', [path, (error as Error).message], { cause: error })
  }
}

const LISTS = [
  'functions',
  'aggregates',
  'tables',
  'formats',
  'stores',
  'tableFormats',
  'operators',
  'logicalRules',
  'physicalRules',
] as const

function checkExtension(value: unknown): asserts value is Extension {
  if (typeof value !== 'object' || value === null) throw new Error('its default export is no object')
  const parts = value as Readonly<Record<string, unknown>>
  if (typeof parts['name'] !== 'string' || parts['name'] === '') throw new Error('it has no name')
  const unknown = Object.keys(parts).find(key => !['name', 'placement', ...LISTS].includes(key))
  if (unknown !== undefined) throw new Error(`an extension has no '${unknown}', only ${LISTS.join(', ')} and placement`)
  const wrong = LISTS.find(key => parts[key] !== undefined && !Array.isArray(parts[key]))
  if (wrong !== undefined) throw new Error(`its ${wrong} are no list`)
}

interface Module {
  readonly url: string
  readonly id: string
}

function additions(extension: Extension, { id, url }: Module): Registry {
  const code = { kind: 'extension', name: extension.name, id } as const
  const scalars = (extension.functions ?? []).map(each => ({ declared: scalar(each, code), code: each.code }))
  const aggregates = (extension.aggregates ?? []).map(each => ({ declared: aggregate(each, code), code: each.code }))
  const coded = [...scalars, ...aggregates]
  const functions = coded.map(({ declared }) => declared)
  checkNames(extension, functions)
  const tables = (extension.tables ?? []).map(table => ({ internalName: qualifiedName(table.name, id), table }))
  const { stores = [] } = extension
  const formats = (extension.formats ?? []).map(format => fileFormatOf(format, qualifiedName(format.name, id)))
  return {
    functions,
    tables,
    formats,
    stores,
    tableFormats: (extension.tableFormats ?? []).map(registeredTableFormat),
    operators: extension.operators ?? [],
    logicalRules: extension.logicalRules ?? [],
    physicalRules: extension.physicalRules ?? [],
    ...(extension.placement === undefined ? {} : { placement: extension.placement }),
    extensions: [url],
    holds: [
      ...coded.map(each => () => bring(each.declared, () => each.code)),
      ...tables.map(
        ({ internalName, table }) =>
          () =>
            rowTables.hold(internalName, () => table),
      ),
      ...formats.map(format => () => loadedFormats.hold(format.name, () => format)),
      ...stores.map(store => () => loadedStores.hold(store.scheme, () => store)),
    ],
  }
}

const registeredTableFormat = (format: TableFormat): RegisteredTableFormat => ({
  name: format.name.toLowerCase(),
  ...(format.marker === undefined ? {} : { marker: format.marker }),
  load: async () => format,
})

/** The engine's own stay. */
function checkNames({ formats = [], stores = [] }: Extension, functions: readonly UserFunction[]): void {
  const taken = functions.find(({ name }) => isBuiltIn(name))
  if (taken !== undefined) throw new Error(`SQL has a function '${taken.name}' already`)
  const wrong = stores.find(({ scheme }) => !/^[a-z][a-z0-9+.-]+$/.test(scheme) || OWN_SCHEMES.includes(scheme))
  if (wrong !== undefined) throw new Error(`no store can have the scheme '${wrong.scheme}'`)
  const endings = formats.flatMap(({ name, extensions = [] }) => [name.toLowerCase(), ...extensions])
  const known = endings.find(ending => FORMATS.some(({ extensions, name }) => [name, ...extensions].includes(ending)))
  if (known !== undefined) throw new Error(`the engine reads '${known}' files already`)
}

const scalar = (each: ExtensionFunction, code: FunctionCode): UserFunction => ({
  kind: 'scalar',
  name: each.name.toLowerCase(),
  args: each.args.map(typeFrom),
  returns: typeFrom(each.returns),
  nulls: each.nulls ?? 'propagate',
  isVolatile: each.volatile === true,
  state: [],
  code,
})

const aggregate = (each: ExtensionAggregate, code: FunctionCode): UserFunction => ({
  kind: 'aggregate',
  name: each.name.toLowerCase(),
  args: each.args.map(typeFrom),
  returns: typeFrom(each.returns),
  nulls: each.nulls === 'own' ? 'own' : 'propagate',
  isVolatile: false,
  state: Object.entries(each.state).map(([name, type]): [string, DataType] => [name, typeFrom(type)]),
  code,
})
