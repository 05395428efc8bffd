/** Delta tables of another writer (test/data/delta, see make.py there), read at every version; checkpoints of all forms; what is refused. */
import { readFileSync } from 'node:fs'
import { cp, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32, inflateSync } from 'node:zlib'
import test from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import { nodeCommitFs } from '../../src/commit/file-system.js'
import { tableFiles } from '../../src/commit/table-files.js'
import { encodeActions, type Action } from '../../src/delta/actions.js'
import { checkpointActions, encodeCheckpoint } from '../../src/delta/checkpoint.js'
import { loadSnapshot } from '../../src/delta/log.js'
import { SessionContext } from '../../src/index.js'
import { startPlaces } from './places.js'

const FOLDER = join(process.cwd(), 'test/data/delta')
/** The same tables, on this machine and in S3. */
const FOLDERS = [FOLDER, 's3://lake/delta']
const files = tableFiles(nodeCommitFs('test-host'))

const { directory, inS3 } = startPlaces()
test.serial.before(() => inS3.fill('delta', FOLDER))

/** The directory as a table in S3; gives its URL. */
async function uploaded(path: string, name: string): Promise<string> {
  await inS3.fill(name, path)
  return inS3.pathOf(name)
}

type Rows = readonly Readonly<Record<string, unknown>>[]
const expected = JSON.parse(readFileSync(join(FOLDER, 'expected.json'), 'utf8')) as Readonly<Record<string, Rows>>

const TYPES =
  "id, i, s, b, f, d, flag, name, encode(raw, 'hex') AS raw, CAST(day AS VARCHAR) AS day, CAST(ts AS VARCHAR) AS ts, CAST(amount AS VARCHAR) AS amount, part"

const SETTINGS = [
  {},
  { 'ballista.optimizer.repartition_file_min_size': '1', 'ballista.execution.target_partitions': '3' },
]

const rowsOf = async (ctx: SessionContext, sql: string): Promise<Rows> =>
  ((await (await ctx.sql(sql)).rows()) as Rows).map(row =>
    Object.fromEntries(
      Object.entries(row).map(([key, value]) => [key, typeof value === 'bigint' ? Number(value) : value]),
    ),
  )

async function query(sql: string): Promise<Rows> {
  await using ctx = new SessionContext({ settings: inS3.settings() })
  return await rowsOf(ctx, sql)
}

/** A copy of a table of the folder, to be changed. */
async function copyOf(table: string, name: string): Promise<string> {
  const path = join(directory(), name)
  await cp(join(FOLDER, table), path, { recursive: true })
  return path
}

for (const [settings, folder] of SETTINGS.flatMap(each => FOLDERS.map(place => [each, place] as const))) {
  test.serial(
    `every version of a table by delta-rs is read as delta-rs reads it ${JSON.stringify(settings)} ${folder === FOLDER ? 'on disk' : folder}`,
    async t => {
      const ctx = new SessionContext({ settings: { ...settings, ...inS3.settings() } })
      for (const version of [0, 1, 2, 3]) {
        const found = await rowsOf(
          ctx,
          `SELECT ${TYPES} FROM delta_scan('${folder}/types', version => ${version}) ORDER BY id`,
        )
        t.deepEqual(found, expected[`types ${version}`])
      }
      for (const version of [0, 1]) {
        const added = version === 0 ? '' : ', added'
        const sql = `SELECT id, array_to_string(list, ' ') AS list, CAST(ntz AS VARCHAR) AS ntz${added} FROM delta_scan('${folder}/nested', version => ${version}) ORDER BY id`
        const wanted = expected[`nested ${version}`].map(row => ({
          ...row,
          list: row['list'] === null ? null : (row['list'] as number[]).join(' '),
        }))
        t.deepEqual(await rowsOf(ctx, sql), wanted)
      }
      await ctx.close()
      t.is(bytesInUse(), 0)
    },
  )
}

test.serial(
  'a directory with a Delta log is a Delta table, and a registered one is as new as the statement',
  async t => {
    const path = await copyOf('types', 'fresh')
    const last = join(path, '_delta_log/00000000000000000003.json')
    await rename(last, `${last}.later`)
    await using ctx = new SessionContext()
    await rowsOf(ctx, `CREATE EXTERNAL TABLE t STORED AS DELTA LOCATION '${path}/'`)
    const count = async (from: string): Promise<unknown> =>
      (await rowsOf(ctx, `SELECT count(*) AS n, sum(id) AS ids FROM ${from}`))[0]
    t.deepEqual(await count('t'), { n: 10, ids: 65 })
    t.deepEqual(await count(`'${path}/'`), { n: 10, ids: 65 })
    await rename(`${last}.later`, last)
    t.deepEqual(await count('t'), { n: 12, ids: 90 })
    t.deepEqual(await count(`'${path}/'`), { n: 12, ids: 90 })
    t.deepEqual(await count('t a JOIN t b USING (id)'), { n: 12, ids: 90 })
  },
)

test.serial('a version may be named by its time', async t => {
  const log = await readFile(join(FOLDER, 'types/_delta_log/00000000000000000001.json'), 'utf8')
  const time = Number(/"timestamp":(\d+)/.exec(log)?.[1])
  for (const folder of FOLDERS) {
    const at = (ms: number): string =>
      `SELECT count(*) AS n FROM delta_scan('${folder}/types', timestamp => '${new Date(ms).toISOString()}')`
    t.deepEqual(await query(at(time)), [{ n: 12 }])
    t.deepEqual(await query(at(time + 1e9)), [{ n: 12 }])
    await t.throwsAsync(query(at(time - 1e9)), { code: 'INVALID_OPTION' })
  }
})

test.serial('a registered table is read at any version, beside the newest', async t => {
  await using ctx = new SessionContext()
  await rowsOf(ctx, `CREATE EXTERNAL TABLE t STORED AS DELTA LOCATION '${FOLDER}/types'`)
  await rowsOf(ctx, `CREATE EXTERNAL TABLE n STORED AS DELTA LOCATION '${FOLDER}/nested'`)
  const joined = 'SELECT count(*) AS n FROM t FOR VERSION AS OF 0 AS old LEFT JOIN t USING (id) WHERE t.i IS NULL'
  t.deepEqual(await rowsOf(ctx, joined), [{ n: 2 }])
  t.deepEqual(await rowsOf(ctx, 'SELECT max(id) AS id FROM t FOR VERSION AS OF 1 + 0'), [{ id: 11 }])
  t.deepEqual(await rowsOf(ctx, "SELECT count(*) AS n FROM t FOR TIMESTAMP AS OF TIMESTAMP '2200-01-01'"), [{ n: 12 }])
  await t.throwsAsync(rowsOf(ctx, 'SELECT added FROM n FOR VERSION AS OF 0'), { code: 'COLUMN_NOT_FOUND' })
  await t.throwsAsync(rowsOf(ctx, 'SELECT 1 FROM t FOR VERSION AS OF id'), { code: 'COLUMN_NOT_FOUND' })
  await t.throwsAsync(rowsOf(ctx, 'SELECT 1 FROM t FOR VERSION AS OF NULL'), { code: 'INVALID_OPTION' })
  await t.throwsAsync(rowsOf(ctx, 'WITH c AS (SELECT 1) SELECT 1 FROM c FOR VERSION AS OF 1'), {
    code: 'NOT_SUPPORTED',
  })
  await rowsOf(ctx, 'CREATE TABLE m AS SELECT 1 AS a')
  await t.throwsAsync(rowsOf(ctx, 'SELECT 1 FROM m FOR VERSION AS OF 1'), { code: 'NOT_SUPPORTED' })
})

test.serial('a session reads by the keys that are set now, whatever it has seen of the table before', async t => {
  await using ctx = new SessionContext({ settings: inS3.settings() })
  await rowsOf(ctx, "CREATE EXTERNAL TABLE t STORED AS DELTA LOCATION 's3://lake/delta/types'")
  t.deepEqual(await rowsOf(ctx, 'SELECT count(*) AS n FROM t'), [{ n: 12 }])
  await ctx.sql("SET s3.secret_access_key = 'revoked'")
  const refused = { code: 'FILE_NOT_READABLE', message: /403 \(SignatureDoesNotMatch\)$/ }
  for (const from of ['t', "'s3://lake/delta/types/'", "delta_scan('s3://lake/delta/types')"])
    await t.throwsAsync(rowsOf(ctx, `SELECT count(*) AS n FROM ${from}`), refused, from)
})

test.serial('partition values and statistics exclude files, and answer count, min and max', async t => {
  const plan = async (sql: string): Promise<string> => String((await query(`EXPLAIN ${sql}`)).at(-1)?.['plan'])
  for (const folder of FOLDERS) {
    const table = `delta_scan('${folder}/types')`
    t.is(
      await plan(`SELECT id FROM ${table} WHERE part IS NULL AND id > 11`),
      'DataSourceExec: file_type=parquet, files=1, partitions=1, projection=[id], predicate=id@0 > 11',
    )
    t.is(
      await plan(`SELECT id FROM ${table} WHERE ts > TIMESTAMP '2024-01-01T00:00:13.1'`),
      'DataSourceExec: file_type=parquet, files=0, partitions=1, projection=[id]',
    )
    t.is(
      await plan(`SELECT count(*), min(id), max(day), count(part), min(i) FROM ${table}`),
      "ValuesExec: (12, 2, DATE '2024-01-02', 6, 200)",
    )
  }
})

test.serial('checkpoints are read alone: of one file, of several parts, with sidecars', async t => {
  const sql = (path: string): string => `SELECT ${TYPES} FROM '${path}/' ORDER BY id`
  for (const form of ['classic', 'ours', 'parts', 'sidecars', 'json']) {
    const path = await copyOf('types', form)
    const log = join(path, '_delta_log')
    const name = (rest: string): string => join(log, `${'2'.padStart(20, '0')}.checkpoint.${rest}`)
    const snapshot = await loadSnapshot({ path, files }, 2)
    const actions = checkpointActions(snapshot, 0)
    if (form !== 'classic') await rm(name('parquet'))
    if (form === 'ours') await writeFile(name('parquet'), await encodeCheckpoint(actions))
    if (form === 'parts') {
      const half = Math.floor(actions.length / 2)
      await writeFile(name('0000000001.0000000002.parquet'), await encodeCheckpoint(actions.slice(0, half)))
      await writeFile(name('0000000002.0000000002.parquet'), await encodeCheckpoint(actions.slice(half)))
      // Of another checkpoint parts are missing.
      await writeFile(name('0000000001.0000000003.parquet'), await encodeCheckpoint(actions.slice(0, 2)))
    }
    if (form === 'sidecars' || form === 'json') {
      const isFile = ({ add, remove }: Action): boolean => Boolean(add ?? remove)
      await mkdir(join(log, '_sidecars'))
      await writeFile(join(log, '_sidecars/a.parquet'), await encodeCheckpoint(actions.filter(isFile)))
      const head: Action[] = [...actions.filter(action => !isFile(action)), { sidecar: { path: 'a.parquet' } }]
      await writeFile(name('80a083e8-7026-4e79-81be-64bd76c43a11.json'), encodeActions(head))
    }
    for (const version of [0, 1, 2]) await rm(join(log, `${String(version).padStart(20, '0')}.json`))
    t.deepEqual(await query(sql(path)), expected['types 3'], form)
    t.deepEqual(await query(sql(await uploaded(path, form))), expected['types 3'], form)
    await t.throwsAsync(query(`SELECT * FROM delta_scan('${path}', version => 1)`), { code: 'INVALID_OPTION' }, form)
  }
})

/** A table whose log is these actions. */
async function tableOf(name: string, actions: readonly Action[]): Promise<string> {
  const log = join(directory(), name, '_delta_log')
  await mkdir(log, { recursive: true })
  await writeFile(join(log, `${''.padStart(20, '0')}.json`), encodeActions(actions))
  return join(directory(), name)
}

const metaData = (fields: readonly object[], configuration: Readonly<Record<string, string>> = {}): Action => ({
  metaData: {
    id: 'x',
    format: { provider: 'parquet', options: {} },
    schemaString: JSON.stringify({ type: 'struct', fields }),
    partitionColumns: [],
    configuration,
  },
})
const ID = { name: 'id', type: 'long', nullable: true, metadata: {} }

test.serial('columns are found under their physical names', async t => {
  const mapped = (name: string, type: string, physical: string): object => ({
    name, type, nullable: true, metadata: { 'delta.columnMapping.id': 1, 'delta.columnMapping.physicalName': physical },
  }) // oxfmt-ignore
  const path = await tableOf('mapped', [
    { protocol: { minReaderVersion: 2, minWriterVersion: 5 } },
    metaData([mapped('the id', 'long', 'col-1'), mapped('x', 'double', 'id')], { 'delta.columnMapping.mode': 'name' }),
    { add: {
      path: 'a%20b.parquet', partitionValues: {}, size: 1, modificationTime: 0, dataChange: true,
      stats: JSON.stringify({ numRecords: 2, minValues: { 'col-1': 1 }, maxValues: { 'col-1': 2 }, nullCount: { 'col-1': 0 } }),
    } }, // oxfmt-ignore
  ])
  // An INT in the file, as before a type was widened.
  await query(
    `COPY (SELECT CAST(a AS INT) AS "col-1", a / 2.0 AS id FROM (VALUES (1), (2)) AS v(a)) TO '${path}/a b.parquet'`,
  )
  t.deepEqual(await query(`SELECT "the id" + 1 AS a, x FROM '${path}/' WHERE "the id" > 1`), [{ a: 3, x: 1 }])
  t.deepEqual(await query(`SELECT max("the id") AS a, min(x) AS x FROM '${path}/'`), [{ a: 2, x: 0.5 }])
  const remote = await uploaded(path, 'mapped')
  t.deepEqual(await query(`SELECT "the id" + 1 AS a, x FROM '${remote}/' WHERE "the id" > 1`), [{ a: 3, x: 1 }])
})

/** By pyroaring 1.0 (`BitMap64`, run_optimize): 10 to 4999, those from 65536 to 131071 that 3 does not divide, 140000 and 149999. */
const ROARING = 'eNrtx7ERQFAURNF9QqkOVCBXgWKUoKFfgGYkOtACIjWYOTsn2Fv5Nk9dKtmGSmvvrfRPHfsKAAAAAAAAAPzcOV7LDcRZRqU='
const isDeleted = 'a BETWEEN 10 AND 4999 OR (a BETWEEN 65536 AND 131071 AND a % 3 <> 0) OR a IN (140000, 149999)'

test.serial('rows of deletion vectors are left out, from files and from the log', async t => {
  const magic = Buffer.from([0xd1, 0xd3, 0x39, 0x64])
  const vector = Buffer.concat([magic, inflateSync(Buffer.from(ROARING, 'base64'))])
  const count = Number((await query(`SELECT count(*) AS n FROM range(150000) AS v(a) WHERE ${isDeleted}`))[0]['n'])
  const add = { partitionValues: {}, size: 1, modificationTime: 0, dataChange: true }
  const stats = JSON.stringify({
    numRecords: 150_000,
    tightBounds: false,
    minValues: { a: 0 },
    maxValues: { a: 149_999 },
  })
  // The texts are those of examples 1 of the protocol and of Spark's own inline vectors (rows 1, 3 and 5).
  const stored = {
    storageType: 'u',
    pathOrInlineDv: 'ab^-aqEH.-t@S}K{vb[*k^',
    offset: 1,
    sizeInBytes: vector.length,
    cardinality: count,
  }
  const inline = {
    storageType: 'i',
    pathOrInlineDv: '^Bg9^0rr910000000000iXQKl0rr91000625c8Xg0rri41POJ5',
    sizeInBytes: 38,
    cardinality: 3,
  }
  const features = { readerFeatures: ['deletionVectors'], writerFeatures: ['deletionVectors'] }
  const path = await tableOf('deleted', [
    { protocol: { minReaderVersion: 3, minWriterVersion: 7, ...features } },
    metaData([{ ...ID, name: 'a' }]),
    { add: { ...add, path: 'big.parquet', stats, deletionVector: stored } },
    { add: { ...add, path: 'small.parquet', stats: JSON.stringify({ numRecords: 8 }), deletionVector: inline } },
  ])
  await query(`COPY (SELECT value AS a FROM range(150000)) TO '${path}/big.parquet' OPTIONS (max_row_group_size 20000)`)
  await query(`COPY (SELECT 1000000 + value AS a FROM range(8)) TO '${path}/small.parquet'`)
  const frame = Buffer.alloc(vector.length + 9)
  frame[0] = 1
  frame.writeUInt32BE(vector.length, 1)
  vector.copy(frame, 5)
  frame.writeUInt32BE(crc32(vector), vector.length + 5)
  const file = join(path, 'ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin')
  await mkdir(join(path, 'ab'))
  await writeFile(file, frame)
  const wanted = `SELECT value AS a FROM range(150000) AS r(value) WHERE NOT (${isDeleted.replaceAll('a ', 'value ')}) UNION ALL SELECT 1000000 + column1 FROM (VALUES (0), (2), (4), (6), (7)) AS s`
  const remote = await uploaded(path, 'deleted')
  for (const [settings, place] of [...SETTINGS.map(each => [each, path] as const), [SETTINGS[1], remote] as const]) {
    await using ctx = new SessionContext({ settings: { ...settings, ...inS3.settings() } })
    for (const from of [
      'WHERE true',
      'WHERE a > 149000',
      'WHERE a % 7 = 1 AND a < 70000',
      'WHERE a IN (SELECT 66000 + 3 * value FROM range(5))',
    ]) {
      const sums = 'SELECT count(*) AS n, sum(a) AS a, min(a) AS low, max(a) AS high'
      t.deepEqual(
        await rowsOf(ctx, `${sums} FROM '${place}/' ${from}`),
        await rowsOf(ctx, `${sums} FROM (${wanted}) AS w ${from}`),
        from,
      )
    }
    t.deepEqual(await rowsOf(ctx, `SELECT count(*) AS n FROM '${place}/'`), [{ n: 150_005 - count }])
    t.is((await rowsOf(ctx, `SELECT a FROM '${place}/' LIMIT 30`)).length, 30)
  }
  t.is(bytesInUse(), 0)
  frame[40] ^= 1
  await writeFile(file, frame)
  await t.throwsAsync(query(`SELECT * FROM '${path}/'`), { code: 'FILE_INVALID', message: /is damaged at byte 1/ })
})

test.serial('what we cannot read is refused by name', async t => {
  const cases: Readonly<Record<string, readonly [readonly Action[], RegExp]>> = {
    version: [
      [{ protocol: { minReaderVersion: 4, minWriterVersion: 7 } }, metaData([ID])],
      /readers of version 4 is not supported/,
    ],
    feature: [
      [
        { protocol: { minReaderVersion: 3, minWriterVersion: 7, readerFeatures: ['x', 'timestampNtz'] } },
        metaData([ID]),
      ],
      /a Delta table with the feature x is not supported/,
    ],
    type: [
      [{ protocol: { minReaderVersion: 1, minWriterVersion: 2 } }, metaData([{ ...ID, type: 'variant' }])],
      /the Delta type 'variant' of column 'id' is not supported/,
    ],
    ids: [
      [
        { protocol: { minReaderVersion: 2, minWriterVersion: 5 } },
        metaData([ID], { 'delta.columnMapping.mode': 'id' }),
      ],
      /found by field id .* is not supported/,
    ],
    elsewhere: [
      [
        { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
        metaData([ID]),
        { add: { path: 's3://b/f', partitionValues: {}, size: 1, modificationTime: 0, dataChange: true } },
      ],
      /the file 's3:\/\/b\/f' of a Delta table in file:\/\/ is not supported/,
    ],
  }
  for (const [name, [actions, message]] of Object.entries(cases)) {
    const path = await tableOf(`refused-${name}`, actions)
    await t.throwsAsync(query(`SELECT * FROM '${path}/'`), { code: 'NOT_SUPPORTED', message }, name)
  }
  for (const file of ['file:///etc/f', '/etc/f']) {
    const add = { path: file, partitionValues: {}, size: 1, modificationTime: 0, dataChange: true }
    const path = await tableOf('leads-here', [
      { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
      metaData([ID]),
      { add },
    ])
    const read = query(`SELECT * FROM '${await uploaded(path, 'leads-here')}/'`)
    await t.throwsAsync(read, { code: 'NOT_SUPPORTED', message: /of a Delta table in s3:\/\/ is not supported/ }, file)
  }
  await t.throwsAsync(query("SELECT * FROM delta_scan('https://127.0.0.1/t')"), { code: 'NOT_SUPPORTED' })
})

test.serial('a broken log is an error that names the table and the place', async t => {
  const log = (path: string, version: number): string =>
    join(path, '_delta_log', `${String(version).padStart(20, '0')}.json`)
  const gap = await copyOf('nested', 'gap')
  await rename(log(gap, 1), log(gap, 2))
  await t.throwsAsync(query(`SELECT * FROM '${gap}/'`), {
    code: 'FILE_INVALID',
    message: `${gap}: its log lacks version 1`,
  })
  const torn = await copyOf('nested', 'torn')
  await writeFile(log(torn, 1), '{"add":')
  await t.throwsAsync(query(`SELECT * FROM '${torn}/'`), {
    code: 'FILE_INVALID',
    message: /_delta_log\/0+1\.json, line 1: /,
  })
  const headless = await tableOf('headless', [metaData([ID])])
  await t.throwsAsync(query(`SELECT * FROM '${headless}/'`), {
    code: 'FILE_INVALID',
    message: /version 0 of the log has no protocol/,
  })
  await t.throwsAsync(query(`SELECT * FROM delta_scan('${directory()}')`), { code: 'TABLE_NOT_FOUND' })
  const lost = await copyOf('nested', 'lost')
  for (const name of await readdir(lost)) if (name.endsWith('.parquet')) await rm(join(lost, name))
  await t.throwsAsync(query(`SELECT * FROM '${lost}/'`), { code: 'FILE_NOT_READABLE' })
  await t.throwsAsync(query(`SELECT * FROM delta_scan('${gap}', nope => 1)`), { code: 'INVALID_OPTION' })
})
