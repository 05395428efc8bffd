/** Kernel families, each beside the plain JavaScript that somebody would write, and the nearest statement of SQL. */
import { columnFromValues, releaseColumn } from '../src/arrow/column.js'
import { alloc, kernels, release, views } from '../src/arrow/memory.js'
import { Segments, Slots } from '../src/arrow/segments.js'
import { UTF8 } from '../src/arrow/types.js'
import { seededRng } from '../src/common/clock.js'
import { likeColumn, likeSegments } from '../src/expr/vector/text.js'
import { CODEC, CODEC_SLOP, decompress } from '../src/formats/parquet/codecs.js'
import { GroupTable } from '../src/physical/operators/group-table.js'
import { RadixSort } from '../src/physical/operators/sort-radix.js'
import { snappyCompress, snappyDecompress } from './snappy.js'

/** Both give a number that only the right result has. */
export interface KernelFamily {
  readonly name: string
  kernel(): number
  reference(): number
  close(): void
  /** The same work on tables in memory of the same shape; absent: SQL does not show it alone. */
  readonly sql?: { readonly setup: readonly string[]; readonly statement: string }
}

/** Rows of a batch: kernels get them in such portions. */
const BATCH = 32_768

const free = (): void => undefined

/** `rows`: of the largest input. */
export const kernelFamilies = (rows: number): (() => KernelFamily)[] => [
  () => decode(rows),
  () => aggregate(rows),
  () => join(rows),
  () => like(Math.ceil(rows / 4)),
  () => sort(rows),
]

/** Decompression of a snappy column chunk of English words. */
function decode(rows: number): KernelFamily {
  const text = Buffer.from(comments(Math.ceil(rows / 16)).join(''))
  const compressed = snappyCompress(text)
  const source = alloc(compressed.length)
  const target = alloc(text.length + CODEC_SLOP)
  views().u8.set(compressed, source)
  const out = new Uint8Array(text.length)
  return {
    name: 'snappy',
    kernel() {
      if (!decompress(CODEC.snappy, source, compressed.length, target, text.length)) throw new Error('not snappy')
      return views().u8[target + text.length - 1]
    },
    reference: () => snappyDecompress(compressed, out)[text.length - 1],
    close: () => [source, target].forEach(release),
  }
}

const valueOf = (row: number): number => row % 1_000

/** sum(v) GROUP BY k: a tenth as many random keys as rows. */
function aggregate(rows: number): KernelFamily {
  const keys = randomKeys(rows, Math.ceil(rows / 10))
  const numbers = Float64Array.from(keys, Number)
  const keyBlock = arenaCopy(keys)
  const valueBlock = arenaCopy(BigInt64Array.from({ length: rows }, (_, row) => BigInt(valueOf(row))))
  const ids = alloc(BATCH * 4)
  return {
    name: 'hash aggregate',
    kernel() {
      const table = new GroupTable(1, false, free)
      const sums = new Segments(8, free)
      try {
        for (let from = 0; from < rows; from += BATCH) {
          const n = Math.min(BATCH, rows - from)
          table.assign({ words: keyBlock + from * 8, validity: 0 }, n, ids)
          sums.reserve(table.count)
          kernels().aggregateSum64(ids, valueBlock + from * 8, 8, 1, 0, 0, n, sums.directory)
        }
        let check = 0
        for (let group = 0; group < table.count; group++) check ^= views().i32[sums.at(group) / 4]
        return check
      } finally {
        table.close()
        sums.close()
      }
    },
    reference() {
      const sums = new Map<number, number>()
      for (let row = 0; row < rows; row++) {
        sums.set(numbers[row], (sums.get(numbers[row]) ?? 0) + valueOf(row))
      }
      let check = 0
      for (const sum of sums.values()) check ^= sum
      return check
    },
    close: () => [keyBlock, valueBlock, ids].forEach(release),
    sql: {
      setup: [keyTable('t', rows, Math.ceil(rows / 10))],
      statement: 'SELECT bit_xor(s) FROM (SELECT sum(v)::BIGINT AS s FROM t GROUP BY k)',
    },
  }
}

/** Every row looks for its key among a tenth as many, of which half are there. */
function join(rows: number): KernelFamily {
  const buildRows = Math.ceil(rows / 20)
  const probe = randomKeys(rows, 2 * buildRows)
  const build = Array.from({ length: buildRows }, (_, i) => key(2 * i))
  const numbers = Float64Array.from(probe, Number)
  const buildNumbers = build.map(Number)
  const probeBlock = arenaCopy(probe)
  const buildBlock = arenaCopy(BigInt64Array.from(build))
  const heads = alloc(BATCH * 4)
  const bits = Math.ceil(Math.log2(buildRows + 1)) + 1
  return {
    name: 'join',
    kernel() {
      const [keys, next, table] = [new Segments(8, free), new Segments(4, free), new Slots(free)]
      try {
        keys.reserve(buildRows)
        next.reserve(buildRows)
        table.reset(2 ** bits)
        const own = kernels()
        own.joinAppend(buildBlock, 1, 0, buildRows, keys.directory, next.directory, 0)
        own.joinBuild(keys.directory, 1, next.directory, 0, buildRows, table.directory, bits)
        let found = 0
        for (let from = 0; from < rows; from += BATCH) {
          const n = Math.min(BATCH, rows - from)
          found += own.joinHeadsWord(probeBlock + from * 8, 0, n, keys.directory, table.directory, bits, heads)
        }
        return found
      } finally {
        keys.close()
        next.close()
        table.close()
      }
    },
    reference() {
      const table = new Map<number, number>()
      buildNumbers.forEach((value, row) => table.set(value, row))
      let found = 0
      for (let row = 0; row < rows; row++) if (table.has(numbers[row])) found++
      return found
    },
    close: () => [probeBlock, buildBlock, heads].forEach(release),
    sql: {
      setup: [
        keyTable('probe', rows, 2 * buildRows),
        `CREATE TABLE build AS SELECT hash(2 * i) >> 12 AS k FROM range(${buildRows}) r(i)`,
      ],
      statement: 'SELECT count(*) FROM probe JOIN build USING (k)',
    },
  }
}

/** LIKE '%special%requests%'. */
function like(rows: number): KernelFamily {
  const texts = comments(rows)
  const columns = Array.from({ length: Math.ceil(rows / BATCH) }, (_, i) =>
    columnFromValues(UTF8, texts.slice(i * BATCH, (i + 1) * BATCH)),
  )
  const segments = likeSegments('%special%requests%', undefined)
  return {
    name: 'LIKE',
    kernel() {
      let found = 0
      for (const column of columns) {
        const hits = likeColumn(column, segments, false)
        found += kernels().bitmapCount(hits.values, hits.length)
        releaseColumn(hits)
      }
      return found
    },
    reference() {
      let found = 0
      for (const text of texts) {
        const at = text.indexOf('special')
        if (at >= 0 && text.includes('requests', at + 7)) found++
      }
      return found
    },
    close: () => columns.forEach(releaseColumn),
    sql: {
      setup: [
        `CREATE TABLE words AS SELECT unnest([${WORDS.map(word => `'${word}'`).join(', ')}]) AS w, generate_subscripts([${WORDS.map(() => 0).join(', ')}], 1) - 1 AS n`,
        `CREATE TABLE c AS SELECT string_agg(w, ' ' ORDER BY p) AS s FROM range(${rows}) r(i), range(8) q(p) JOIN words ON n = (hash(i * 8 + p) % ${WORDS.length})::BIGINT GROUP BY i`,
      ],
      statement: "SELECT count(*) FROM c WHERE s LIKE '%special%requests%'",
    },
  }
}

/** Row numbers in the order of 64-bit keys. */
function sort(rows: number): KernelFamily {
  const keys = randomKeys(rows, 2 ** 40)
  const numbers = Float64Array.from(keys, Number)
  const block = arenaCopy(keys)
  return {
    name: 'sort',
    kernel() {
      const radix = new RadixSort(rows, free)
      try {
        const steps = radix.by((index, from, to, out) => kernels().sortGather(block, index, from, to, out))
        while (steps.next().done !== true);
        return middle(views().u32.subarray(radix.index / 4, radix.index / 4 + rows))
      } finally {
        radix.close()
      }
    },
    reference() {
      const index = Uint32Array.from({ length: rows }, (_, row) => row)
      return middle(index.sort((left, right) => numbers[left] - numbers[right] || left - right))
    },
    close: () => release(block),
    sql: {
      setup: [keyTable('t', rows, 2 ** 40)],
      statement: 'SELECT bit_xor(r * (k % 7)) FROM (SELECT k, row_number() OVER (ORDER BY k) AS r FROM t)',
    },
  }
}

const middle = (index: Uint32Array): number => index[0] ^ index[index.length >>> 1] ^ index[index.length - 1]

/** Positive, below 2^52: exact as a double; no range of them is dense. */
function key(number: number): bigint {
  return BigInt.asUintN(64, (BigInt(number) + 1n) * 0x9e3779b97f4a7c15n) >> 12n
}

function randomKeys(rows: number, distinct: number): BigInt64Array {
  const rng = seededRng(5)
  return BigInt64Array.from({ length: rows }, () => key(Math.floor(rng.next() * distinct)))
}

const keyTable = (name: string, rows: number, distinct: number): string =>
  `CREATE TABLE ${name} AS SELECT hash(hash(i) % ${distinct}) >> 12 AS k, i % 1000 AS v FROM range(${rows}) r(i)`

function arenaCopy(values: BigInt64Array): number {
  const block = alloc(values.byteLength)
  views().i64.set(values, block / 8)
  return block
}

const WORDS = ['carefully', 'final', 'deposits', 'sleep', 'furiously', 'special', 'packages', 'across', 'the', 'ironic', 'requests', 'blithely', 'even', 'accounts', 'nag', 'quickly'] // oxfmt-ignore

function comments(rows: number): string[] {
  const rng = seededRng(9)
  return Array.from({ length: rows }, () =>
    Array.from({ length: 8 }, () => WORDS[Math.floor(rng.next() * WORDS.length)]).join(' '),
  )
}
