/** The catalog that sessions share: schemas, and in them tables and views as plain data, in a store that may outlive its process. */
import { didYouMean, fail, type Span } from '../common/errors.js'
import { decodeWire, encodeWire } from '../common/wire.js'
import type { KeyValueStore, StoreTransaction } from '../kv/kv-store.js'
import { DEFAULT_CATALOG, DEFAULT_SCHEMA, INFORMATION_SCHEMA, TEMP_SCHEMA, type TableName } from './catalog.js'

/** A view, or a table of any other kind. */
export interface CatalogObject {
  readonly kind: string
  readonly name: string
}

export interface PlacedObject<Entry> {
  readonly schema: string
  readonly entry: Entry
}

export interface Place {
  readonly schema: string
  readonly name: string
}

export interface CreateOptions {
  readonly orReplace?: boolean
  readonly ifNotExists?: boolean
  readonly span?: Span
}

export interface DropOptions {
  readonly ifExists?: boolean
  readonly span?: Span
}

/** Every change is one transaction: of sessions that create one name at the same time, one does. Changes are on disk when they resolve. */
export class SharedCatalog<Entry extends CatalogObject> {
  readonly #store: KeyValueStore
  /** Entries as they were decoded, so that what is unchanged is the same object. */
  readonly #decoded = new Map<string, { readonly bytes: Uint8Array; readonly entry: Entry }>()

  constructor(store: KeyValueStore) {
    this.#store = store
  }

  /** Those that hold tables, in alphabetical order. */
  schemas(): readonly string[] {
    const made = Array.from(this.#store.scan(SCHEMAS), ({ key }) => JSON.parse(key.slice(SCHEMAS.length)) as string)
    return [DEFAULT_SCHEMA, ...made].sort()
  }

  hasSchema(schema: string): boolean {
    return schema === DEFAULT_SCHEMA || this.#store.get(schemaKey(schema)) !== undefined
  }

  get({ schema, name }: Place): Entry | undefined {
    const key = objectKey(schema, name)
    const bytes = this.#store.get(key)
    return bytes === undefined ? undefined : this.#entry(key, bytes)
  }

  /** By schema and name. */
  list(): readonly PlacedObject<Entry>[] {
    const all = Array.from(this.#store.scan(OBJECTS), ({ key, value }) => {
      const [schema] = JSON.parse(key.slice(OBJECTS.length)) as [string, string]
      return { schema, entry: this.#entry(key, value) }
    })
    const order = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)
    return all.sort((one, other) => order(one.schema, other.schema) || order(one.entry.name, other.entry.name))
  }

  /** False if there is one already and `ifNotExists` is set. Throws SCHEMA_NOT_FOUND, DUPLICATE_NAME. */
  create(schema: string, entry: Entry, { ifNotExists, orReplace, span }: CreateOptions = {}): Promise<boolean> {
    const key = objectKey(schema, entry.name)
    return this.#store.transact(transaction => {
      this.#checkSchema(transaction, schema, span)
      const bytes = transaction.get(key)
      if (bytes !== undefined && ifNotExists === true) return false
      if (bytes !== undefined && orReplace !== true) {
        const written = schema === DEFAULT_SCHEMA ? entry.name : `${schema}.${entry.name}`
        throw fail('DUPLICATE_NAME', [`table or view '${written}'`], { span })
      }
      transaction.put(key, encodeWire(entry))
      return true
    })
  }

  /** Puts `entry` in the place of `before`, unless that has changed meanwhile: then false. */
  replace(schema: string, before: Entry, entry: Entry): Promise<boolean> {
    const key = objectKey(schema, before.name)
    return this.#store.transact(transaction => {
      const bytes = transaction.get(key)
      if (bytes === undefined || this.#entry(key, bytes) !== before) return false
      transaction.put(key, encodeWire(entry))
      return true
    })
  }

  /** What is gone; undefined if there was nothing and `ifExists` is set. Throws TABLE_NOT_FOUND, INVALID_ARGUMENT for the other kind. */
  drop(
    { schema, name }: Place,
    what: 'table' | 'view',
    { ifExists, span }: DropOptions = {},
  ): Promise<Entry | undefined> {
    const key = objectKey(schema, name)
    return this.#store.transact(transaction => {
      const bytes = transaction.get(key)
      if (bytes === undefined && ifExists === true) return undefined
      if (bytes === undefined) throw fail('TABLE_NOT_FOUND', [`${schema}.${name}`, this.hint(schema, name)], { span })
      const entry = this.#entry(key, bytes)
      const kind = entry.kind === 'view' ? 'view' : 'table'
      if (kind !== what)
        throw fail('INVALID_ARGUMENT', [`'${name}' is a ${kind}; use DROP ${kind.toUpperCase()}`], { span })
      transaction.delete(key)
      this.#decoded.delete(key)
      return entry
    })
  }

  /** Throws DUPLICATE_NAME. */
  createSchema(schema: string, { ifNotExists, span }: Omit<CreateOptions, 'orReplace'> = {}): Promise<void> {
    return this.#store.transact(transaction => {
      const exists = BUILT_IN.includes(schema) || transaction.get(schemaKey(schema)) !== undefined
      if (exists && ifNotExists === true) return
      if (exists) throw fail('DUPLICATE_NAME', [`schema '${schema}'`], { span })
      transaction.put(schemaKey(schema), encodeWire({}))
    })
  }

  /** What was in it. Throws SCHEMA_NOT_FOUND, and INVALID_ARGUMENT for one that is not empty without `cascade`. */
  dropSchema(schema: string, options: DropOptions & { readonly cascade?: boolean } = {}): Promise<readonly Entry[]> {
    const { cascade, ifExists, span } = options
    return this.#store.transact(transaction => {
      if (BUILT_IN.includes(schema)) throw fail('INVALID_ARGUMENT', [`schema '${schema}' cannot be dropped`], { span })
      if (transaction.get(schemaKey(schema)) === undefined && ifExists === true) return []
      this.#checkSchema(transaction, schema, span)
      const inside = [...transaction.scan(objectKey(schema))]
      if (inside.length > 0 && cascade !== true) {
        const found = `schema '${schema}' is not empty: it has ${inside.length} ${inside.length === 1 ? 'entry' : 'entries'}`
        throw fail('INVALID_ARGUMENT', [`${found}; DROP SCHEMA … CASCADE drops them too`], { span })
      }
      transaction.delete(schemaKey(schema))
      return inside.map(({ key, value }) => {
        transaction.delete(key)
        return this.#entry(key, value)
      })
    })
  }

  /** The end of an error message about a name that is not there. */
  hint(schema: string, name: string): string {
    if (!this.hasSchema(schema))
      return `; there is no schema '${schema}'${didYouMean(schema, [...this.schemas(), INFORMATION_SCHEMA])}`
    const names = this.list().filter(placed => placed.schema === schema)
    return didYouMean(
      name,
      names.map(({ entry }) => entry.name),
    )
  }

  close(): Promise<void> {
    return this.#store.close()
  }

  #checkSchema(transaction: StoreTransaction, schema: string, span: Span | undefined): void {
    if (schema === DEFAULT_SCHEMA || transaction.get(schemaKey(schema)) !== undefined) return
    if (BUILT_IN.includes(schema)) throw fail('INVALID_ARGUMENT', [`nothing can be created in '${schema}'`], { span })
    throw fail('SCHEMA_NOT_FOUND', [schema, didYouMean(schema, this.schemas())], { span })
  }

  #entry(key: string, bytes: Uint8Array): Entry {
    const known = this.#decoded.get(key)
    if (known !== undefined && Buffer.compare(known.bytes, bytes) === 0) return known.entry
    const entry = decodeWire(bytes, 'the catalog') as Entry
    this.#decoded.set(key, { bytes, entry })
    return entry
  }
}

/** Schema and bare name of an object. TABLE_NOT_FOUND for another catalog or a name of more parts. */
export function placeOf(path: TableName, span?: Span): Place {
  const [name, schema = DEFAULT_SCHEMA, catalog = DEFAULT_CATALOG, ...rest] = path.toReversed()
  if (rest.length === 0 && catalog === DEFAULT_CATALOG) return { schema, name }
  throw fail('TABLE_NOT_FOUND', [path.join('.'), `; the only catalog is ${DEFAULT_CATALOG}`], { span })
}

const BUILT_IN: readonly string[] = [DEFAULT_SCHEMA, INFORMATION_SCHEMA, TEMP_SCHEMA]

/** Names are JSON in keys, so that none ends where another one goes on. */
const SCHEMAS = 'catalog/schema/'
const OBJECTS = 'catalog/object/'
const schemaKey = (schema: string): string => `${SCHEMAS}${JSON.stringify(schema)}`
/** Without a name: what the keys of all objects of the schema begin with. */
const objectKey = (schema: string, name?: string): string => {
  const list = JSON.stringify(name === undefined ? [schema] : [schema, name])
  return `${OBJECTS}${name === undefined ? `${list.slice(0, -1)},` : list}`
}
