/** A directory of generated tables, and how both engines register them. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { typeName } from '../src/arrow/types.js'
import { fail } from '../src/common/errors.js'
import type { SessionContext } from '../src/session/context.js'
import { SCHEMAS, TABLES, type TableName } from './schema.js'

export interface DataFile {
  readonly table: TableName
  /** Absolute. */
  readonly path: string
  readonly format: 'parquet' | 'csv'
}

/** The tables of a directory, `<table>.parquet` before `<table>.csv`. INVALID_ARGUMENT if there is none. */
export function findDataFiles(directory: string): DataFile[] {
  const files = TABLES.flatMap((table): DataFile[] => {
    const candidates = (['parquet', 'csv'] as const).map(format => ({
      table,
      path: resolve(join(directory, `${table}.${format}`)),
      format,
    }))
    return candidates.filter(({ path }) => existsSync(path)).slice(0, 1)
  })
  if (files.length > 0) return files
  throw fail('INVALID_ARGUMENT', [`'${directory}' holds no TPC-H table; make them with: ballista tpch generate`])
}

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`
const columnTypes = (table: TableName): (readonly [string, string])[] =>
  SCHEMAS[table].fields.map(field => [field.name, typeName(field.type)])

/** Registers the tables under their names, with the types of the benchmark whatever the format. */
export async function registerDataFiles(ctx: SessionContext, files: readonly DataFile[]): Promise<void> {
  for (const { table, path, format } of files) {
    if (format === 'parquet') {
      await ctx.registerParquet(table, path)
    } else {
      const columns = columnTypes(table).map(([name, type]) => `${name} ${type}`)
      await ctx.sql(
        `CREATE EXTERNAL TABLE ${table} (${columns.join(', ')}) STORED AS CSV LOCATION ${quoted(path)} OPTIONS ('has_header' 'true')`,
      )
    }
  }
}

/** Statements that give DuckDB the same tables as views over the same files. */
export const duckDbViews = (files: readonly DataFile[]): string[] =>
  files.map(({ table, path, format }) => {
    if (format === 'parquet') return `CREATE VIEW ${table} AS SELECT * FROM read_parquet(${quoted(path)})`
    const columns = columnTypes(table).map(([name, type]) => `${quoted(name)}: ${quoted(type)}`)
    return `CREATE VIEW ${table} AS SELECT * FROM read_csv(${quoted(path)}, header = true, columns = {${columns.join(', ')}})`
  })
