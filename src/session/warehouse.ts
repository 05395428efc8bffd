/**
 * Tables whose files are the catalog's own: directories of Parquet files, or tables with a log, below a data directory, which come before their entry in the
 * catalog and go after it, so that a crash leaves files without an entry and never the other way round.
 */
import { randomUUID } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Place } from '../catalog/shared-catalog.js'
import type { SessionCatalog } from './request-names.js'
import type { StoredObject } from './registration.js'

export class Warehouse {
  readonly #directory: string

  constructor(dataDir: string) {
    this.#directory = resolve(dataDir, 'warehouse')
  }

  /** Of a new table, unlike that of any other: a table is replaced by another directory. */
  pathOf({ name, schema }: Place): string {
    return `${join(this.#directory, fileName(schema), `${fileName(name)}-${randomUUID().slice(0, 8)}`)}/`
  }

  /** Removes the files of tables that are no longer in the catalog; what cannot be removed now is when the catalog is opened again. */
  async remove(gone: readonly StoredObject[]): Promise<void> {
    const paths = gone.flatMap(entry => (entry.kind === 'listing' && entry.managed === true ? [entry.path] : []))
    await Promise.allSettled(paths.map(path => this.removePath(path)))
  }

  removePath(path: string): Promise<void> {
    return rm(path, { recursive: true, force: true })
  }

  /** Removes what a process that was killed has left: directories that no table has. To be called before anything is written. */
  async sweep(catalog: SessionCatalog): Promise<void> {
    const known = new Set(catalog.list().flatMap(({ entry }) => (entry.kind === 'listing' ? [entry.path] : [])))
    for (const schema of await namesIn(this.#directory))
      for (const table of await namesIn(join(this.#directory, schema))) {
        const path = `${join(this.#directory, schema, table)}/`
        // What is hidden is staged, and its coordinator's.
        if (!table.startsWith('.') && !known.has(path)) await this.removePath(path)
      }
  }
}

const namesIn = (directory: string): Promise<string[]> => readdir(directory).catch(() => [])

/** Any name as one of a file; the rest of the path makes it unique. */
const fileName = (name: string): string => name.replace(/[^A-Za-z0-9_]/g, '_').slice(0, 64)
