/** Zstandard against another decoder, on pages that DuckDB compressed at several levels, whole and damaged. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { decompress as reference } from 'fzstd'
import { alloc, bytesInUse, release, views } from '../../src/arrow/memory.js'
import { CODEC, CODEC_SLOP, decompress } from '../../src/formats/parquet/codecs.js'
import { readFooter } from '../../src/formats/parquet/footer.js'
import { readPageHeader } from '../../src/formats/parquet/page-header.js'
import { below, testRng } from '../arrow/random-columns.js'
import { HOST, openDuck, type Duck } from '../formats/duckdb.js'

let duck: Duck
test.before(async () => {
  duck = await openDuck()
})
test.after.always(() => duck.close())

/** Texts with long and short repetitions, few and many symbols, one symbol, and none that repeat. */
const DATA = [
  "repeat('ab', (i % 90)::int) || i",
  "'Clerk#' || lpad((hash(i) % 1000)::varchar, 9, '0') || ' carefully ' || (i % 7)",
  'md5(i::varchar)',
  "encode(repeat('z', 40))",
  "from_hex(md5(i::varchar) || md5('x' || i))",
  'repeat(chr((97 + hash(i) % 3)::int), 1 + (hash(i) % 5)::int)',
  "repeat('The quick brown fox jumps. ', 1 + (i % 40)::int)",
]

interface Page {
  readonly bytes: Uint8Array
  readonly size: number
}

/** All compressed pages of a file of some rows of each kind of data. */
async function pagesAt(level: number): Promise<Page[]> {
  const file = join(duck.directory, `level-${level}.parquet`)
  const columns = DATA.map((expr, n) => `${expr} as c${n}`).join(', ')
  await duck.run(
    `copy (select i, ${columns} from range(4000) r(i)) to '${file}' (compression zstd, compression_level ${level})`,
  )
  const bytes = readFileSync(file)
  const footer = await readFooter(file, HOST)
  return footer.rowGroups.flatMap(group => group.chunks.flatMap(chunk => pagesOf(bytes, chunk.start, chunk.byteLength)))
}

function pagesOf(file: Buffer, start: number, byteLength: number): Page[] {
  const block = alloc(byteLength)
  views().u8.set(file.subarray(start, start + byteLength), block)
  const pages: Page[] = []
  for (let at = block; at < block + byteLength;) {
    const header = readPageHeader(at, block + byteLength, reason => new Error(reason))
    at += header.headerBytes
    pages.push({ bytes: views().u8.slice(at, at + header.compressedBytes), size: header.uncompressedBytes })
    at += header.compressedBytes
  }
  release(block)
  return pages
}

const CANARY = 0xa5
const GUARD_BYTES = 256

/** Decompresses between canaries; the output, or undefined if the kernel refused. */
function run(bytes: Uint8Array, size: number): Uint8Array | undefined {
  const source = alloc(bytes.length)
  const target = alloc(size + CODEC_SLOP + GUARD_BYTES)
  const { u8 } = views()
  u8.set(bytes, source)
  const guard = u8.subarray(target + size + CODEC_SLOP, target + size + CODEC_SLOP + GUARD_BYTES)
  guard.fill(CANARY)
  const isWhole = decompress(CODEC.zstd, source, bytes.length, target, size)
  const isIntact = guard.every(byte => byte === CANARY)
  const output = u8.slice(target, target + size)
  release(source)
  release(target)
  if (!isIntact) throw new Error('bytes behind the output were overwritten')
  return isWhole ? output : undefined
}

for (const level of [1, 3, 9, 19]) {
  test.serial(`pages compressed at level ${level} give what another decoder gives`, async t => {
    const before = bytesInUse()
    const pages = await pagesAt(level)
    t.true(pages.length > DATA.length)
    for (const { bytes, size } of pages) {
      const output = run(bytes, size)
      t.true(output !== undefined && Buffer.compare(output, reference(bytes)) === 0)
      t.is(run(bytes, size + 1), undefined)
      if (size > 0) t.is(run(bytes, size - 1), undefined)
    }
    t.is(bytesInUse(), before)
  })
}

test.serial('damaged frames are refused or give bytes, and nothing behind the output is written', async t => {
  const rng = testRng(message => t.log(message))
  const before = bytesInUse()
  const pages = [...(await pagesAt(1)), ...(await pagesAt(19))]
  let refused = 0
  const count = process.env.BALLISTA_TEST_FULL === '1' ? 20_000 : 2000
  for (let round = 0; round < count; round++) {
    const { bytes: whole, size } = pages[below(rng, pages.length)]
    const bytes = Uint8Array.from(whole)
    for (let change = below(rng, 3); change >= 0; change--) {
      const at = below(rng, rng.next() < 0.5 ? Math.min(bytes.length, 60) : bytes.length)
      if (rng.next() < 0.5) bytes[at] = below(rng, 256)
      else bytes[at] ^= 1 << below(rng, 8)
    }
    const cut = rng.next() < 0.2 ? below(rng, bytes.length) : bytes.length
    refused += run(bytes.subarray(0, cut), size) === undefined ? 1 : 0
  }
  t.true(refused > count / 4)
  t.is(bytesInUse(), before)
})
