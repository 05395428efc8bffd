import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import test from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import { field, schemaOf } from '../../src/arrow/schema.js'
import { DATE, FLOAT64, INT32, INT64, UTF8, decimal, timestamp, typeName } from '../../src/arrow/types.js'
import { ioStats } from '../../src/runtime/io-counters.js'
import { HOST, firstDifference, openDuck, scanFile, type Duck, type ScanOptions } from './duckdb.js'

let duck: Duck
test.before(async () => {
  duck = await openDuck()
})
test.after.always(() => duck.close())

let fileCount = 0
function fileOf(content: string | Uint8Array, ending = 'csv'): string {
  const path = join(duck.directory, `case-${fileCount++}.${ending}`)
  writeFileSync(path, content)
  return path
}

interface Case {
  readonly title: string
  readonly content: string | Uint8Array
  readonly options?: Readonly<Record<string, string>>
  readonly types: readonly string[]
  readonly rows: readonly (readonly unknown[])[]
  readonly scan?: ScanOptions
}

const CASES: readonly Case[] = [
  {
    title: 'types are inferred',
    content:
      'i,d,t,s,b,ts\n1,1.5,2024-02-29,x,true,2024-01-01 10:00:00\n-2,2,1969-12-31,,FALSE,2024-01-01T10:00:00.5\n',
    types: ['i BIGINT', 'd DOUBLE', 't DATE', 's VARCHAR', 'b BOOLEAN', 'ts TIMESTAMP(ns)'],
    rows: [
      [1n, 1.5, 19782, 'x', true, 1704103200000000000n],
      [-2n, 2, -1, null, false, 1704103200500000000n],
    ],
  },
  {
    title: 'an unquoted empty field is NULL, a quoted one the empty string',
    content: 'a,b\n,""\n"",\n',
    types: ['a VARCHAR', 'b VARCHAR'],
    rows: [
      [null, ''],
      ['', null],
    ],
  },
  {
    title: 'quotes hold delimiters, line ends and doubled quotes',
    content: 'a,b\n"x,y","1\n2"\n"say ""hi""","\r\n"\n',
    types: ['a VARCHAR', 'b VARCHAR'],
    rows: [
      ['x,y', '1\n2'],
      ['say "hi"', '\r\n'],
    ],
  },
  {
    title: 'CRLF line ends, and none at the end of the file',
    content: 'a,b\r\n1,x\r\n2,"y"\r\n3,z',
    types: ['a BIGINT', 'b VARCHAR'],
    rows: [
      [1n, 'x'],
      [2n, 'y'],
      [3n, 'z'],
    ],
  },
  {
    title: 'a byte order mark is not part of the first name',
    content: '\uFEFFa\n1\n',
    types: ['a BIGINT'],
    rows: [[1n]],
  },
  {
    title: 'a byte order mark may be longer than ranges are wanted to be',
    content: '\uFEFF1\n2\n',
    options: { has_header: 'false' },
    types: ['column_1 BIGINT'],
    rows: [[1n], [2n]],
    scan: { targetPartitions: 20, minPartitionBytes: 1 },
  },
  {
    title: 'no header',
    content: '1,x\n2,y\n',
    options: { has_header: 'false' },
    types: ['column_1 BIGINT', 'column_2 VARCHAR'],
    rows: [
      [1n, 'x'],
      [2n, 'y'],
    ],
  },
  {
    title: 'another delimiter and quote',
    content: "a;b\n'x;''y';2\n",
    options: { 'format.delimiter': ';', QUOTE: "'" },
    types: ['a VARCHAR', 'b BIGINT'],
    rows: [["x;'y", 2n]],
  },
  {
    title: 'tabs',
    content: 'a\tb\n1\t2\n',
    options: { delimiter: '\\t' },
    types: ['a BIGINT', 'b BIGINT'],
    rows: [[1n, 2n]],
  },
  {
    title: 'null_value is NULL where it is not quoted',
    content: 'a,b\nNA,NA\n1,"NA"\n',
    options: { null_value: 'NA' },
    types: ['a BIGINT', 'b VARCHAR'],
    rows: [
      [null, null],
      [1n, 'NA'],
    ],
  },
  {
    title: 'empty lines are skipped, but are NULL in a file of one column',
    content: 'a\n1\n\n3\n',
    types: ['a BIGINT'],
    rows: [[1n], [null], [3n]],
  },
  {
    title: 'empty lines between records',
    content: 'a,b\n\n1,2\n\r\n3,4\n\n',
    types: ['a BIGINT', 'b BIGINT'],
    rows: [
      [1n, 2n],
      [3n, 4n],
    ],
  },
  { title: 'a header alone is a table without rows', content: 'a,b\n', types: ['a VARCHAR', 'b VARCHAR'], rows: [] },
  {
    title: 'numbers beyond 64 bits are DOUBLE, mixtures VARCHAR',
    content: 'a,b,c\n1,1,2024-01-01\n99999999999999999999,x,2024-01-01 00:00:01\n',
    types: ['a DOUBLE', 'b VARCHAR', 'c TIMESTAMP(ns)'],
    rows: [
      [1, '1', 1704067200000000000n],
      [1e20, 'x', 1704067201000000000n],
    ],
  },
  {
    title: 'a given schema decides',
    content: 'a,b,c,d\n1,1,12.345,2024-1-5\n-2147483648,-9223372036854775808,-0.005,1582-10-15\n',
    types: ['a INT', 'b BIGINT', 'c DECIMAL(15, 2)', 'd DATE'],
    rows: [
      [1, 1n, 1235n, 19727],
      [-2147483648, -9223372036854775808n, -1n, -141427],
    ],
    scan: { schema: schemaOf(field('a', INT32), field('b', INT64), field('c', decimal(15, 2)), field('d', DATE)) },
  },
  {
    title: 'wide decimals and exact floats',
    content: 'a,b\n1234567890123456789012.25,0.1\n-0.01,-1e-7\n,123456789.123456789\n',
    types: ['a DECIMAL(38, 2)', 'b DOUBLE'],
    rows: [
      [123456789012345678901225n, 0.1],
      [-1n, -1e-7],
      [null, 123456789.12345679],
    ],
    scan: { schema: schemaOf(field('a', decimal(38, 2)), field('b', FLOAT64)) },
  },
  {
    title: 'timestamps in microseconds',
    content: 'a\n1969-12-31 23:59:59.999999\n',
    types: ['a TIMESTAMP(us)'],
    rows: [[-1n]],
    scan: { schema: schemaOf(field('a', timestamp('us'))) },
  },
  {
    title: 'projection',
    content: 'a,b,c\n1,x,2\n',
    types: ['c BIGINT', 'a BIGINT'],
    rows: [[2n, 1n]],
    scan: { projection: ['c', 'a'] },
  },
  {
    title: 'every column is VARCHAR without inference',
    content: 'a\n1\n',
    options: { schema_infer_max_rec: '0' },
    types: ['a VARCHAR'],
    rows: [['1']],
  },
  {
    title: 'comments',
    content: '# first\na,b\n1,"x # y"\n# last\n',
    options: { comment: '#' },
    types: ['a BIGINT', 'b VARCHAR'],
    rows: [[1n, 'x # y']],
  },
  {
    title: 'escapes',
    content: 'a,b\n"x\\"y",\n"",2\n',
    options: { escape: '\\' },
    types: ['a VARCHAR', 'b BIGINT'],
    rows: [
      ['x"y', null],
      ['', 2n],
    ],
  },
  {
    title: 'lone CRs end lines where there is no LF',
    content: 'a,b\r1,"x\ry"\r\r2,z',
    types: ['a BIGINT', 'b VARCHAR'],
    rows: [
      [1n, 'x\ry'],
      [2n, 'z'],
    ],
  },
  {
    title: 'short records are filled with NULL when asked',
    content: 'a,b,c\n1\n2,x\n3,y,z\n',
    options: { truncated_rows: 'true' },
    types: ['a BIGINT', 'b VARCHAR', 'c VARCHAR'],
    rows: [
      [1n, null, null],
      [2n, 'x', null],
      [3n, 'y', 'z'],
    ],
  },
  {
    title: 'malformed records and values are left out when asked',
    content: 'a,b\n1,x\n2\n3,x,y\nfour,x\n5,"x"y\n6,x\n7,"open\n8,x\n',
    options: { ignore_errors: 'true', schema_infer_max_rec: '1' },
    types: ['a BIGINT', 'b VARCHAR'],
    rows: [
      [1n, 'x'],
      [6n, 'x'],
      [8n, 'x'],
    ],
  },
  {
    title: 'a record of several lines with a wrong number of fields is left out as a whole',
    content: 'a,b\n1,"x\ny",3\n2,z\n"p\nq"\n3,"r\ns"\n',
    options: { malformed: 'skip' },
    types: ['a VARCHAR', 'b VARCHAR'],
    rows: [
      ['2', 'z'],
      ['3', 'r\ns'],
    ],
    scan: { schema: schemaOf(field('a', UTF8), field('b', UTF8)) },
  },
  {
    title: 'a zero byte is a character',
    content: 'a,b\nx\0y,1\n',
    types: ['a VARCHAR', 'b BIGINT'],
    rows: [['x\0y', 1n]],
  },
  {
    title: 'long delimiters, through the general reader',
    content: 'a||b\n1||x|y\n',
    options: { delimiter: '||' },
    types: ['a BIGINT', 'b VARCHAR'],
    rows: [[1n, 'x|y']],
  },
  {
    title: 'gzip',
    content: gzipSync('a,b\n1,x\n'),
    options: { compression: 'gzip' },
    types: ['a BIGINT', 'b VARCHAR'],
    rows: [[1n, 'x']],
  },
]

for (const { title, content, options, types, rows, scan } of CASES) {
  test.serial(`CSV: ${title}`, async t => {
    const before = bytesInUse()
    const result = await scanFile(fileOf(content), { ...(options ? { options } : {}), ...scan })
    t.deepEqual(
      result.schema.fields.map(({ name, type }) => `${name} ${typeName(type)}`),
      types,
    )
    t.deepEqual(result.rows, rows)
    t.is(bytesInUse(), before)
  })
}

const ERRORS: readonly (readonly [
  title: string,
  content: string,
  reason: string,
  options?: Readonly<Record<string, string>>,
])[] = [
  ['too few fields', 'a,b\n1,2\n3\n', 'line 3, column 2: the record has 1 field, not 2'],
  ['too many fields', 'a,b\n"1\n",2\n3,4,5\n', 'line 4, column 3: the record has 3 fields, not 2'],
  ['an open quote', 'a,b\n1,"x\n', 'line 2, column 2: a quoted field is not closed'],
  ['text after a quote', 'a,b\n"1"x,2\n', 'line 2, column 1: text follows a closing quote'],
]

for (const [title, content, reason, options] of ERRORS) {
  test.serial(`CSV: ${title} is an error with its line and column`, async t => {
    const before = bytesInUse()
    const path = fileOf(content)
    const error = await t.throwsAsync(
      scanFile(path, { ...(options ? { options } : {}), schema: schemaOf(field('a', UTF8), field('b', UTF8)) }),
    )
    t.is(error?.message, `${path}: ${reason}`)
    t.is(bytesInUse(), before)
  })
}

test.serial('CSV: files from which no columns can be inferred are errors that say why', async t => {
  const empty = 'is empty: there is nothing to infer columns from; give the table a column list'
  for (const [content, reason] of [
    ['\n\r\n', empty],
    ['# only\n# comments', empty],
    ['\uFEFF\n', empty],
    ['# first\n"a"x,b\n1,2\n', 'line 2, column 1: text follows a closing quote'],
    ['a,"b\n1,2\n', 'line 1, column 2: a quoted field is not closed'],
  ]) {
    const path = fileOf(content)
    const error = await t.throwsAsync(scanFile(path, { options: { comment: '#' } }))
    t.is(error?.message, `${path}: ${reason}`)
  }
})

test.serial('CSV: the general reader does not leave out quotes that do not pair', async t => {
  const path = fileOf('a::b\n1::"x"y\n2::z\n')
  const error = await t.throwsAsync(scanFile(path, { options: { malformed: 'skip', delimiter: '::' } }))
  t.regex(String(error?.message), /line 2, Invalid Closing Quote/)
})

test.serial('CSV: a value of another type is an error that says what to do', async t => {
  const path = fileOf('a,b\n1,2\n2,x\n')
  const error = await t.throwsAsync(scanFile(path, { schema: schemaOf(field('a', INT64), field('b', INT64)) }))
  t.is(
    error?.message,
    `${path}: line 3, column 'b': 'x' is not a value of type BIGINT; correct the file, declare the column as VARCHAR, or raise schema_infer_max_rec`,
  )
})

test.serial('CSV: malformed records that are left out are counted', async t => {
  const content = 'a,b\n1,x\n2\n3,x,y\nfour,x\n6,x\n'
  for (const delimiter of [',', '::']) {
    const path = fileOf(content.replaceAll(',', delimiter))
    const before = ioStats().skippedRecords
    const options = { malformed: 'skip', delimiter }
    const { rows } = await scanFile(path, {
      options,
      schema: schemaOf(field('a', INT64), field('b', UTF8)),
      projection: ['b'],
    })
    t.deepEqual(rows, [['x'], ['x']])
    t.is(ioStats().skippedRecords - before, 3)
  }
})

test.serial('CSV: text that is not UTF-8 is an error with its line', async t => {
  const path = fileOf(Buffer.from('a,b\n1,2\n3,\xff\n', 'latin1'))
  const error = await t.throwsAsync(scanFile(path, { schema: schemaOf(field('a', INT64), field('b', UTF8)) }))
  t.is(error?.message, `${path}: line 3, the text is not UTF-8; convert it, for example with iconv`)
})

test.serial('CSV: unknown options are named with a suggestion', async t => {
  const error = await t.throwsAsync(scanFile(fileOf('a\n1\n'), { options: { delimitr: ';' } }))
  t.is(error?.message, "option 'delimitr': CSV files have no such option, did you mean 'delimiter'?")
})

test.serial('CSV: a large file is read in ranges that give every record once', async t => {
  const before = bytesInUse()
  const path = join(duck.directory, 'large.csv')
  const query = `select i, case when i % 7 = 0 then null else 'text, with "quotes" ' || repeat('long ', 20) || i end as s, (i / 8)::double as d, date '2000-01-01' + (i % 10000)::int as t from range(200000) r(i)`
  await duck.run(`copy (${query}) to '${path}' (header)`)
  const { rows, partitionCount } = await scanFile(path, { targetPartitions: 3 })
  t.is(partitionCount, 3)
  t.is(firstDifference(rows, await duck.rows(query)), undefined)
  t.is(bytesInUse(), before)
})

test.serial('CSV: a quoted line end where the file is cut is refused, and read with the option', async t => {
  // Every record after the sample is one quoted field of line ends, so that a cut surely falls into one.
  const plain = 'a,b\n' + '1,x\n'.repeat(1500)
  const path = fileOf(plain + `1,"${'line\n'.repeat(20)}"\n`.repeat(250_000))
  const schema = schemaOf(field('a', INT64), field('b', UTF8))
  const error = await t.throwsAsync(scanFile(path, { schema, targetPartitions: 2 }))
  t.regex(String(error?.message), /newlines_in_values|the record has|closed|text follows/)
  const { rows } = await scanFile(path, { schema, targetPartitions: 2, options: { newlines_in_values: 'true' } })
  t.is(rows.length, 251_500)
})

test.serial(
  'CSV: a directory, a glob and a file give their rows; names that start with a dot or _ are skipped',
  async t => {
    const { mkdirSync } = await import('node:fs')
    const directory = join(duck.directory, 'many')
    mkdirSync(join(directory, 'sub'), { recursive: true })
    writeFileSync(join(directory, 'a.csv'), 'x\n1\n')
    writeFileSync(join(directory, 'sub', 'b.csv'), 'x\n2\n')
    writeFileSync(join(directory, '.c.csv'), 'x\n3\n')
    writeFileSync(join(directory, '_d.csv'), 'x\n4\n')
    t.deepEqual((await scanFile(`${directory}/`)).rows, [[1n], [2n]])
    t.deepEqual((await scanFile(`${directory}/*.csv`)).rows, [[1n]])
    t.deepEqual((await scanFile(`${directory}/**/*.csv`)).rows, [[1n], [2n]])
    t.deepEqual((await scanFile(`${directory}/{a,z}.csv`)).rows, [[1n]])
    const error = await t.throwsAsync(scanFile(`${directory}/none*.csv`))
    t.is(
      error?.message,
      `host ${HOST.name} cannot read '${directory}/none*.csv': there is no CSV file; give the table a column list`,
    )
  },
)
