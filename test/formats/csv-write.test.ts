/** Text of CSV rows from kernels against a plain reference, over every type, encoding and dialect. */
import test from 'ava'
import { columnFromValues, releaseBatch, valueAt } from '../../src/arrow/column.js'
import type { Batch, Column } from '../../src/arrow/batch.js'
import { bytesInUse } from '../../src/arrow/memory.js'
import { field } from '../../src/arrow/schema.js'
import { DATE, INT64, UTF8, decimal } from '../../src/arrow/types.js'
import { valueText } from '../../src/expr/value-text.js'
import { hasValue } from '../../src/formats/cell-text.js'
import { csvDialect } from '../../src/formats/csv/dialect.js'
import { fieldWriter, writeRows } from '../../src/formats/csv/format-rows.js'
import { TextBuffer } from '../../src/formats/text-buffer.js'
import { ALL_TYPES, below, randomColumn, testRng } from '../arrow/random-columns.js'

type Options = Readonly<Record<string, string>>

/** The text of all rows. */
function written(batch: Batch, options: Options): string {
  const out = new TextBuffer()
  const writer = fieldWriter(csvDialect(options, ''))
  const pieces: Buffer[] = []
  for (let row = 0; row < batch.rowCount;) {
    const next = writeRows(batch, row, out, writer)
    pieces.push(Buffer.from(out.take()))
    if (next <= row) throw new Error(`stays at row ${row}`)
    row = next
  }
  return Buffer.concat(pieces).toString()
}

function reference(
  { columns, rowCount }: Batch,
  { delimiter = ',', quote = '"', null_value: nullValue = '' }: Options,
): string {
  const cell = (column: Column, row: number): string => {
    if (!hasValue(column, row)) return nullValue
    const text = valueText(valueAt(column, row), column.type)
    const isText = column.type.kind !== 'int' && column.type.kind !== 'decimal' && column.type.kind !== 'date'
    const isSpecial =
      text === '' || text === nullValue || [delimiter, quote, '\n', '\r'].some(part => text.includes(part))
    return isText && isSpecial ? `${quote}${text.replaceAll(quote, quote + quote)}${quote}` : text
  }
  return Array.from(
    { length: rowCount },
    (_, row) => `${columns.map(column => cell(column, row)).join(delimiter)}\n`,
  ).join('')
}

const batchOf = (columns: readonly Column[]): Batch => ({
  schema: { fields: columns.map(({ type }, i) => field(`c${i}`, type)) },
  rowCount: columns[0].length,
  columns,
})

const DIALECTS: readonly Options[] = [
  {},
  { delimiter: ';', quote: "'", null_value: 'NULL' },
  { delimiter: '\t', null_value: `a text for NULL that is longer than any number ${'-'.repeat(50)}` },
]

test.serial('rows of every type are the text of their values', t => {
  const rng = testRng(message => t.log(message))
  const before = bytesInUse()
  const types = ALL_TYPES.filter(({ kind }) => kind !== 'struct' && kind !== 'map')
  for (let round = 0; round < 12; round++) {
    const length = 1 + below(rng, 300)
    const batch = batchOf(types.map(type => randomColumn(rng, type, length)))
    const options = DIALECTS[round % DIALECTS.length]
    t.is(written(batch, options), reference(batch, options))
    releaseBatch(batch)
  }
  t.is(bytesInUse(), before)
})

test.serial('numbers, dates and texts at their limits', t => {
  const before = bytesInUse()
  const most = 2n ** 63n - 1n
  const texts = [
    '',
    'a'.repeat(15),
    `${'b'.repeat(16)},`,
    `${'c'.repeat(31)}"`,
    `d\r`,
    '"'.repeat(700_000),
    'é'.repeat(300_000),
    null,
  ]
  const columns = [
    columnFromValues(INT64, [0n, -1n, most, -most - 1n, 4294967295n, 4294967296n, 9999999999n, -10000000000n]),
    ...[0, 1, 9, 18].map(scale =>
      columnFromValues(decimal(18, scale), [0n, -1n, 10n ** 18n - 1n, 1n - 10n ** 18n, 10n, -99n, 4294967296n, null]),
    ),
    columnFromValues(DATE, [0, -1, -719_468, 2_932_896, 11_016, 11_017, -25_508, null]),
    // Years that have a sign or five digits.
    columnFromValues(DATE, [-719_469, -800_000, 2_932_897, 3_000_000, 0, 1, 2, null]),
    columnFromValues(UTF8, texts),
  ]
  const batch = batchOf(columns)
  for (const options of DIALECTS) t.true(written(batch, options) === reference(batch, options))
  releaseBatch(batch)
  t.is(bytesInUse(), before)
})

test.serial('decimals of 64 bits have all digits of any scale', t => {
  for (const scale of [19, 20, 38]) {
    const { type: _type, ...stored } = columnFromValues(INT64, [0n, 5n, -(2n ** 63n), 2n ** 63n - 1n, null])
    const batch = batchOf([{ ...stored, type: decimal(38, scale) }])
    t.is(written(batch, {}), reference(batch, {}))
    releaseBatch(batch)
  }
})
