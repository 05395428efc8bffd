/** Tables that code of an extension computes: `FROM primes(100)`. */
import type { Batch } from '../arrow/batch.js'
import type { Schema } from '../arrow/schema.js'
import type { ScanSource } from '../catalog/table-provider.js'
import { UseTable } from '../common/use-table.js'
import { BallistaError, fail } from '../common/errors.js'
import type { SchemaInput } from '../expr/type-text.js'
import { rowBatches, type SourceRows } from './row-source.js'

/** An argument in the form of `rows()`. */
export type TableArguments = readonly unknown[]

export interface RowTable {
  /** As FROM calls it. */
  readonly name: string
  /** What the call means; runs where queries are planned. Partitions are plain data (JSON), each read by one task. */
  open(args: TableArguments): OpenRowTable | Promise<OpenRowTable>
  /** The rows of a partition; runs in tasks. */
  rows(partition: unknown, signal: AbortSignal): SourceRows
}

export interface OpenRowTable {
  readonly schema: SchemaInput
  /** Default: one, `null`. */
  readonly partitions?: readonly unknown[]
  /** An estimate. */
  readonly rowCount?: number
}

type RowSource = Extract<ScanSource, { kind: 'rows' }>

/** Those of loaded extensions, by internal name. */
export const rowTables = new UseTable<RowTable>()

/** The wanted columns of one partition. FUNCTION_NOT_FOUND where the extension is not loaded. */
export function readRowTable(
  source: RowSource,
  partition: number,
  output: { readonly projection: readonly number[]; readonly schema: Schema },
  run: { readonly batchRows: number; readonly signal: AbortSignal },
): AsyncIterable<Batch> {
  const table = rowTables.get(source.table)
  if (table === undefined)
    throw fail('FUNCTION_NOT_FOUND', [
      source.table.split('@')[0],
      ': load its extension on every executor (--extension)',
    ])
  const fields = output.projection.map(column => source.schema.fields[column])
  const rows = table.rows(JSON.parse(source.partitions[partition]), run.signal)
  return projected(table, rowBatches(rows, { schema: { fields }, ...run }), output.schema)
}

async function* projected(
  table: RowTable,
  batches: AsyncGenerator<Batch, void>,
  schema: Schema,
): AsyncGenerator<Batch, void> {
  try {
    for (;;) {
      const step = await insideTable(table, () => batches.next())
      if (step.done === true) return
      yield { ...step.value, schema }
    }
  } finally {
    await batches.return()
  }
}

/** What its code throws is FUNCTION_FAILED. */
export async function insideTable<T>({ name }: RowTable, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    if (error instanceof BallistaError && error.code !== 'INTERNAL') throw error
    throw fail('FUNCTION_FAILED', [name, (error as Error).message], { cause: error })
  }
}
