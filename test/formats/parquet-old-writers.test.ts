/** Columns as older Spark and Hive write them (INT96, big-endian decimals, PLAIN_DICTIONARY), in files made by hand; DuckDB is the oracle. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { PHYSICAL } from '../../src/formats/parquet/parquet-schema.js'
import {
  THRIFT,
  encodeThrift,
  structList,
  thriftStruct,
  utf8Bytes,
  type ThriftList,
  type ThriftStruct,
} from '../../src/formats/parquet/thrift-compact.js'
import { typeName } from '../../src/arrow/types.js'
import { bytesInUse } from '../../src/arrow/memory.js'
import { firstDifference, openDuck, scanFile, type Duck } from './duckdb.js'

let duck: Duck
test.before(async () => {
  duck = await openDuck()
})
test.after.always(() => duck.close())

interface HandMade {
  readonly physical: number
  readonly typeLength?: number
  readonly decimal?: readonly [precision: number, scale: number]
  /** PLAIN bytes of each value; undefined for NULL. */
  readonly values: readonly (Buffer | undefined)[]
  /** Stored once, with codes in a page of PLAIN_DICTIONARY. */
  readonly isDictionary?: boolean
}

const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)])

/** Bits in groups of 8 behind a bit-packed run's header. */
function packedRun(values: readonly number[], bits: number): Buffer {
  const groups = Math.ceil(values.length / 8)
  const bytes = Buffer.alloc(groups * bits)
  values.forEach((value, i) => {
    for (let bit = 0; bit < bits; bit++) {
      const at = i * bits + bit
      bytes[at >> 3] |= ((value >> bit) & 1) << (at & 7)
    }
  })
  return Buffer.concat([Buffer.from(varint(groups * 2 + 1)), bytes])
}

function page(body: Buffer, kind: number, header: readonly [number, ThriftStruct]): Buffer {
  const [field, struct] = header
  const fields = thriftStruct([
    [1, THRIFT.i32, kind],
    [2, THRIFT.i32, body.length],
    [3, THRIFT.i32, body.length],
    [field, THRIFT.struct, struct],
  ])
  return Buffer.concat([encodeThrift(fields), body])
}

const counts = (valueCount: number, encoding: number, hasLevels: boolean): ThriftStruct =>
  thriftStruct([
    [1, THRIFT.i32, valueCount],
    [2, THRIFT.i32, encoding],
    [3, THRIFT.i32, hasLevels ? 3 : undefined],
    [4, THRIFT.i32, hasLevels ? 4 : undefined],
  ])

const PLAIN = 0
const PLAIN_DICTIONARY = 2

function pagesOf({ values, isDictionary = false }: HandMade): { bytes: Buffer; dictionaryBytes: number } {
  const present = values.filter(value => value !== undefined)
  const levels = packedRun(
    values.map(value => (value === undefined ? 0 : 1)),
    1,
  )
  const levelBytes = Buffer.alloc(4)
  levelBytes.writeUInt32LE(levels.length)
  const data = (stored: Buffer, encoding: number): Buffer =>
    page(Buffer.concat([levelBytes, levels, stored]), 0, [5, counts(values.length, encoding, true)])
  if (!isDictionary) return { bytes: data(Buffer.concat(present), PLAIN), dictionaryBytes: 0 }
  const distinct = [...new Set(present.map(value => value.toString('latin1')))]
  const entries = distinct.map(text => Buffer.from(text, 'latin1'))
  const dictionary = page(Buffer.concat(entries), 2, [7, counts(entries.length, PLAIN_DICTIONARY, false)])
  const codes = present.map(value => distinct.indexOf(value.toString('latin1')))
  const coded = data(Buffer.concat([Buffer.of(5), packedRun(codes, 5)]), PLAIN_DICTIONARY)
  return { bytes: Buffer.concat([dictionary, coded]), dictionaryBytes: dictionary.length }
}

/** A file of one row group and one optional column `v`. */
function writeByHand(name: string, column: HandMade): string {
  const { physical, typeLength, decimal, values } = column
  const { bytes, dictionaryBytes } = pagesOf(column)
  const integers = (items: readonly number[]): ThriftList => ({ elementType: THRIFT.i32, items })
  const metadata = thriftStruct([
    [1, THRIFT.i32, physical],
    [2, THRIFT.list, integers([PLAIN, PLAIN_DICTIONARY, 3, 4])],
    [3, THRIFT.list, { elementType: THRIFT.binary, items: [utf8Bytes('v')] }],
    [4, THRIFT.i32, 0],
    [5, THRIFT.i64, values.length],
    [6, THRIFT.i64, bytes.length],
    [7, THRIFT.i64, bytes.length],
    [9, THRIFT.i64, 4 + dictionaryBytes],
    [11, THRIFT.i64, dictionaryBytes > 0 ? 4 : undefined],
  ])
  const chunk = thriftStruct([
    [2, THRIFT.i64, 4],
    [3, THRIFT.struct, metadata],
  ])
  const rowGroup = thriftStruct([
    [1, THRIFT.list, structList([chunk])],
    [2, THRIFT.i64, bytes.length],
    [3, THRIFT.i64, values.length],
  ])
  const root = thriftStruct([
    [4, THRIFT.binary, utf8Bytes('schema')],
    [5, THRIFT.i32, 1],
  ])
  const leaf = thriftStruct([
    [1, THRIFT.i32, physical],
    [2, THRIFT.i32, typeLength],
    [3, THRIFT.i32, 1],
    [4, THRIFT.binary, utf8Bytes('v')],
    [6, THRIFT.i32, decimal === undefined ? undefined : 5],
    [7, THRIFT.i32, decimal?.[1]],
    [8, THRIFT.i32, decimal?.[0]],
  ])
  const footer = encodeThrift(
    thriftStruct([
      [1, THRIFT.i32, 1],
      [2, THRIFT.list, structList([root, leaf])],
      [3, THRIFT.i64, values.length],
      [4, THRIFT.list, structList([rowGroup])],
    ]),
  )
  const tail = Buffer.alloc(8)
  tail.writeUInt32LE(footer.length)
  tail.write('PAR1', 4)
  const file = join(duck.directory, `${name}.parquet`)
  writeFileSync(file, Buffer.concat([Buffer.from('PAR1'), bytes, footer, tail]))
  return file
}

const rows = <T>(count: number, make: (row: number) => T): (T | undefined)[] =>
  Array.from({ length: count }, (_, row) => (row % 5 === 2 ? undefined : make(row)))

const bigEndian = (value: bigint, size: number): Buffer =>
  Buffer.from(
    BigInt.asUintN(size * 8, value)
      .toString(16)
      .padStart(size * 2, '0'),
    'hex',
  )

function withLength(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(bytes.length)
  return Buffer.concat([length, bytes])
}

function int96(day: number, nanos: bigint): Buffer {
  const bytes = Buffer.alloc(12)
  bytes.writeBigInt64LE(nanos)
  bytes.writeUInt32LE(day + 2_440_588, 8)
  return bytes
}

/** DuckDB keeps microseconds of INT96. */
const FILES: readonly (readonly [title: string, type: string, HandMade, sql?: string])[] = [
  [
    'INT96 timestamps',
    'TIMESTAMP(ns)',
    { physical: PHYSICAL.int96, values: rows(300, row => int96(row * 100 - 9000, BigInt(row) * 1_000_007_000n)) },
    'v::timestamp_ns',
  ],
  [
    'INT96 timestamps in a dictionary',
    'TIMESTAMP(ns)',
    { physical: PHYSICAL.int96, isDictionary: true, values: rows(300, row => int96(row % 30, 1000n)) },
    'v::timestamp_ns',
  ],
  ...[3, 4, 8, 9, 16].map((size): (typeof FILES)[number] => [
    `decimals of ${size} bytes`,
    `DECIMAL(${Math.floor(size * 2.4)}, 2)`,
    {
      physical: PHYSICAL.fixed,
      typeLength: size,
      decimal: [Math.floor(size * 2.4), 2],
      values: rows(300, row => bigEndian(BigInt(row - 150) * 10n ** BigInt(Math.floor(size * 2.4) - 3), size)),
    },
  ]),
  [
    'decimals of few bytes in a dictionary',
    'DECIMAL(9, 2)',
    {
      physical: PHYSICAL.fixed,
      typeLength: 4,
      decimal: [9, 2],
      isDictionary: true,
      values: rows(300, row => bigEndian(BigInt((row % 20) - 10), 4)),
    },
  ],
  [
    'decimals with a length each',
    'DECIMAL(20, 3)',
    {
      physical: PHYSICAL.byteArray,
      decimal: [20, 3],
      values: rows(300, row => withLength(bigEndian(BigInt(row - 150) * 7n ** BigInt(row % 20), 9))),
    },
  ],
]

for (const [title, type, column, sql = 'v'] of FILES) {
  test.serial(`${title} are read as DuckDB reads them`, async t => {
    const before = bytesInUse()
    const file = writeByHand(title.replaceAll(' ', '-'), column)
    for (const batchRows of [7, 1000]) {
      const { schema, rows: read } = await scanFile(file, { batchRows })
      t.is(typeName(schema.fields[0].type), type)
      t.is(firstDifference(read, await duck.rows(`select ${sql} from '${file}'`)), undefined)
    }
    t.is(bytesInUse(), before)
  })
}

test.serial('an INT96 timestamp that nanoseconds cannot hold is an error, not another time', async t => {
  const file = writeByHand('far', { physical: PHYSICAL.int96, values: [int96(3_000_000, 0n)] })
  await t.throwsAsync(scanFile(file), {
    code: 'FILE_INVALID',
    message: `${file}: row group 0: column 'v' has an INT96 timestamp outside the range of TIMESTAMP(ns)`,
  })
})
