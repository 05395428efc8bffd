/** What `--format` prints, to the byte. */
import { tableFromIPC } from 'apache-arrow'
import test from 'ava'
import { batchFromValues, releaseBatch } from '../../src/arrow/column.js'
import { bytesInUse } from '../../src/arrow/memory.js'
import type { Schema } from '../../src/arrow/schema.js'
import { field } from '../../src/arrow/schema.js'
import { BOOLEAN, DATE, decimal, FLOAT64, INT32, INT64, timestamp, UTF8, type Value } from '../../src/arrow/types.js'
import { resultWriter, type Format } from '../../src/session/output/result-writer.js'

const SCHEMA: Schema = {
  fields: [
    field('n', INT32),
    field('big', INT64),
    field('money', decimal(15, 2)),
    field('wide', decimal(38, 3)),
    field('x', FLOAT64),
    field('text, "quoted"', UTF8),
    field('day', DATE),
    field('at', timestamp('us')),
    field('flag', BOOLEAN),
  ],
}
const FIRST: readonly Value[] = [1, 9_007_199_254_740_993n, -5n, 10n ** 37n, 0.1, 'a,"b"', 18_322, 1_500_000n, true]
const SECOND: readonly Value[] = [-2, -1n, 150n, -1n, 1e300, '', -1, -1n, false]
const THIRD: readonly Value[] = SCHEMA.fields.map(() => null)
const FOURTH: readonly Value[] = [0, 0n, 0n, 0n, NaN, 'tab\tline\nend \u00e9', 0, 0n, null]

/** The rows as two batches. */
async function output(
  format: Format,
  batches: readonly (readonly (readonly Value[])[])[],
  schema = SCHEMA,
): Promise<Buffer> {
  const writer = await resultWriter(format, 40)
  const parts = [await writer.start(schema)]
  for (const rows of batches) {
    const batch = batchFromValues(
      schema,
      schema.fields.map((_, i) => rows.map(row => row[i])),
    )
    parts.push(Buffer.from(writer.batch(batch)))
    releaseBatch(batch)
  }
  parts.push(await writer.end())
  return Buffer.concat(parts.map(part => Buffer.from(part)))
}

const BATCHES = [
  [FIRST, SECOND],
  [THIRD, FOURTH],
]

/** The text of `BATCHES`, of no rows, and of a statement without a result. */
const TEXTS: readonly { readonly format: Format; readonly rows: string; readonly none: string }[] = [
  {
    format: 'csv',
    rows: [
      'n,big,money,wide,x,"text, ""quoted""",day,at,flag',
      '1,9007199254740993,-0.05,10000000000000000000000000000000000.000,0.1,"a,""b""",2020-03-01,1970-01-01T00:00:01.500,true',
      '-2,-1,1.50,-0.001,1e+300,"",1969-12-31,1969-12-31T23:59:59.999999,false',
      ',,,,,,,,',
      '0,0,0.00,0.000,NaN,"tab\tline\nend \u00e9",1970-01-01,1970-01-01T00:00:00,',
      '',
    ].join('\n'),
    none: 'n,big,money,wide,x,"text, ""quoted""",day,at,flag\n',
  },
  {
    format: 'tsv',
    rows: [
      'n\tbig\tmoney\twide\tx\t"text, ""quoted"""\tday\tat\tflag',
      '1\t9007199254740993\t-0.05\t10000000000000000000000000000000000.000\t0.1\t"a,""b"""\t2020-03-01\t1970-01-01T00:00:01.500\ttrue',
      '-2\t-1\t1.50\t-0.001\t1e+300\t""\t1969-12-31\t1969-12-31T23:59:59.999999\tfalse',
      '\t\t\t\t\t\t\t\t',
      '0\t0\t0.00\t0.000\tNaN\t"tab\tline\nend \u00e9"\t1970-01-01\t1970-01-01T00:00:00\t',
      '',
    ].join('\n'),
    none: 'n\tbig\tmoney\twide\tx\t"text, ""quoted"""\tday\tat\tflag\n',
  },
  {
    format: 'json',
    rows:
      '[' +
      [
        '{"n":1,"big":9007199254740993,"money":-0.05,"wide":10000000000000000000000000000000000.000,"x":0.1,"text, \\"quoted\\"":"a,\\"b\\"","day":"2020-03-01","at":"1970-01-01T00:00:01.500","flag":true}',
        '{"n":-2,"big":-1,"money":1.50,"wide":-0.001,"x":1e+300,"text, \\"quoted\\"":"","day":"1969-12-31","at":"1969-12-31T23:59:59.999999","flag":false}',
        '{"n":null,"big":null,"money":null,"wide":null,"x":null,"text, \\"quoted\\"":null,"day":null,"at":null,"flag":null}',
        '{"n":0,"big":0,"money":0.00,"wide":0.000,"x":"NaN","text, \\"quoted\\"":"tab\\u0009line\\u000aend \u00e9","day":"1970-01-01","at":"1970-01-01T00:00:00","flag":null}',
      ].join(',\n') +
      ']\n',
    none: '[]\n',
  },
  {
    format: 'ndjson',
    rows: [
      '{"n":1,"big":9007199254740993,"money":-0.05,"wide":10000000000000000000000000000000000.000,"x":0.1,"text, \\"quoted\\"":"a,\\"b\\"","day":"2020-03-01","at":"1970-01-01T00:00:01.500","flag":true}',
      '{"n":-2,"big":-1,"money":1.50,"wide":-0.001,"x":1e+300,"text, \\"quoted\\"":"","day":"1969-12-31","at":"1969-12-31T23:59:59.999999","flag":false}',
      '{"n":null,"big":null,"money":null,"wide":null,"x":null,"text, \\"quoted\\"":null,"day":null,"at":null,"flag":null}',
      '{"n":0,"big":0,"money":0.00,"wide":0.000,"x":"NaN","text, \\"quoted\\"":"tab\\u0009line\\u000aend \u00e9","day":"1970-01-01","at":"1970-01-01T00:00:00","flag":null}',
      '',
    ].join('\n'),
    none: '',
  },
]

for (const { format, rows, none } of TEXTS) {
  test.serial(`${format}: rows, no rows, and a statement without a result`, async t => {
    const before = bytesInUse()
    t.is((await output(format, BATCHES)).toString(), rows)
    t.is((await output(format, [])).toString(), none)
    t.is((await output(format, [], { fields: [] })).toString(), '')
    t.is(bytesInUse(), before)
  })
}

test.serial('arrow: an IPC stream with all rows, and with none', async t => {
  const before = bytesInUse()
  const table = tableFromIPC(await output('arrow', BATCHES))
  t.is(table.numRows, 4)
  t.deepEqual(
    table.schema.fields.map(({ name }) => name),
    SCHEMA.fields.map(({ name }) => name),
  )
  t.deepEqual([...(table.getChild('big') ?? [])], [9_007_199_254_740_993n, -1n, null, 0n])
  t.deepEqual([...(table.getChild('text, "quoted"') ?? [])], ['a,"b"', '', null, 'tab\tline\nend \u00e9'])
  const empty = tableFromIPC(await output('arrow', []))
  t.is(empty.numRows, 0)
  t.is(empty.schema.fields.length, SCHEMA.fields.length)
  t.is((await output('arrow', [], { fields: [] })).length, 0)
  t.is(bytesInUse(), before)
})
