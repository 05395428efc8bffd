/**
 * Damaged Parquet pages: whatever the bytes say, a scan gives rows or a coded error, soon, and touches no memory but its own. Guard
 * blocks lie between those that the scans allocate.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import * as wasm from 'parquet-wasm'
import { alloc, bytesInUse, release, views } from '../../src/arrow/memory.js'
import { INT32 } from '../../src/arrow/types.js'
import type { Rng } from '../../src/common/clock.js'
import { BallistaError } from '../../src/common/errors.js'
import { binaryExpr, columnExpr } from '../../src/expr/build.js'
import { literal } from '../../src/expr/expr.js'
import { below, testRng } from '../arrow/random-columns.js'
import { openDuck, scanFile, type Duck } from './duckdb.js'

let duck: Duck
test.before(async () => {
  duck = await openDuck()
})
test.after.always(() => duck.close())

const FULL = process.env.BALLISTA_TEST_FULL === '1'
const MUTATIONS = FULL ? 600 : 60

const COLUMNS = [
  '(i % 7)::int as pick',
  'case when hash(i) % 3 = 0 then null else i end as n',
  "case when i % 5 = 0 then null else ['a', 'bb', 'ccc'][1 + i % 3] end as few",
  "case when hash(i) % 4 = 0 then null else 'text ' || repeat('é', (hash(i) % 30)::int) || i end as many",
  '(i * 7.25)::decimal(15,2) as cents',
  "(i * '12345678901234567890.5'::decimal(38,1))::decimal(38,1) as wide",
  'case when hash(i) % 3 = 0 then null else i % 2 = 0 end as flag',
  "encode('b' || i) as bin",
  "timestamp '2001-01-01' + to_seconds(i) as moment",
]

async function writeFile(name: string, options: string): Promise<string> {
  const file = join(duck.directory, name)
  await duck.run(`copy (select ${COLUMNS.join(', ')} from range(3000) r(i)) to '${file}' (format parquet, ${options})`)
  return file
}

function rewrite(file: string, version: wasm.WriterVersion): string {
  const builder = new wasm.WriterPropertiesBuilder()
    .setDataPageSizeLimit(600)
    .setWriteBatchSize(64)
    .setDictionaryPageSizeLimit(1500)
    .setWriterVersion(version)
  const target = file.replace('.parquet', `-rust-${version}.parquet`)
  writeFileSync(target, wasm.writeParquet(wasm.readParquet(readFileSync(file)), builder.build()))
  return target
}

const GUARD_SIZES = [64, 1024, 4096, 8192, 32_768, 65_536, 200_000]

/** Blocks of all sizes with holes between them, in which the scans' blocks will lie. */
function placeGuards(): { check(): boolean; release(): void } {
  const guards = GUARD_SIZES.flatMap(size => {
    const blocks = Array.from({ length: 24 }, () => ({ position: alloc(size), size }))
    for (const { position } of blocks.filter((_, i) => i % 2 === 1)) release(position)
    return blocks.filter((_, i) => i % 2 === 0)
  })
  for (const { position, size } of guards) views().u8.fill(0xa5, position, position + size)
  const expected = Buffer.alloc(Math.max(...GUARD_SIZES), 0xa5)
  return {
    check: () =>
      guards.every(
        ({ position, size }) =>
          Buffer.compare(views().u8.subarray(position, position + size), expected.subarray(0, size)) === 0,
      ),
    release: () => guards.forEach(({ position }) => release(position)),
  }
}

/** One to three changes in the pages: any byte, numbers at the edges, runs of bytes moved over others. */
function damage(rng: Rng, whole: Buffer): Buffer {
  const bytes = Buffer.from(whole)
  const footer = bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8)
  for (let change = below(rng, 3); change >= 0; change--) {
    const at = 4 + below(rng, footer - 12)
    switch (below(rng, 4)) {
      case 0:
        bytes[at] = below(rng, 256)
        break
      case 1:
        bytes[at] ^= 1 << below(rng, 8)
        break
      case 2:
        bytes.writeUInt32LE([0, 0xffffffff, 0x7fffffff, 0x80000000, footer][below(rng, 5)], at)
        break
      default:
        bytes.copy(bytes, at, 4 + below(rng, footer - 12), 4 + below(rng, footer - 4))
    }
    // A copy may have run into the footer, which other tests break.
    whole.copy(bytes, footer, footer)
  }
  return bytes
}

const CODES: ReadonlySet<string> = new Set(['FILE_INVALID', 'NOT_SUPPORTED', 'ARENA_EXHAUSTED'])

async function scanDamaged(file: string, rng: Rng): Promise<string> {
  const pick = columnExpr('pick', INT32, true)
  const filters = rng.next() < 0.5 ? [] : [binaryExpr('<', pick, literal(1 + below(rng, 6), INT32))]
  try {
    await scanFile(file, { filters, batchRows: [100, 1000, 8192][below(rng, 3)] })
    return 'none'
  } catch (error) {
    if (error instanceof BallistaError) return error.code
    throw error
  }
}

/** Longest time for one small file, on a machine that does other things too. */
const LIMIT_MS = 5000

function breaks(title: string, make: () => Promise<string>): void {
  test.serial(title, async t => {
    const rng = testRng(message => t.log(message))
    const whole = readFileSync(await make())
    const before = bytesInUse()
    const guards = placeGuards()
    const codes = new Map<string, number>()
    const damaged = join(duck.directory, 'damaged.parquet')
    for (let round = 0; round < MUTATIONS; round++) {
      writeFileSync(damaged, damage(rng, whole))
      const start = performance.now()
      const code = await scanDamaged(damaged, rng)
      t.true(performance.now() - start < LIMIT_MS, `round ${round} took too long`)
      codes.set(code, (codes.get(code) ?? 0) + 1)
    }
    t.log([...codes].map(([code, count]) => `${code} ${count}`).join(', '))
    for (const code of codes.keys()) t.true(code === 'none' || CODES.has(code), code)
    t.true((codes.get('FILE_INVALID') ?? 0) > MUTATIONS / 20)
    t.true(guards.check(), 'memory of others was overwritten')
    guards.release()
    t.is(bytesInUse(), before)
  })
}

for (const codec of ['uncompressed', 'snappy', 'gzip', 'zstd', 'lz4_raw', 'brotli']) {
  for (const version of ['v1', 'v2']) {
    breaks(`pages that DuckDB wrote (${codec}, ${version}), damaged`, () =>
      writeFile(`${codec}-${version}.parquet`, `compression ${codec}, parquet_version ${version}`),
    )
  }
}
for (const version of [wasm.WriterVersion.V1, wasm.WriterVersion.V2]) {
  breaks(`small pages of the Rust writer, version ${version + 1}, damaged`, async () =>
    rewrite(await writeFile(`small-${version}.parquet`, 'compression uncompressed'), version),
  )
}
