/** Every way to write, on threads and on three executors: DuckDB and we read the same rows back. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import { SessionContext } from '../../src/session/context.js'
import { openDuck, type Duck } from '../formats/duckdb.js'

const FULL = process.env['BALLISTA_TEST_FULL'] === '1'

let duck: Duck
let cluster: SessionContext
const directory = mkdtempSync(join(tmpdir(), 'writes-'))
/** Three tasks, however small the files are. */
const settings = { 'ballista.execution.target_partitions': '3', 'ballista.optimizer.repartition_file_min_size': '1' }
const local = new SessionContext({ settings })

test.before(async () => {
  duck = await openDuck()
  cluster = await SessionContext.standalone({ executors: 3, settings })
  // Three row groups, hence three tasks.
  const rows = `SELECT value AS n, value % 4 AS k, CASE WHEN value % 7 = 0 THEN NULL ELSE 'text ' || (value % 5) END AS s,
    CAST(value AS DECIMAL(12, 2)) / 4 AS d, DATE '2024-01-01' + CAST(value % 60 AS INTEGER) AS day
    FROM generate_series(1, 3000) AS t(value)`
  await local.sql(`COPY (${rows}) TO '${directory}/source.parquet' OPTIONS (max_row_group_size 1000)`)
  for (const ctx of [local, cluster]) await ctx.registerParquet('source', `${directory}/source.parquet`)
})

test.after.always(async () => {
  await cluster.close()
  await local.close()
  duck.close()
  rmSync(directory, { recursive: true })
})

interface WriteCase {
  readonly name: string
  readonly format: 'parquet' | 'csv' | 'json' | 'arrow'
  /** Below the directory of the case. */
  readonly path: string
  /** Statements with `$PATH`; all their rows, or (`last`) those of the last one are there afterwards. */
  readonly copies: readonly { readonly rows: string; readonly clauses?: string }[]
  readonly last?: boolean
  /** Files that there are afterwards, at least, when three tasks write. */
  readonly files: number
}

const ALL = 'SELECT * FROM source'
const SOME = 'SELECT * FROM source WHERE n <= 500'
const NONE = 'SELECT * FROM source WHERE n < 0'

function casesOf(format: WriteCase['format']): WriteCase[] {
  const as = `STORED AS ${format}`
  const partitioned = `${as} PARTITIONED BY (k)`
  const both = `${as} PARTITIONED BY (k, s)`
  const base = [
    { name: 'a new file', path: `t.${format}`, copies: [{ rows: ALL }], files: 1 },
    {
      name: 'a file in place of another',
      path: `t.${format}`,
      copies: [{ rows: ALL }, { rows: SOME }],
      last: true,
      files: 1,
    },
    {
      name: 'a file in order',
      path: `t.${format}`,
      copies: [{ rows: ALL, clauses: 'OPTIONS (sort_by (s, n))' }],
      files: 1,
    },
    { name: 'a file of no rows', path: `t.${format}`, copies: [{ rows: NONE }], files: 1 },
    { name: 'a new directory', path: 't/', copies: [{ rows: ALL, clauses: as }], files: 3 },
    {
      name: 'more files of a directory',
      path: 't/',
      copies: [
        { rows: ALL, clauses: as },
        { rows: SOME, clauses: as },
      ],
      files: 4,
    },
    {
      name: 'a directory in place of another',
      path: 't/',
      copies: [
        { rows: SOME, clauses: as },
        { rows: ALL, clauses: `${as} OPTIONS (overwrite true)` },
      ],
      last: true,
      files: 3,
    },
    { name: 'a directory of no rows', path: 't/', copies: [{ rows: NONE, clauses: as }], files: 1 },
    { name: 'a directory with partitions', path: 't/', copies: [{ rows: ALL, clauses: partitioned }], files: 12 },
    { name: 'partitions of two columns', path: 't/', copies: [{ rows: ALL, clauses: both }], files: 24 },
    {
      name: 'more files of partitions',
      path: 't/',
      copies: [
        { rows: ALL, clauses: partitioned },
        { rows: SOME, clauses: partitioned },
      ],
      files: 16,
    },
    {
      name: 'partitions in place of others',
      path: 't/',
      copies: [
        { rows: SOME, clauses: partitioned },
        { rows: ALL, clauses: `${partitioned} OPTIONS (mode overwrite)` },
      ],
      last: true,
      files: 12,
    },
  ]
  const packed = {
    parquet: ['zstd', 'gzip', 'uncompressed'],
    csv: ['gzip', 'zstd'],
    json: ['gzip', 'zstd'],
    arrow: [],
  }[format].flatMap(compression => [
    {
      name: `a directory with ${compression}`,
      path: 't/',
      copies: [{ rows: ALL, clauses: `${as} OPTIONS (compression ${compression})` }],
      files: 3,
    },
    {
      name: `a file with ${compression}`,
      path: format === 'parquet' ? 't.parquet' : `t.${format}.${compression === 'gzip' ? 'gz' : 'zst'}`,
      copies: [{ rows: ALL, clauses: `${as} OPTIONS (compression ${compression})` }],
      files: 1,
    },
  ])
  return [...base, ...packed].map(each => ({ format, ...each }))
}

const CASES = (['parquet', 'csv', 'json', 'arrow'] as const).flatMap(casesOf)

/** What is the same in every format: numbers and texts of the columns. */
const CHECKED = `count(*) AS rows, sum(CAST(n AS BIGINT)) AS ns, sum(CAST(k AS BIGINT)) AS ks, count(s) AS texts,
  min(s) AS least, CAST(sum(CAST(d AS DECIMAL(18, 2))) AS VARCHAR) AS ds, count(DISTINCT n) AS numbers, CAST(max(day) AS VARCHAR) AS day`

const READERS = { parquet: 'read_parquet', csv: 'read_csv', json: 'read_json' }

for (const [index, { copies, files, format, last = false, name, path }] of CASES.entries()) {
  for (const where of ['local', 'three executors'] as const) {
    // Each format gets its turn, and, by threes, each case in one of them.
    if (!FULL && index % (where === 'local' ? 3 : 11) !== 0) continue
    test.serial(`${format}: ${name}: ${where}`, async t => {
      const ctx = where === 'local' ? local : cluster
      const home = join(directory, `${index}-${where.length}`)
      const target = `${home}/${path}`
      let count = 0
      for (const { clauses = '', rows } of copies) {
        const [row] = await (await ctx.sql(`COPY (${rows}) TO '${target}' ${clauses}`)).rows()
        const [expected] = await (await ctx.sql(`SELECT count(*) AS count FROM (${rows})`)).rows()
        t.deepEqual(row, expected)
        count += Number(expected['count'])
      }
      const written = readdirSync(home, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
      // Threads share the row groups of a scan: one may get them all. Executors have their own.
      t.true(written.length >= (where === 'local' ? 1 : files), `${written.length} files`)
      t.deepEqual(readdirSync(home), [path.replace('/', '')], 'nothing else is left')

      const chosen = last ? copies.slice(-1) : copies
      const wanted = chosen.map(({ rows }) => `(${rows})`).join(' UNION ALL ')
      const expected = await (await ctx.sql(`SELECT ${CHECKED} FROM (${wanted})`)).rows()
      if (count === 0) {
        // NDJSON of no rows says nothing of columns.
        if (format !== 'json') t.is(await (await ctx.sql(`SELECT n FROM ${ours(format, target)}`)).count(), 0)
        return
      }
      t.deepEqual(await (await ctx.sql(`SELECT ${CHECKED} FROM ${ours(format, target)}`)).rows(), expected)
      if (format === 'arrow') return
      const pattern = path.endsWith('/') ? `${target}**/*.*` : target
      const theirs = await duck.rows(
        `SELECT ${CHECKED} FROM ${READERS[format]}('${pattern}', hive_partitioning = ${path.endsWith('/')})`,
      )
      t.deepEqual(theirs.map(plain), expected.map(row => Object.values(row)).map(plain))
    })
  }
}

const ours = (format: string, target: string): string =>
  format === 'arrow' || format === 'parquet' || !target.endsWith('/') ? `'${target}'` : `read_${format}('${target}')`

const plain = (row: readonly unknown[]): string[] => row.map(value => String(value))

test.after('the arena is empty', t => {
  t.is(bytesInUse(), 0)
})
