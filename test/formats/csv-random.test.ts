/** Random CSV files in every dialect: what was written is read back, as csv-parse reads it too, and values parse as by the general parser. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import test from 'ava'
import { parse } from 'csv-parse/sync'
import { bytesInUse } from '../../src/arrow/memory.js'
import { field } from '../../src/arrow/schema.js'
import * as types from '../../src/arrow/types.js'
import { typeName, type DataType } from '../../src/arrow/types.js'
import type { Rng } from '../../src/common/clock.js'
import { parseValue } from '../../src/expr/value-text.js'
import { below, testRng } from '../arrow/random-columns.js'
import { firstDifference, openDuck, plainOfValue, scanFile, type Duck, type Rows } from './duckdb.js'

const FILES = process.env['BALLISTA_TEST_FULL'] === '1' ? 2000 : 60

let duck: Duck
test.before(async () => {
  duck = await openDuck()
})
test.after.always(() => duck.close())

const oneOf = <T>(rng: Rng, choices: readonly T[]): T => choices[below(rng, choices.length)]

interface Dialect {
  readonly delimiter: string
  readonly quote: string
  readonly escape: string
  readonly newline: string
  readonly comment: string
}

const randomDialect = (rng: Rng): Dialect => {
  const quote = oneOf(rng, ['"', "'"])
  return {
    delimiter: oneOf(rng, [',', ';', '|', '\t']),
    quote,
    escape: oneOf(rng, [quote, quote, '\\']),
    newline: oneOf(rng, ['\n', '\r\n', '\r']),
    comment: oneOf(rng, ['', '', '#']),
  }
}

/** Texts that come near to what a reader may take for something else. */
function randomText(rng: Rng, { delimiter, quote, escape, newline }: Dialect): string {
  const parts = [
    'a',
    'bc',
    ' ',
    '0',
    'ß',
    '日本',
    '\u0000',
    delimiter,
    quote,
    escape,
    '#',
    newline === '\r' ? '' : '\r',
    '\n',
  ]
  const length = rng.next() < 0.02 ? below(rng, 3000) : below(rng, 12)
  return Array.from({ length }, () => oneOf(rng, parts)).join('')
}

function quoted(text: string, { quote, escape }: Dialect): string {
  const escaped = text.replaceAll(escape, escape + escape)
  return quote + (escape === quote ? escaped : escaped.replaceAll(quote, escape + quote)) + quote
}

function fieldOf(rng: Rng, text: string | null, dialect: Dialect): string {
  if (text === null) return ''
  const { delimiter, quote, escape, newline } = dialect
  const special = [delimiter, quote, escape, '\n', '\r', '#', ...newline]
  const isPlain = text !== '' && !special.some(part => text.includes(part))
  return isPlain && rng.next() < 0.7 ? text : quoted(text, dialect)
}

/** The file's text, with empty lines and comments in between where the dialect skips them. */
function fileText(rng: Rng, rows: readonly (readonly (string | null)[])[], dialect: Dialect): string {
  const { delimiter, newline, comment } = dialect
  const lines = rows.map(row => row.map(text => fieldOf(rng, text, dialect)).join(delimiter))
  const width = rows[0].length
  const withExtras = lines.flatMap(line => [
    ...(width > 1 && rng.next() < 0.05 ? [''] : []),
    ...(comment !== '' && rng.next() < 0.1 ? ['# a comment, with "quotes'] : []),
    line,
  ])
  return withExtras.join(newline) + (width === 1 || rng.next() < 0.5 ? newline : '')
}

test.serial('random files are read as they were written, and as csv-parse reads them', async t => {
  const rng = testRng(message => t.log(message))
  for (let file = 0; file < FILES; file++) {
    const dialect = randomDialect(rng)
    const width = 1 + below(rng, 6)
    const count = 1 + below(rng, rng.next() < 0.1 ? 20_000 : 30)
    const rows = Array.from({ length: count }, () =>
      Array.from({ length: width }, () => (rng.next() < 0.1 ? null : randomText(rng, dialect))),
    )
    const text = fileText(rng, rows, dialect)
    const isGzip = rng.next() < 0.3
    const path = join(duck.directory, `random.csv${isGzip ? '.gz' : ''}`)
    writeFileSync(path, isGzip ? gzipSync(text) : text)
    const { delimiter, quote, escape, comment, newline } = dialect
    const options = { has_header: 'false', delimiter, quote, escape, comment, terminator: newline }
    const schema = { fields: rows[0].map((_, i) => field(`c${i}`, types.UTF8)) }
    const scanned = await scanFile(path, { options, schema, batchRows: 1 + below(rng, 5000) })
    t.is(firstDifference(scanned.rows, rows), undefined, JSON.stringify({ file, dialect, text: text.slice(0, 500) }))
    if (count > 100) continue
    const expected = parse(text, {
      delimiter,
      quote,
      escape,
      comment: comment === '' ? null : comment,
      record_delimiter: newline,
      skip_empty_lines: width > 1,
      cast: (value, { quoting }) => (!quoting && value === '' ? null : value),
    }) as unknown as Rows
    t.is(firstDifference(scanned.rows, expected), undefined, JSON.stringify({ file, dialect, text }))
  }
  t.is(bytesInUse(), 0)
})

test.serial('random files cut into ranges give every record once, in order, as DuckDB does', async t => {
  const rng = testRng(message => t.log(message))
  let ranges = 0
  for (let file = 0; file < FILES; file++) {
    const dialect = { delimiter: ',', quote: '"', escape: '"', newline: oneOf(rng, ['\n', '\r\n']), comment: '' }
    const width = oneOf(rng, [1, 2, 1 + below(rng, 8), 1 + below(rng, 300)])
    const rows = Array.from({ length: 1 + below(rng, oneOf(rng, [3, 30, 300])) }, () =>
      Array.from({ length: width }, () =>
        rng.next() < 0.1 ? null : randomText(rng, dialect).replace(/[\r\n\0]/g, '"'),
      ),
    )
    const hasHeader = rng.next() < 0.5
    const header = hasHeader ? `${rows[0].map((_, i) => `c${i}`).join(',')}${dialect.newline}` : ''
    const text = (rng.next() < 0.2 ? '\uFEFF' : '') + header + fileText(rng, rows, dialect)
    const path = join(duck.directory, 'ranges.csv')
    writeFileSync(path, text)
    const schema = { fields: rows[0].map((_, i) => field(`c${i}`, types.UTF8)) }
    const scanned = await scanFile(path, {
      schema,
      options: { has_header: String(hasHeader) },
      targetPartitions: 2 + below(rng, 20),
      minPartitionBytes: 1,
      batchRows: 1 + below(rng, 50),
    })
    ranges += scanned.partitionCount
    const about = JSON.stringify({ file, width, text: text.slice(0, 500) })
    t.is(firstDifference(scanned.rows, rows), undefined, about)
    // DuckDB takes leading empty lines for a dialect of its own.
    if (/^\uFEFF?\r?\n/.test(text)) continue
    const columns = schema.fields.map(({ name }) => `${name}: 'VARCHAR'`).join(', ')
    const dialectOptions = `auto_detect = false, header = ${hasHeader}, delim = ',', quote = '"', escape = '"', nullstr = ''`
    const read = `SELECT * FROM read_csv('${path}', ${dialectOptions}, allow_quoted_nulls = false, columns = {${columns}})`
    t.is(firstDifference(scanned.rows, await duck.rows(read)), undefined, about)
  }
  t.true(ranges > 3 * FILES, `${ranges} ranges`)
  t.is(bytesInUse(), 0)
})

const VALUE_TYPES: readonly DataType[] = [
  types.BOOLEAN,
  types.INT8,
  types.INT16,
  types.INT32,
  types.INT64,
  types.UINT8,
  types.UINT64,
  types.FLOAT32,
  types.FLOAT64,
  types.decimal(5, 2),
  types.decimal(18, 4),
  types.decimal(38, 20),
  types.DATE,
  types.timestamp('s'),
  types.timestamp('ms'),
  types.timestamp('us'),
  types.timestamp('ns'),
]

const digits = (rng: Rng, most: number): string =>
  Array.from({ length: below(rng, most + 1) }, () => String(below(rng, 10))).join('')

/** Numbers, dates and times in and out of range, and what looks like them. */
const TEXTS: readonly ((rng: Rng) => string)[] = [
  rng => `${oneOf(rng, ['', '-', '+'])}${digits(rng, 21)}`,
  rng => `${oneOf(rng, ['', '-'])}${digits(rng, 5)}.${digits(rng, 5)}`,
  rng => `${oneOf(rng, ['', '-'])}${digits(rng, 19)}.${digits(rng, 19)}`,
  rng => `${digits(rng, 3)}e${oneOf(rng, ['', '-', '+'])}${digits(rng, 2)}`,
  rng => `${digits(rng, 4)}-${digits(rng, 2)}-${digits(rng, 2)}`,
  rng => `20${10 + below(rng, 90)}-${10 + below(rng, 4)}-${10 + below(rng, 22)}`,
  rng => `${1500 + below(rng, 900)}-0${1 + below(rng, 9)}-${10 + below(rng, 22)}`,
  rng =>
    `20${10 + below(rng, 90)}-0${1 + below(rng, 9)}-11${oneOf(rng, [' ', 'T', 't', 'x'])}${10 + below(rng, 16)}:${10 + below(rng, 52)}`,
  rng =>
    `2024-02-2${below(rng, 10)} 12:34:${10 + below(rng, 52)}${oneOf(rng, ['', '.', `.${digits(rng, 10)}`])}${oneOf(rng, ['', 'Z', '+02:00'])}`,
  rng =>
    oneOf(rng, [
      'true',
      'FALSE',
      'True',
      'fAlse',
      't',
      'yes',
      '0',
      'truth',
      'falsE!',
      'nan',
      '-inf',
      ' 1 ',
      '1 ',
      '*1',
      ':',
      '/',
      '-',
      '.',
      '-.5',
      '5.',
    ]),
  rng =>
    oneOf(rng, [
      '127',
      '128',
      '-128',
      '-129',
      '32768',
      '2147483647',
      '-2147483649',
      '9223372036854775807',
      '-9223372036854775808',
      '9223372036854775808',
      '18446744073709551615',
      '999.99',
      '1000.00',
      '0.005',
      '9007199254740993',
      '-0',
      '-0.0',
    ]),
  rng =>
    randomText(rng, { delimiter: ';', quote: "'", escape: "'", newline: '\n', comment: '' }).replace(/[",\n\r]/g, '1'),
]

test.serial('values parse as by the general parser; records that do not are left out when asked', async t => {
  const rng = testRng(message => t.log(message))
  const path = join(duck.directory, 'values.csv')
  for (const type of VALUE_TYPES) {
    const texts = Array.from({ length: 2000 }, () => oneOf(rng, TEXTS)(rng)).filter(text => !/[",]/.test(text))
    writeFileSync(
      path,
      texts.map((text, i) => `${i},${rng.next() < 0.1 && text !== '' ? `"${text}"` : text}\n`).join(''),
    )
    const schema = { fields: [field('i', types.INT64), field('v', type)] }
    const options = { has_header: 'false', malformed: 'skip' }
    const { rows } = await scanFile(path, { schema, options, batchRows: 1 + below(rng, 900) })
    const expected = texts.flatMap((text, i) => {
      try {
        return [[BigInt(i), text === '' ? null : plainOfValue(parseValue(text, type))]]
      } catch {
        return []
      }
    })
    t.is(firstDifference(rows, expected), undefined, typeName(type))
  }
  t.is(bytesInUse(), 0)
})
