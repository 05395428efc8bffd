/** DuckDB as the other side of a comparison; a development dependency, loaded when asked for. */
import type { DuckDBConnection, DuckDBInstance, DuckDBResultReader, DuckDBValue } from '@duckdb/node-api'
import { fail } from '../src/common/errors.js'
import type { Cell, Rows } from './compare.js'

export interface DuckDb {
  /** As it calls itself, such as `v1.5.5`. */
  readonly version: string
  /** Runs statements in order; the rows of the last one that gives any, and the milliseconds until all were read. */
  run(statements: readonly string[]): Promise<{ rows: Rows; ms: number }>
  /** Runs statements in order and reads all of every result; the last one that gives any row, its values not yet converted. */
  read(statements: readonly string[]): Promise<{ rowCount: number; rows(): Rows }>
  /** Runs statements in order, fetching chunk after chunk and keeping none. The number of rows. */
  drain(statements: readonly string[]): Promise<number>
  close(): void
}

/** It is a development dependency: a production install has nothing to compare with. */
export const hasDuckDb = (): Promise<boolean> =>
  import('@duckdb/node-api').then(
    () => true,
    () => false,
  )

/** An empty in-memory database on `threads` threads; NOT_SUPPORTED if the package is not installed. */
export async function openDuckDb(threads: number): Promise<DuckDb> {
  const duckdb = await import('@duckdb/node-api').catch((cause: unknown) => {
    throw fail('NOT_SUPPORTED', ['comparing with DuckDB without the package @duckdb/node-api'], { cause })
  })
  const instance: DuckDBInstance = await duckdb.DuckDBInstance.create(':memory:', { threads: String(threads) })
  const connection: DuckDBConnection = await instance.connect()
  // Footers stay cached between runs, as they do in our catalog.
  await connection
    .run('SET parquet_metadata_cache = true')
    .catch(() => connection.run('SET enable_object_cache = true'))
  const cellOf = (value: DuckDBValue): Cell => {
    if (value === null) return null
    if (typeof value === 'number')
      return Number.isInteger(value) ? approximateOrExact(value) : { kind: 'approximate', number: value }
    if (typeof value === 'bigint') return { kind: 'exact', text: String(value) }
    if (value instanceof duckdb.DuckDBDecimalValue) return { kind: 'exact', text: value.toString() }
    return { kind: 'text', text: String(value) }
  }
  const read: DuckDb['read'] = async statements => {
    let result: DuckDBResultReader | undefined
    for (const statement of statements) {
      const reader = await connection.runAndReadAll(statement)
      if (reader.currentRowCount > 0) result = reader
    }
    const rows = (): Rows => result?.getRows().map(row => row.map(cellOf)) ?? []
    return { rowCount: result?.currentRowCount ?? 0, rows }
  }
  return {
    version: duckdb.version(),
    read,
    async run(statements) {
      const started = performance.now()
      const { rows } = await read(statements)
      const ms = performance.now() - started
      return { rows: rows(), ms }
    },
    async drain(statements) {
      let rowCount = 0
      for (const statement of statements) {
        const result = await connection.stream(statement)
        for (;;) {
          const chunk = await result.fetchChunk()
          if (chunk === null || chunk.rowCount === 0) break
          rowCount += chunk.rowCount
        }
      }
      return rowCount
    },
    close() {
      connection.closeSync()
      instance.closeSync()
    },
  }
}

/** A whole number may be an INTEGER or a DOUBLE: as a double it compares with either. */
const approximateOrExact = (value: number): Cell =>
  Number.isSafeInteger(value) ? { kind: 'exact', text: String(value) } : { kind: 'approximate', number: value }
