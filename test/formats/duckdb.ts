/** DuckDB as the oracle of the format tests: it writes files that we read, and reads files that we write. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBInstance,
  DuckDBIntervalValue,
  DuckDBTimestampMillisecondsValue,
  DuckDBTimestampNanosecondsValue,
  DuckDBTimestampSecondsValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTimeValue,
  DuckDBUUIDValue,
  type DuckDBConnection,
} from '@duckdb/node-api'
import type { Batch } from '../../src/arrow/batch.js'
import { columnValues, releaseBatch } from '../../src/arrow/column.js'
import type { Schema } from '../../src/arrow/schema.js'
import type { Value } from '../../src/arrow/types.js'
import type { Expr } from '../../src/expr/expr.js'
import { openListingTable, type ListingRequest } from '../../src/formats/listing-table.js'
import { openScan } from '../../src/formats/open-scan.js'
import { configOf } from '../../src/common/option.js'
import { localTaskContext } from '../../src/runtime/local-task-context.js'
import type { FileHost } from '../../src/storage/store.js'

/** Rows as plain values: bigint for 64 bits, decimals (unscaled) and timestamps (in their unit), text for times, hex for bytes. */
export type Rows = readonly (readonly unknown[])[]

export interface Duck {
  /** A directory of its own. */
  readonly directory: string
  run(sql: string): Promise<void>
  rows(sql: string): Promise<Rows>
  close(): void
}

export async function openDuck(): Promise<Duck> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  const connection: DuckDBConnection = await instance.connect()
  await connection.run("set timezone = 'UTC'")
  const directory = mkdtempSync(join(tmpdir(), 'ballista-formats-'))
  return {
    directory,
    run: async sql => void (await connection.run(sql)),
    rows: async sql => (await connection.runAndReadAll(sql)).getRows().map(row => row.map(plainOfDuck)),
    close() {
      connection.closeSync()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

function plainOfDuck(value: unknown): unknown {
  if (value instanceof DuckDBDecimalValue) return value.value
  if (value instanceof DuckDBDateValue) return value.days
  if (value instanceof DuckDBTimestampSecondsValue) return value.seconds
  if (value instanceof DuckDBTimestampMillisecondsValue) return value.millis
  if (value instanceof DuckDBTimestampValue || value instanceof DuckDBTimestampTZValue) return value.micros
  if (value instanceof DuckDBTimestampNanosecondsValue) return value.nanos
  if (value instanceof DuckDBBlobValue) return Buffer.from(value.bytes).toString('hex')
  if (value instanceof DuckDBIntervalValue) return `${value.months} ${value.days} ${value.micros * 1000n}`
  if (value instanceof DuckDBTimeValue || value instanceof DuckDBUUIDValue) return value.toString()
  return value
}

export function plainOfValue(value: Value): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (value !== null && typeof value === 'object' && 'months' in value)
    return `${value.months} ${value.days} ${value.nanos}`
  return value
}

export interface ScanOptions extends Partial<Omit<ListingRequest, 'path' | 'host'>> {
  readonly projection?: readonly string[]
  readonly filters?: readonly Expr[]
  readonly fetch?: number
  readonly targetPartitions?: number
  /** Default 1 MiB. */
  readonly minPartitionBytes?: number
  readonly batchRows?: number
  readonly signal?: AbortSignal
}

export interface Scanned {
  readonly schema: Schema
  readonly rows: Rows
  readonly batchCount: number
  readonly partitionCount: number
}

export const HOST: FileHost = { name: 'test-host', config: configOf({}) }

/** Reads a table through the whole path: listing, splits, partitions, batches. */
export async function scanFile(path: string, options: ScanOptions = {}): Promise<Scanned> {
  const {
    projection,
    filters = [],
    fetch,
    targetPartitions = 1,
    minPartitionBytes = 1024 * 1024,
    batchRows,
    signal,
    ...rest
  } = options
  const table = await openListingTable({ path, host: HOST, ...rest })
  const columns = projection?.map(name => table.schema.fields.findIndex(field => field.name === name)) ?? [
    ...table.schema.fields.keys(),
  ]
  const schema = { fields: columns.map(column => table.schema.fields[column]) }
  const limited = fetch === undefined ? {} : { fetch }
  const { source } = await table.scan({ projection: columns, filters, targetPartitions, minPartitionBytes, ...limited })
  const partitions = 'partitions' in source ? source.partitions : []
  const config = configOf(batchRows === undefined ? {} : { 'ballista.execution.batch_size': String(batchRows) })
  const rows: unknown[][] = []
  let batchCount = 0
  for (const partition of partitions.keys()) {
    for await (const batch of openScan(
      source,
      partition,
      { projection: columns, schema, ...limited },
      localTaskContext({ config, ...(signal === undefined ? {} : { signal }) }),
    )) {
      rows.push(...rowsOf(batch))
      batchCount++
    }
  }
  return { schema, rows, batchCount, partitionCount: partitions.length }
}

/** The batch's rows; releases it. */
export function rowsOf(batch: Batch): unknown[][] {
  const values = batch.columns.map(column => columnValues(column))
  releaseBatch(batch)
  return Array.from({ length: batch.rowCount }, (_, row) => values.map(column => plainOfValue(column[row])))
}

/** The first cell in which two results differ, as text; undefined if they are equal. (A diff of large results takes minutes.) */
export function firstDifference(actual: Rows, expected: Rows): string | undefined {
  const count = Math.max(actual.length, expected.length)
  for (let row = 0; row < count; row++) {
    const [left, right] = [actual[row], expected[row]]
    if (left === undefined || right === undefined) return `${actual.length} rows, expected ${expected.length}`
    for (let column = 0; column < Math.max(left.length, right.length); column++) {
      if (Object.is(left[column], right[column])) continue
      return `row ${row}, column ${column}: ${show(left[column])}, expected ${show(right[column])}`
    }
  }
  return undefined
}

const show = (value: unknown): string => `${typeof value} ${Object.is(value, -0) ? '-0' : String(value)}`
