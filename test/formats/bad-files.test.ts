/** Files that lie, files that are none, and files that change: a coded error within a second or the right answer, nothing left. */
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import test, { type ExecutionContext } from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import { BallistaError } from '../../src/common/errors.js'
import { openListingTable } from '../../src/formats/listing-table.js'
import { openScan } from '../../src/formats/open-scan.js'
import { ioStats } from '../../src/runtime/io-counters.js'
import { localTaskContext } from '../../src/runtime/local-task-context.js'
import { threadCpuMs } from '../helpers/thread-cpu.js'
import { HOST, firstDifference, openDuck, rowsOf, scanFile, type Duck, type Rows } from './duckdb.js'
import { CODES, parquetFile, withFooter, type Lies } from './hostile/parquet-file.js'

/** Processor time; on a busy machine the clock says nothing. */
const CPU_LIMIT_MS = 1000

let duck: Duck
test.before(async () => {
  duck = await openDuck()
  // Loads what reads each format, so that no case pays for it.
  for (const ending of ['csv', 'parquet']) {
    const path = join(duck.directory, `warm.${ending}`)
    await duck.run(`COPY (SELECT 1 AS a) TO '${path}'`)
    await scanFile(path)
  }
})
test.after.always(() => duck.close())

/** The rows, or `CODE: message` without the directory. */
async function outcomeOf(t: ExecutionContext, read: () => Promise<Rows>): Promise<Rows | string> {
  const startMs = threadCpuMs()
  const outcome = await read().catch((error: unknown) => {
    if (!(error instanceof BallistaError)) throw error
    return `${error.code}: ${error.message.replaceAll(duck.directory, '$DIR')}`
  })
  const cpuMs = threadCpuMs() - startMs
  t.true(cpuMs < CPU_LIMIT_MS, `${cpuMs} ms of processor time`)
  t.is(bytesInUse(), 0)
  t.is(ioStats().openFiles, 0)
  return outcome
}

const scan = (t: ExecutionContext, path: string, options = {}): Promise<Rows | string> =>
  outcomeOf(t, async () => (await scanFile(path, options)).rows)

function fileOf(name: string, content: Uint8Array | string): string {
  const path = join(duck.directory, name)
  writeFileSync(path, content)
  return path
}

const RIGHT = [[0n], [1n], [2n]]

test.serial('the files written by hand are right where nothing in them is a lie', async t => {
  t.deepEqual(await scan(t, fileOf('plain.parquet', parquetFile())), RIGHT)
  t.deepEqual(await scan(t, fileOf('coded.parquet', parquetFile({ encoding: 8 }))), RIGHT)
})

const MAX = 2 ** 31 - 1

const LIES: Readonly<Record<string, Lies>> = {
  'a page of 2^31 - 1 bytes': { compressedBytes: MAX, uncompressedBytes: MAX },
  'a page that unpacks to 2^31 - 1 bytes': { uncompressedBytes: MAX, codec: 1 },
  'a page of a negative size': { compressedBytes: -1, uncompressedBytes: -1 },
  'a page of negative values': { pageValues: -3 },
  'a chunk of 2^31 - 1 values and rows': { pageValues: MAX, chunkValues: MAX, rows: MAX },
  'a row group of more rows than values': { rows: 4 },
  'a row group of 2^40 rows': { rows: 2 ** 40, chunkValues: 2 ** 40 },
  'a chunk of negative rows': { rows: -1, chunkValues: -1 },
  'a chunk behind the end': { chunkOffset: 2 ** 30 },
  'a chunk longer than the file': { chunkBytes: 2 ** 30 },
  'a dictionary code out of range': { encoding: 8, body: Uint8Array.of(2, 3, 0b111111, 0) },
  'a bit width of 255': { encoding: 8, body: Uint8Array.of(255, ...CODES.subarray(1)) },
  'a dictionary of 2^31 - 1 values': { encoding: 8, dictionaryValues: MAX },
  'a dictionary without values': { encoding: 8, dictionaryValues: 0 },
  'an unknown encoding': { encoding: 77 },
  'an unknown codec': { codec: 77 },
  'an unknown physical type': { physicalType: 77 },
  'a snappy page that is none': { codec: 1 },
  'a zstd page that is none': { codec: 6 },
  'a gzip page that is none': { codec: 2 },
  'a page header of 100 000 nested structs': { header: new Uint8Array(100_000).fill(0x1c) },
  'a footer longer than the file': { footerBytes: 0xffffffff },
  'a footer of no bytes': { footerBytes: 0 },
}

/** Lies that do no harm: the row group has three rows, and their values are there. */
const HARMLESS: Readonly<Record<string, readonly [Lies, Rows]>> = {
  'a page of 2^31 - 1 values': [{ pageValues: MAX }, RIGHT],
  'a page of more values than its bytes hold': [{ pageValues: 4 }, RIGHT],
  'a run of 2^31 codes': [{ encoding: 8, body: Uint8Array.of(2, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0) }, [[0n], [0n], [0n]]],
}

for (const [what, [lies, rows]] of Object.entries(HARMLESS)) {
  test.serial(`Parquet: ${what}`, async t => {
    const outcome = await scan(t, fileOf('lie.parquet', parquetFile(lies)))
    if (typeof outcome === 'string') t.regex(outcome, /^(FILE_INVALID|NOT_SUPPORTED): /)
    else t.deepEqual(outcome, rows)
  })
}

for (const [what, lies] of Object.entries(LIES)) {
  test.serial(`Parquet: ${what}`, async t => {
    const outcome = await scan(t, fileOf('lie.parquet', parquetFile(lies)))
    t.regex(String(outcome), /^(FILE_INVALID|NOT_SUPPORTED): /)
  })
}

test.serial('Parquet: a footer of 100 000 nested structs', async t => {
  const path = fileOf('deep.parquet', withFooter(new Uint8Array(0), new Uint8Array(100_000).fill(0x1c)))
  t.is(await scan(t, path), 'FILE_INVALID: $DIR/deep.parquet: the Parquet footer is nested too deeply')
})

test.serial('Parquet: a page that unpacks to a thousand times more than it may', async t => {
  const body = gzipSync(new Uint8Array(2 ** 26))
  const path = fileOf('bomb.parquet', parquetFile({ codec: 2, body, uncompressedBytes: 24 }))
  t.regex(String(await scan(t, path)), /^FILE_INVALID: /)
})

test.serial('Parquet: more than 10 000 columns, and a footer of more than 64 MiB', async t => {
  const wide = fileOf('wide.parquet', parquetFile({ columns: 10_001 }))
  t.is(await scan(t, wide), 'NOT_SUPPORTED: $DIR/wide.parquet: a table of 10001 columns is not supported')
  const long = fileOf('long.parquet', withFooter(new Uint8Array(0), new Uint8Array(2 ** 26 + 1)))
  t.is(await scan(t, long), 'NOT_SUPPORTED: $DIR/long.parquet: a Parquet footer of 67108865 bytes is not supported')
})

const FORMATS = ['csv', 'parquet', 'arrow', 'arrows', 'json', 'csv.gz', 'csv.zst', 'json.gz'] as const

test.serial('empty files', async t => {
  for (const ending of FORMATS) {
    t.regex(String(await scan(t, fileOf(`empty.${ending}`, ''))), /^FILE_INVALID: \$DIR\/empty\./, ending)
  }
})

test.serial('a directory, a pipe and nothing in place of a file', async t => {
  mkdirSync(join(duck.directory, 'directory.csv'))
  const pipe = join(duck.directory, 'pipe.csv')
  spawnSync('mkfifo', [pipe])
  t.is(
    await scan(t, join(duck.directory, 'directory.csv')),
    `FILE_NOT_READABLE: host ${HOST.name} cannot read '$DIR/directory.csv': there is no CSV file; give the table a column list`,
  )
  t.is(await scan(t, pipe), "NOT_SUPPORTED: the location '$DIR/pipe.csv', which is no regular file is not supported")
  t.regex(String(await scan(t, join(duck.directory, 'nothing.csv'))), /^FILE_NOT_READABLE: .* ENOENT/)
})

/** Good files by ending, of 3 000 rows. */
async function goodFiles(): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>()
  for (const ending of ['csv', 'json', 'parquet']) {
    const path = join(duck.directory, `good.${ending}`)
    await duck.run(`COPY (SELECT i AS id, 'text ' || i AS t FROM range(3000) AS r(i)) TO '${path}'`)
    files.set(ending, path)
  }
  const csv = readFileSync(join(duck.directory, 'good.csv'))
  files.set('csv.gz', fileOf('good.csv.gz', gzipSync(csv)))
  return files
}

test.serial('one format under the name of another', async t => {
  const files = await goodFiles()
  for (const [ending, path] of files) {
    for (const format of ['csv', 'json', 'parquet', 'arrow']) {
      const isOwn = ending === format || (ending === 'csv.gz' && format === 'csv')
      const outcome = await scan(t, path, { format })
      if (isOwn) t.is(outcome.length, 3000)
      else if (format !== 'csv') t.regex(String(outcome), /^(FILE_INVALID|NOT_SUPPORTED): /, `${ending} as ${format}`)
    }
  }
})

/** Plans a scan of a copy of a good file, lets something happen to it, and reads. */
async function readAfter(
  t: ExecutionContext,
  path: string,
  change: (path: string) => void | Promise<void>,
): Promise<Rows | string> {
  const copy = path.replace('good', 'changing')
  copyFileSync(path, copy)
  return outcomeOf(t, async () => {
    const table = await openListingTable({ path: copy, host: HOST })
    const projection = [...table.schema.fields.keys()]
    const { source } = await table.scan({ projection, filters: [], targetPartitions: 3, minPartitionBytes: 1 })
    await change(copy)
    const rows: unknown[][] = []
    const partitions = source.kind === 'files' ? source.partitions : []
    for (const partition of partitions.keys()) {
      const output = { projection, schema: table.schema }
      for await (const batch of openScan(source, partition, output, localTaskContext())) rows.push(...rowsOf(batch))
    }
    return rows
  })
}

test.serial('a file that is truncated between planning and reading', async t => {
  for (const [ending, path] of await goodFiles()) {
    const outcome = await readAfter(t, path, copy => truncateSync(copy, Math.floor(readFileSync(copy).length / 2)))
    t.regex(String(outcome), /^FILE_INVALID: /, ending)
  }
})

test.serial('a file that is removed between planning and reading', async t => {
  for (const [ending, path] of await goodFiles()) {
    const outcome = await readAfter(t, path, copy => renameSync(copy, `${copy}.away`))
    t.regex(String(outcome), /^FILE_NOT_READABLE: /, ending)
  }
})

test.serial('a file that is replaced by a longer one between planning and reading', async t => {
  for (const [ending, path] of await goodFiles()) {
    const longer = join(duck.directory, `longer.${ending}`)
    const rows = "SELECT i AS id, 'longer text ' || i AS t FROM range(9000) AS r(i)"
    await duck.run(`COPY (${rows}) TO '${longer}' ${ending === 'csv.gz' ? '(COMPRESSION gzip)' : ''}`)
    const outcome = await readAfter(t, path, copy => copyFileSync(longer, copy))
    if (typeof outcome === 'string') t.regex(outcome, /^FILE_INVALID: /, ending)
    else t.is(firstDifference(outcome, await duck.rows(rows)), undefined, ending)
  }
})
