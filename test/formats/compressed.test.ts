/** gzip and zstd: read as streams, whatever their frames are, and bounded in memory whatever they unpack to. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import test from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import { ioStats } from '../../src/runtime/io-counters.js'
import { firstDifference, openDuck, scanFile, type Duck, type Rows } from './duckdb.js'

let duck: Duck
test.before(async () => {
  duck = await openDuck()
})
test.after.always(() => duck.close())

const ROWS = `SELECT i AS id, 'text ' || (i * 7919 % 1000) AS t, md5(i::VARCHAR) AS h FROM range(20000) AS t(i)`
const idsOf = (rows: Rows): unknown[] => rows.map(row => row[0])

for (const ending of ['csv.gz', 'csv.zst', 'json.gz', 'json.zst']) {
  test.serial(`.${ending} is read as DuckDB wrote it`, async t => {
    const path = join(duck.directory, `t.${ending}`)
    const compression = ending.endsWith('gz') ? 'gzip' : 'zstd'
    await duck.run(`COPY (${ROWS}) TO '${path}' (COMPRESSION ${compression})`)
    const { rows } = await scanFile(path, { targetPartitions: 4, minPartitionBytes: 1 })
    t.is(firstDifference(rows, await duck.rows(ROWS)), undefined)
    t.is(bytesInUse(), 0)
  })
}

/** A file of DuckDB without its header. */
async function zstdOf(sql: string): Promise<Buffer> {
  const path = join(duck.directory, 'frame.csv.zst')
  await duck.run(`COPY (${sql}) TO '${path}' (COMPRESSION zstd, HEADER false)`)
  return readFileSync(path)
}

const SCHEMA_OPTIONS = { options: { has_header: 'false' } }

test.serial('zstd: frames follow each other, and those of other programs are skipped', async t => {
  const path = join(duck.directory, 'frames.csv.zst')
  const skippable = Buffer.from([0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3])
  const [one, two] = [await zstdOf('SELECT 1'), await zstdOf('SELECT 2')]
  writeFileSync(path, Buffer.concat([skippable, one, skippable, two, skippable]))
  t.deepEqual(idsOf((await scanFile(path, SCHEMA_OPTIONS)).rows), [1n, 2n])
})

const refused = async (t: import('ava').ExecutionContext, path: string, message: RegExp): Promise<void> => {
  await t.throwsAsync(scanFile(path, SCHEMA_OPTIONS), { message })
  t.is(bytesInUse(), 0)
  t.is(ioStats().openFiles, 0)
}

test.serial('a compressed file that ends too early is an error', async t => {
  const zstd = await zstdOf(ROWS)
  const path = join(duck.directory, 'short.csv.zst')
  for (const byteLength of [3, 9, 100, zstd.length - 1]) {
    writeFileSync(path, zstd.subarray(0, byteLength))
    await refused(t, path, /short\.csv\.zst: is not a complete zstd file: unexpected end$/)
  }
  const gzip = join(duck.directory, 'short.csv.gz')
  writeFileSync(gzip, gzipSync('1\n2\n').subarray(0, 15))
  await refused(t, gzip, /short\.csv\.gz: is not a complete gzip file: unexpected end of file$/)
})

test.serial('zstd: a frame that asks for a window of 2 GiB is refused before anything is allocated', async t => {
  const path = join(duck.directory, 'window.csv.zst')
  const [frame, block] = [
    [0x28, 0xb5, 0x2f, 0xfd, 0, 21 << 3],
    [0b11 | (1 << 3), 0, 0, 0x61],
  ]
  writeFileSync(path, Buffer.from([...frame, ...block]))
  await refused(t, path, /a zstd window of 2147483648 bytes is not supported$/)
})

/** 1 GiB of the letter `a` in frames of 16 MiB. */
function bomb(ending: 'gz' | 'zst'): Buffer {
  if (ending === 'gz') return Buffer.concat(Array.from({ length: 64 }, () => gzipSync(Buffer.alloc(2 ** 24, 'a'))))
  const block = (isLast: number): number[] => [
    isLast | (1 << 1) | ((131072 & 31) << 3),
    (131072 >> 5) & 255,
    131072 >> 13,
    0x61,
  ]
  const blocks = Array.from({ length: 128 }, (_, i) => block(i === 127 ? 1 : 0)).flat()
  return Buffer.concat(Array.from({ length: 64 }, () => Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 8 << 3, ...blocks])))
}

for (const ending of ['gz', 'zst'] as const) {
  test.serial(`a line of 1 GiB in a small .${ending} file is refused after 64 MiB`, async t => {
    const path = join(duck.directory, `bomb.csv.${ending}`)
    writeFileSync(path, bomb(ending))
    const before = process.memoryUsage().rss
    await refused(t, path, /at byte 0: a record of more than 67108864 bytes; is a quote not closed\?$/)
    t.true(process.memoryUsage().rss - before < 512 * 2 ** 20)
  })
}
