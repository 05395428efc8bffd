import { existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import test from 'ava'
import { batchFromValues, releaseBatch } from '../../src/arrow/column.js'
import { bytesInUse } from '../../src/arrow/memory.js'
import { field, type Schema } from '../../src/arrow/schema.js'
import {
  BOOLEAN,
  DATE,
  FLOAT32,
  FLOAT64,
  INT16,
  INT32,
  INT64,
  UINT64,
  UTF8,
  BINARY,
  decimal,
  timestamp,
  type DataType,
  type Value,
} from '../../src/arrow/types.js'
import { seededRng, type Rng } from '../../src/common/clock.js'
import type { FileWriter } from '../../src/formats/format.js'
import { openPart, openWriter } from '../../src/formats/open-writer.js'
import { openParquetWriter } from '../../src/formats/parquet/write.js'
import { HOST, firstDifference, openDuck, plainOfValue, scanFile, type Duck, type Rows } from './duckdb.js'

let duck: Duck
test.before(async () => {
  duck = await openDuck()
})
test.after.always(() => duck.close())

const TYPES: readonly (readonly [name: string, type: DataType, value: (rng: Rng) => Value])[] = [
  ['flag', BOOLEAN, rng => rng.next() < 0.5],
  ['small', INT16, rng => Math.floor(rng.next() * 65536) - 32768],
  ['number', INT32, rng => Math.floor(rng.next() * 2 ** 32) - 2 ** 31],
  ['big', INT64, rng => BigInt.asIntN(64, BigInt(`0x${rng.id()}`))],
  ['unsigned', UINT64, rng => BigInt.asUintN(64, BigInt(`0x${rng.id()}`))],
  ['single', FLOAT32, rng => Math.fround((rng.next() - 0.5) * 1e6)],
  ['double', FLOAT64, rng => (rng.next() - 0.5) * 10 ** Math.floor(rng.next() * 40 - 20)],
  ['price', decimal(15, 2), rng => BigInt(Math.floor((rng.next() - 0.5) * 1e15))],
  ['share', decimal(4, 4), rng => BigInt(Math.floor((rng.next() - 0.5) * 9999))],
  ['wide', decimal(38, 10), rng => BigInt.asIntN(120, BigInt(`0x${rng.id()}`))],
  [
    'text',
    UTF8,
    rng => ['', 'NULL', 'a,b', 'say "hi"', 'line\nend', 'é€😀', ' space ', '\\t'][Math.floor(rng.next() * 8)],
  ],
  ['day', DATE, rng => Math.floor(rng.next() * 40000) - 10000],
  ['moment', timestamp('us'), rng => BigInt(Math.floor((rng.next() - 0.3) * 4e15))],
]
const SCHEMA: Schema = { fields: TYPES.map(([name, type]) => field(name, type)) }
const SQL_TYPES = [
  'boolean',
  'smallint',
  'integer',
  'bigint',
  'ubigint',
  'float',
  'double',
  'decimal(15,2)',
  'decimal(4,4)',
  'decimal(38,10)',
  'varchar',
  'date',
  'timestamp',
]

/** Batches of random rows, and the rows as plain values. */
function randomBatches(
  seed: number,
  counts: readonly number[],
): { readonly columns: Value[][][]; readonly rows: Rows } {
  const rng = seededRng(seed)
  const columns = counts.map(count =>
    TYPES.map(([, , value]) => Array.from({ length: count }, () => (rng.next() < 0.2 ? null : value(rng)))),
  )
  const rows = columns.flatMap((batch, i) =>
    Array.from({ length: counts[i] }, (_, row) => batch.map(values => plainOfValue(values[row]))),
  )
  return { columns, rows }
}

async function writeAll(
  writer: FileWriter,
  batches: readonly Value[][][],
  schema = SCHEMA,
): Promise<{ rows: number; bytes: number }> {
  for (const columns of batches) {
    const batch = batchFromValues(schema, columns)
    await writer.write(batch)
    releaseBatch(batch)
  }
  return writer.close()
}

const SEED = 99

for (const compression of ['uncompressed', 'snappy', 'zstd', 'gzip', 'lz4_raw']) {
  test.serial(`Parquet with ${compression}: DuckDB and we read back what was written`, async t => {
    const before = bytesInUse()
    const path = join(duck.directory, `written-${compression}.parquet`)
    const { columns, rows } = randomBatches(SEED, [700, 1, 1500, 64])
    const target = {
      path,
      format: 'parquet',
      options: { compression, max_row_group_size: '1000' },
    }
    const written = await writeAll(await openWriter(target, SCHEMA, HOST), columns)
    t.is(written.rows, 2265)
    t.is(written.bytes, readFileSync(path).length)
    t.is(firstDifference(await duck.rows(`from '${path}'`), rows), undefined)
    t.deepEqual(await duck.rows(`select row_group_num_rows from parquet_metadata('${path}') where column_id = 0`), [
      [1000n],
      [1000n],
      [265n],
    ])
    const types = await duck.rows(`select column_type from (describe from '${path}')`)
    t.deepEqual(
      types.flat(),
      SQL_TYPES.map(name => name.toUpperCase()),
    )
    const read = await scanFile(path)
    t.deepEqual(read.schema, SCHEMA)
    t.is(firstDifference(read.rows, rows), undefined)
    t.is(bytesInUse(), before)
  })
}

test.serial('Parquet decimals up to 18 digits are INT64, and every column has statistics', async t => {
  const path = join(duck.directory, 'statistics.parquet')
  const schema = { fields: [field('d', decimal(15, 2)), field('s', UTF8)] }
  const writer = await openParquetWriter(path, schema, { host: HOST })
  const batch = batchFromValues(schema, [
    [-150n, null, 99n],
    ['b', 'a', null],
  ])
  await writer.write(batch)
  releaseBatch(batch)
  t.is((await writer.close()).rows, 3)
  const metadata = await duck.rows(
    `select type, stats_min_value, stats_max_value, stats_null_count, compression from parquet_metadata('${path}')`,
  )
  t.deepEqual(metadata, [
    ['INT64', '-1.50', '0.99', 1n, 'SNAPPY'],
    ['BYTE_ARRAY', 'a', 'b', 1n, 'SNAPPY'],
  ])
})

test.serial('Parquet of no rows has its schema', async t => {
  const path = join(duck.directory, 'empty.parquet')
  t.is((await writeAll(await openParquetWriter(path, SCHEMA, { host: HOST }), [])).rows, 0)
  t.deepEqual(await duck.rows(`from '${path}'`), [])
  t.deepEqual((await scanFile(path)).schema, SCHEMA)
})

test.serial('CSV: DuckDB and we read back what was written', async t => {
  const before = bytesInUse()
  const { columns, rows } = randomBatches(SEED, [900, 3, 333])
  for (const [ending, options] of [
    ['csv', {}],
    ['csv', { delimiter: ';', null_value: 'NULL' }],
    ['csv.gz', {}],
    ['csv.zst', {}],
  ] as const) {
    const path = join(duck.directory, `written.${ending}`)
    await writeAll(await openWriter({ path, format: 'csv', options }, SCHEMA, HOST), columns)
    const names = SCHEMA.fields.map(({ name }, i) => `'${name}': '${SQL_TYPES[i]}'`).join(', ')
    const dialect = 'delimiter' in options ? ", delim=';', nullstr='NULL'" : ''
    const duckRows = await duck.rows(
      `from read_csv('${path}', header=true, auto_detect=false, quote='"', escape='"', allow_quoted_nulls=false, columns={${names}}${dialect})`,
    )
    t.is(firstDifference(duckRows, rows), undefined, ending)
    t.is(firstDifference((await scanFile(path, { schema: SCHEMA, options })).rows, rows), undefined, ending)
  }
  t.is(bytesInUse(), before)
})

/** In `bytes`, which hold no other data of this look. */
const zstdFramesIn = (bytes: Buffer): number => bytes.toString('latin1').split('\x28\xb5\x2f\xfd').length - 1

test.serial('zstd: each piece is a frame, and a longer one several', async t => {
  const schema = { fields: [field('a', INT32), field('text', UTF8)] }
  // A piece ends with the batch that makes it longer than 1 MiB, a frame at 4 MiB.
  const lengths = [600_000, 600_000, 5 * 2 ** 20, 1]
  const rows = lengths.map((length, i) => [i, 'x'.repeat(length)])
  // The first is the header, or empty.
  for (const [written, frames] of [
    [rows, 1 + 1 + 2 + 1],
    [[], 1],
  ] as const) {
    for (const format of ['csv', 'json']) {
      const path = join(duck.directory, `frames.${format}.zst`)
      const batches = written.map(row => row.map(value => [value]))
      await writeAll(await openWriter({ path, format, options: {} }, schema, HOST), batches, schema)
      t.is(zstdFramesIn(readFileSync(path)), frames)
      t.is(firstDifference((await scanFile(path, { schema })).rows, written), undefined)
      const options = { csv: 'max_line_size=6000000, buffer_size=12000000', json: 'maximum_object_size=6000000' }[
        format
      ]
      const theirs = await duck.rows(
        `from read_${format}('${path}', columns={a: 'INTEGER', text: 'VARCHAR'}, ${options})`,
      )
      t.is(firstDifference(theirs, written), undefined)
    }
  }
  t.is(bytesInUse(), 0)
})

test.serial('JSON: long texts, of plain characters and of escaped ones, come back', async t => {
  const schema = { fields: [field('text', UTF8)] }
  const path = join(duck.directory, 'long-texts.json')
  const rows = [['x'.repeat(9 * 2 ** 20)], ['\n'.repeat(5_000_000)]]
  await writeAll(
    await openWriter({ path, format: 'json', options: {} }, schema, HOST),
    rows.map(row => [row]),
    schema,
  )
  t.is(firstDifference((await scanFile(path, { schema })).rows, rows), undefined)
  t.is(bytesInUse(), 0)
})

test.serial('CSV text of every kind of value', async t => {
  const path = join(duck.directory, 'text.csv')
  const schema = {
    fields: [
      field('a', decimal(10, 3)),
      field('b "q"', FLOAT64),
      field('c', UTF8),
      field('d', DATE),
      field('e', timestamp('us')),
      field('f', INT64),
    ],
  }
  const batch = batchFromValues(schema, [
    [5n, -1234567n, null],
    [0.1, 1e21, NaN],
    ['', null, 'x"y'],
    [-1, 0, null],
    [-1n, null, 1700000000000000n],
    [-9223372036854775808n, 9007199254740993n, 0n],
  ])
  const writer = await openWriter({ path, format: 'csv', options: {} }, schema, HOST)
  await writer.write(batch)
  releaseBatch(batch)
  await writer.close()
  t.is(
    readFileSync(path, 'utf8'),
    'a,"b ""q""",c,d,e,f\n' +
      '0.005,0.1,"",1969-12-31,1969-12-31T23:59:59.999999,-9223372036854775808\n' +
      '-1234.567,1e+21,,1970-01-01,,9007199254740993\n' +
      ',NaN,"x""y",,2023-11-14T22:13:20,0\n',
  )
})

test.serial('NDJSON: DuckDB and we read back what was written, with all digits', async t => {
  const before = bytesInUse()
  const path = join(duck.directory, 'written.json')
  const { columns, rows } = randomBatches(SEED, [500, 77])
  await writeAll(await openWriter({ path, format: 'json', options: {} }, SCHEMA, HOST), columns)
  t.is(firstDifference((await scanFile(path, { schema: SCHEMA })).rows, rows), undefined)
  const names = SCHEMA.fields.map(({ name }, i) => `'${name}': '${SQL_TYPES[i]}'`).join(', ')
  const exact = await duck.rows(`select big, text, day, flag from read_json('${path}', columns={${names}})`)
  t.is(
    firstDifference(
      exact,
      rows.map(row => [row[3], row[10], row[11], row[0]]),
    ),
    undefined,
  )
  t.is(bytesInUse(), before)
})

test.serial('NDJSON types are inferred, and a bad line is named', async t => {
  const { writeFileSync } = await import('node:fs')
  const path = join(duck.directory, 'inferred.json')
  writeFileSync(path, '{"a": 1, "b": "x\\u00e9\\n", "c": [1, {"d": 2}]}\n\n{"b": null, "a": 2.5, "e": true}\n')
  const { schema, rows } = await scanFile(path)
  t.deepEqual(
    schema.fields.map(({ name, type }) => [name, type]),
    [
      ['a', FLOAT64],
      ['b', UTF8],
      ['c', UTF8],
      ['e', BOOLEAN],
    ],
  )
  t.deepEqual(rows, [
    [1, 'xé\n', '[1, {"d": 2}]', null],
    [2.5, null, null, true],
  ])
  writeFileSync(path, '{"a": 1}\n{"a": 1,}\n')
  t.is((await t.throwsAsync(scanFile(path)))?.message, `${path}: line 2, column 9: expected a string, found '}'`)
  writeFileSync(path, '{"a": 1}\n{"a": "x"}\n')
  const error = await t.throwsAsync(scanFile(path, { schema: { fields: [field('a', INT64)] } }))
  t.is(error?.message, `${path}: line 2, column 'a': "x" is not a value of type BIGINT`)
})

test.serial('Arrow files and streams are read back', async t => {
  const before = bytesInUse()
  const { columns, rows } = randomBatches(SEED, [300, 500])
  for (const ending of ['arrow', 'arrows']) {
    const path = join(duck.directory, `written.${ending}`)
    await writeAll(await openWriter({ path, format: 'arrow', options: {} }, SCHEMA, HOST), columns)
    const read = await scanFile(path, { batchRows: 128 })
    t.deepEqual(read.schema, SCHEMA)
    t.is(firstDifference(read.rows, rows), undefined)
    t.is(read.batchCount, 3 + 4)
  }
  t.is(bytesInUse(), before)
})

test.serial('an aborted writer leaves nothing, and the old file stays until the new one is complete', async t => {
  const before = bytesInUse()
  const directory = join(duck.directory, 'abort')
  mkdirSync(directory)
  for (const format of ['parquet', 'csv', 'json', 'arrow']) {
    const path = join(directory, `t.${format}`)
    const target = { path, format, options: {} }
    await writeAll(await openWriter(target, SCHEMA, HOST), randomBatches(SEED, [10]).columns)
    const old = readFileSync(path)
    const writer = await openWriter(target, SCHEMA, HOST)
    const batch = batchFromValues(SCHEMA, randomBatches(SEED, [5000]).columns[0])
    await writer.write(batch)
    releaseBatch(batch)
    t.deepEqual(readFileSync(path), old)
    await writer.abort()
    t.deepEqual(readFileSync(path), old)
  }
  t.deepEqual(readdirSync(directory).sort(), ['t.arrow', 't.csv', 't.json', 't.parquet'])
  t.is(bytesInUse(), before)
})

test.serial('every part is a file of its own, and its report says what is in it', async t => {
  const directory = join(duck.directory, 'inserts')
  mkdirSync(directory)
  const staged = {
    writeId: 'w',
    target: '',
    directory,
    format: 'parquet',
    options: {},
    extension: 'parquet',
    partitionBy: [],
    sortBy: [],
    singleFile: false,
    pieces: false,
  }
  const schema = { fields: [field('n', INT64)] }
  for (const partition of [0, 1]) {
    const part = await openPart(staged, schema, ['x', null], { jobId: 'job.1', partition, host: HOST })
    const batch = batchFromValues(schema, [[3n, null, BigInt(partition)]])
    await part.write(batch)
    releaseBatch(batch)
    const { file, ...report } = await part.close()
    const content = readFileSync(join(directory, file))
    t.deepEqual(report, {
      rows: 3,
      bytes: content.length,
      crc32: crc32(content),
      partition: ['x', null],
      columns: { n: { nullCount: 1, min: BigInt(partition), max: 3n } },
    })
  }
  t.is(readdirSync(directory).length, 2)
  t.is((await scanFile(`${directory}/`)).rows.length, 6)
})

test.serial('a place that cannot be written is an error with its host', async t => {
  const path = '/proc/none/x.csv'
  const error = await t.throwsAsync(
    openWriter({ path, format: 'csv', options: {} }, { fields: [field('a', BINARY)] }, HOST),
  )
  t.regex(String(error?.message), /^host test-host cannot write '\/proc\/none\/x\.csv': ENOENT/)
  t.false(existsSync(path))
})
