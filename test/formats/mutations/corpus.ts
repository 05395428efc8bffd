/** The good files that mutations start from: every format, several writers and codecs. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { SessionContext } from '../../../src/index.js'
import type { Duck } from '../duckdb.js'

/** 400 rows of every flat type, some NULL, few and many distinct values. */
const ROWS = `
  SELECT i::BIGINT AS id, (i % 7)::INTEGER AS small, CASE WHEN i % 5 <> 0 THEN i / 8.0::DOUBLE END AS d,
    (i * 1.25)::DECIMAL(12, 2) AS money, DATE '2020-01-01' + (i % 900)::INTEGER AS day,
    CASE WHEN i % 3 <> 0 THEN TIMESTAMP '2020-01-01 00:00:00' + INTERVAL (i) MINUTE END AS at,
    'name of ' || i AS name, CASE WHEN i % 11 <> 0 THEN 'kind ' || (i % 4) END AS kind, i % 2 = 0 AS even
  FROM range(400) AS t(i)`

const DUCKDB_PARQUET: Readonly<Record<string, string>> = {
  'duckdb-snappy': 'COMPRESSION snappy, ROW_GROUP_SIZE 2048',
  'duckdb-zstd': 'COMPRESSION zstd',
  'duckdb-gzip': 'COMPRESSION gzip',
  'duckdb-plain': 'COMPRESSION uncompressed',
  'duckdb-lz4': 'COMPRESSION lz4_raw',
  'duckdb-brotli': 'COMPRESSION brotli',
  'duckdb-v2': "COMPRESSION snappy, PARQUET_VERSION 'v2'",
}

const OWN_FILES: Readonly<Record<string, string>> = {
  'own-zstd.parquet': '',
  'own-snappy.parquet': "OPTIONS (compression 'snappy')",
  'own-plain.parquet': "OPTIONS (compression 'uncompressed')",
  'own.arrow': '',
  'own.arrows': '',
  'own.csv': '',
  'own.ndjson': '',
  'own-gzip.csv.gz': '',
  'own-zstd.csv.zst': '',
}

/** Writes the files into the oracle's directory; their names. */
export async function writeCorpus(duck: Duck): Promise<readonly string[]> {
  const names: string[] = []
  for (const [name, options] of Object.entries(DUCKDB_PARQUET)) {
    names.push(`${name}.parquet`)
    await duck.run(`COPY (${ROWS}) TO '${join(duck.directory, `${name}.parquet`)}' (FORMAT parquet, ${options})`)
  }
  await using ctx = new SessionContext()
  const source = join(duck.directory, 'duckdb-plain.parquet')
  for (const [name, options] of Object.entries(OWN_FILES)) {
    names.push(name)
    await ctx.sql(`COPY (SELECT * FROM '${source}') TO '${join(duck.directory, name)}' ${options}`)
  }
  const ndjson = readFileSync(join(duck.directory, 'own.ndjson'))
  writeFileSync(join(duck.directory, 'gzip.ndjson.gz'), gzipSync(ndjson))
  const elements = ndjson.toString().trimEnd().replaceAll('\n', ',\n')
  writeFileSync(join(duck.directory, 'array.json'), `[${elements}]`)
  for (const ending of ['csv', 'json']) {
    await duck.run(`COPY (${ROWS}) TO '${join(duck.directory, `zstd.${ending}.zst`)}' (COMPRESSION zstd)`)
  }
  return [...names, 'gzip.ndjson.gz', 'array.json', 'zstd.csv.zst', 'zstd.json.zst']
}
