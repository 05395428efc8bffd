/**
 * What names of tables mean in a request: first what its session brought, then what all sessions share. A name with a schema means what is
 * shared before what the session has, so that nothing is out of reach; with `temp`, only the session's.
 */
import { Catalog, DEFAULT_CATALOG, DEFAULT_SCHEMA, TEMP_SCHEMA } from '../catalog/catalog.js'
import { placeOf, type SharedCatalog } from '../catalog/shared-catalog.js'
import { didYouMean, fail, type Span } from '../common/errors.js'
import { isAnonymous, type Registration, type StoredObject } from './registration.js'

export type SessionCatalog = SharedCatalog<StoredObject>

/** A table or view in its schema. */
export interface NamedTable {
  readonly schema: string
  readonly entry: Registration
  readonly isShared: boolean
}

export class RequestNames {
  readonly #own = new Catalog<Registration>()
  readonly #shared: SessionCatalog

  constructor(own: readonly Registration[], shared: SessionCatalog) {
    this.#shared = shared
    for (const entry of own) this.#own.register([entry.name], entry)
  }

  /** Throws TABLE_NOT_FOUND with the nearest name. */
  find(path: readonly string[], span?: Span): NamedTable {
    const { schema, name } = placeOf(path, span)
    const own = (): NamedTable | undefined => {
      const entry = this.#own.get(path)
      return entry === undefined ? undefined : { schema: this.#schemaOf(entry), entry, isShared: false }
    }
    const shared = (): NamedTable | undefined => {
      const entry = this.#shared.get({ schema, name })
      return entry === undefined ? undefined : { schema, entry, isShared: true }
    }
    const found = path.length === 1 ? (own() ?? shared()) : (shared() ?? own())
    if (found !== undefined) return found
    const written = schema === DEFAULT_SCHEMA ? name : path.join('.')
    throw fail('TABLE_NOT_FOUND', [written, this.#hint(schema, name)], { span })
  }

  /** All that have a name of their own, by schema and name. */
  list(): readonly NamedTable[] {
    const own = this.#own
      .list()
      .filter(({ name }) => !isAnonymous(name))
      .map(({ entry }) => ({ schema: this.#schemaOf(entry), entry, isShared: false }))
    const shared = this.#shared.list().map(placed => ({ ...placed, isShared: true }))
    const key = ({ entry, schema }: NamedTable): string => `${schema}\0${entry.name}`
    return [...own, ...shared].sort((one, other) => (key(one) < key(other) ? -1 : 1))
  }

  schemas(): readonly string[] {
    return this.#shared.schemas()
  }

  /** What hides a shared table is shown apart from it. */
  #schemaOf(entry: Registration): string {
    const hides = this.#shared.get({ schema: DEFAULT_SCHEMA, name: entry.name }) !== undefined
    return hides || isTemporary(entry) ? TEMP_SCHEMA : DEFAULT_SCHEMA
  }

  #hint(schema: string, name: string): string {
    if (schema !== DEFAULT_SCHEMA && schema !== TEMP_SCHEMA) return this.#shared.hint(schema, name)
    const known = this.list().map(({ entry }) => entry.name)
    return didYouMean(name, known)
  }
}

/** Made by CREATE TEMPORARY. */
export const isTemporary = (entry: Registration): boolean => 'temporary' in entry && entry.temporary === true

export const qualified = ({ entry, schema }: NamedTable): readonly [string, string, string] => [
  DEFAULT_CATALOG,
  schema,
  entry.name,
]
