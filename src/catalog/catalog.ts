/** Which names a session knows of itself: tables and views of the schema `datafusion.public`. */
import { didYouMean, fail, type Span } from '../common/errors.js'
import type { TableProvider } from './table-provider.js'

export const DEFAULT_CATALOG = 'datafusion'
export const DEFAULT_SCHEMA = 'public'
/** What the session alone knows, where a name is to mean that and nothing else. */
export const TEMP_SCHEMA = 'temp'
export const INFORMATION_SCHEMA = 'information_schema'

/** A stored query: it is bound anew, from its text, wherever it is used. */
export interface ViewDefinition {
  readonly kind: 'view'
  /** The SQL of the query. */
  readonly sql: string
  /** New names of its columns; empty: as the query names them. */
  readonly columns: readonly string[]
  /** All sessions share it: names in its query mean what they share too, whatever a session has under them. */
  readonly isShared?: boolean
}

export type CatalogEntry = TableProvider | ViewDefinition

export const isView = (entry: object): entry is ViewDefinition => 'kind' in entry && entry.kind === 'view'

/** A name as parts: `[table]`, `[schema, table]` or `[catalog, schema, table]`. */
export type TableName = readonly string[]

/** The tables and views of one session (or what stands for them), by bare name. Not shared between sessions. */
export class Catalog<Entry extends object = CatalogEntry> {
  readonly #entries = new Map<string, Entry>()

  /**
   * Adds or, with `orReplace`, replaces an entry. Throws DUPLICATE_NAME if the name is taken and TABLE_NOT_FOUND if
   * its catalog or schema does not exist.
   */
  register(name: TableName, entry: Entry, options: { orReplace?: boolean; span?: Span | undefined } = {}): void {
    const key = bareName(name, options.span)
    if (this.#entries.has(key) && options.orReplace !== true) {
      const what = isView(this.get([key]) ?? entry) ? 'view' : 'table'
      throw fail('DUPLICATE_NAME', [`${what} '${key}'`], { span: options.span })
    }
    this.#entries.set(key, entry)
  }

  /** Removes an entry; false if there was none. */
  deregister(name: TableName): boolean {
    const key = keyOf(name)
    return key !== undefined && this.#entries.delete(key)
  }

  /** The entry, or undefined. */
  get(name: TableName): Entry | undefined {
    const key = keyOf(name)
    return key === undefined ? undefined : this.#entries.get(key)
  }

  /** The entry; throws TABLE_NOT_FOUND with the nearest known name. */
  lookup(name: TableName, span?: Span): Entry {
    const entry = this.#entries.get(bareName(name, span))
    if (entry !== undefined) return entry
    const hint = didYouMean(name[name.length - 1], this.#entries.keys())
    throw fail('TABLE_NOT_FOUND', [name.join('.'), hint], { span })
  }

  /** All entries, by name in alphabetical order. */
  list(): readonly { readonly name: string; readonly entry: Entry }[] {
    return [...this.#entries].map(([name, entry]) => ({ name, entry })).sort((a, b) => (a.name < b.name ? -1 : 1))
  }
}

/** The bare table name if the qualifiers mean the default catalog and its schema, or `temp`, else undefined. */
function keyOf(name: TableName): string | undefined {
  const [table, schema = DEFAULT_SCHEMA, catalog = DEFAULT_CATALOG, ...rest] = name.toReversed()
  const isOwn = schema === DEFAULT_SCHEMA || schema === TEMP_SCHEMA
  return rest.length === 0 && isOwn && catalog === DEFAULT_CATALOG ? table : undefined
}

export const isInDefaultSchema = (name: TableName): boolean => keyOf(name) !== undefined

function bareName(name: TableName, span: Span | undefined): string {
  const key = keyOf(name)
  if (key !== undefined) return key
  const where = `; what a session holds is in the schema ${DEFAULT_CATALOG}.${DEFAULT_SCHEMA}`
  throw fail('TABLE_NOT_FOUND', [name.join('.'), where], { span })
}
