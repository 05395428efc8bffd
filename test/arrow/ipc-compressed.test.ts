/** Arrow IPC with compressed buffers, as pandas and polars write it; and LZ4 frames against a small compressor. */
import * as arrow from 'apache-arrow'
import test from 'ava'
import { loadArrow, readIpcStream } from '../../src/arrow/arrow-js.js'
import type { Batch } from '../../src/arrow/batch.js'
import { releaseBatch } from '../../src/arrow/column.js'
import { checkMessage, withoutCompression } from '../../src/arrow/ipc-metadata.js'
import { decodeLz4Frame } from '../../src/arrow/lz4.js'
import { bytesInUse } from '../../src/arrow/memory.js'
import { BallistaError } from '../../src/common/errors.js'
import type { Rng } from '../../src/common/clock.js'
import { batchRows, below, testRng } from './random-columns.js'

/** The length of literals or of a match behind a token: what its 4 bits do not hold. */
function* lengthBytes(length: number): Generator<number> {
  if (length < 15) return
  let rest = length - 15
  for (; rest >= 255; rest -= 255) yield 255
  yield rest
}

/** One LZ4 block: matches of 4 bytes and more, the last 12 bytes as literals. */
function lz4Block(bytes: Uint8Array): Uint8Array {
  const out: number[] = []
  const places = new Map<number, number>()
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let literal = 0
  const emit = (end: number, match: number): void => {
    out.push((Math.min(15, end - literal) << 4) | Math.min(15, Math.max(0, match - 4)))
    out.push(...lengthBytes(end - literal), ...bytes.subarray(literal, end))
  }
  for (let at = 0; at + 12 < bytes.length;) {
    const key = view.getUint32(at, true)
    const place = places.get(key)
    places.set(key, at)
    if (place === undefined || at - place > 65_535) {
      at++
      continue
    }
    let length = 4
    while (at + length < bytes.length - 5 && bytes[at + length] === bytes[place + length]) length++
    emit(at, length)
    out.push((at - place) & 255, (at - place) >> 8, ...lengthBytes(length - 4))
    at += length
    literal = at
  }
  emit(bytes.length, 4)
  return Uint8Array.from(out)
}

const u32 = (value: number): Uint8Array => Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24)
const LZ4_HEAD = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73]

/** A frame of blocks of at most `blockBytes`, every third stored as it is. */
function lz4Frame(bytes: Uint8Array, blockBytes = 1 << 16): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.from(LZ4_HEAD)]
  for (let at = 0, i = 0; at < bytes.length; at += blockBytes, i++) {
    const plain = bytes.subarray(at, at + blockBytes)
    const block = i % 3 === 2 ? plain : lz4Block(plain)
    parts.push(u32(block === plain ? (block.length | 0x80000000) >>> 0 : block.length), block)
  }
  return Buffer.concat([...parts, u32(0)])
}

/** A Zstandard frame of one raw block; of one repeated byte where that is what the bytes are. */
function zstdFrame(bytes: Uint8Array): Uint8Array {
  const isRun = bytes.length > 0 && bytes.every(byte => byte === bytes[0])
  const header = (bytes.length << 3) | (isRun ? 1 << 1 : 0) | 1
  const window = 7 << 3
  const head = [0x28, 0xb5, 0x2f, 0xfd, 0, window, header & 255, (header >> 8) & 255, header >> 16]
  return Buffer.concat([Uint8Array.from(head), isRun ? bytes.subarray(0, 1) : bytes])
}

const CODECS = {
  lz4: { type: arrow.CompressionType.LZ4_FRAME, encode: (bytes: Uint8Array) => lz4Frame(bytes) },
  zstd: { type: arrow.CompressionType.ZSTD, encode: zstdFrame },
} as const

interface Compressed {
  readonly buffers: ArrayBufferView[]
}

/** A stream of the batches; corrects the length before each buffer, which the library gets wrong. */
function compressedStream(table: arrow.Table, codec: keyof typeof CODECS): Uint8Array {
  const { type, encode } = CODECS[codec]
  arrow.compressionRegistry.set(type, { encode })
  class Writer extends arrow.RecordBatchStreamWriter {
    protected override _compressBodyBuffers(buffers: ArrayBufferView[]): never {
      const compressed = super._compressBodyBuffers(buffers) as unknown as Compressed
      buffers.forEach(({ byteLength }, i) => {
        const prefix = compressed.buffers[2 * i]
        const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.byteLength)
        if (prefix.byteLength > 0 && view.getBigInt64(0, true) >= 0n) view.setBigInt64(0, BigInt(byteLength), true)
      })
      return compressed as never
    }
  }
  const writer = new Writer({ compressionType: type } as never)
  writer.write(table)
  writer.finish()
  return writer.toUint8Array(true)
}

const COUNT = 1000

/** Buffers that compress well, badly and not at all, a dictionary, NULLs and lists. */
function table(rng: Rng): arrow.Table {
  const noise = Float64Array.from({ length: COUNT }, () => rng.next())
  const numbers = Int32Array.from({ length: COUNT }, (_, i) => i % 7)
  const texts = Array.from({ length: COUNT }, (_, i) => (i % 11 === 0 ? null : `text ${i % 100}`))
  return new arrow.Table({
    noise: arrow.makeVector(noise),
    numbers: arrow.makeVector(numbers),
    texts: arrow.vectorFromArray(texts, new arrow.Utf8()),
    kinds: arrow.vectorFromArray(texts, new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32())),
    zeros: arrow.makeVector(new Int32Array(COUNT)),
  })
}

async function columnsOf(batches: AsyncIterable<Batch>): Promise<unknown[]> {
  const columns: unknown[] = []
  for await (const batch of batches) {
    columns.push(...batchRows(batch))
    releaseBatch(batch)
  }
  return columns
}

for (const codec of ['lz4', 'zstd'] as const) {
  test.serial(`${codec}: batches come back, and what is broken is refused`, async t => {
    await loadArrow()
    const rng = testRng(message => t.log(message))
    const source = table(rng)
    const plain = await readIpcStream(arrow.tableToIPC(source, 'stream'))
    const expected = await columnsOf(plain.batches())
    t.is((expected[0] as unknown[]).length, COUNT)
    const bytes = compressedStream(source, codec)
    const { batches } = await readIpcStream(bytes)
    t.deepEqual(await columnsOf(batches()), expected)
    for (let round = 0; round < 60; round++) {
      const broken = Uint8Array.from(bytes)
      broken[below(rng, broken.length)] ^= 1 << below(rng, 8)
      const outcome = await readIpcStream(broken)
        .then(stream => columnsOf(stream.batches()))
        .catch((error: unknown) => error)
      t.true(Array.isArray(outcome) || outcome instanceof BallistaError, String(outcome))
    }
    t.is(bytesInUse(), 0)
  })
}

test('an LZ4 frame gives back what was compressed, and only that', t => {
  const rng = testRng(message => t.log(message))
  for (let round = 0; round < 200; round++) {
    const letters = 1 + below(rng, 4)
    const bytes = Uint8Array.from({ length: below(rng, 3000) }, () => below(rng, letters))
    const frame = lz4Frame(bytes, 1 + below(rng, 1500))
    t.deepEqual(decodeLz4Frame(frame, bytes.length), bytes)
    t.is(decodeLz4Frame(frame, bytes.length + 1), undefined)
    if (bytes.length > 0) t.is(decodeLz4Frame(frame, bytes.length - 1), undefined)
    t.is(decodeLz4Frame(frame.subarray(0, below(rng, frame.length)), bytes.length), undefined)
  }
})

/** Metadata of the stream's first batch. */
function batchMetadata(stream: Uint8Array): Uint8Array {
  const view = new DataView(stream.buffer, stream.byteOffset)
  for (let at = 0; ;) {
    const metadata = stream.slice(at + 8, at + 8 + view.getUint32(at + 4, true))
    const { kind, bodyLength } = checkMessage(metadata)
    if (kind === 'recordBatch') return metadata
    at += 8 + metadata.length + bodyLength
  }
}

test('metadata in which one part overlaps another are checked again after they were changed', t => {
  const metadata = batchMetadata(
    compressedStream(new arrow.Table({ zeros: arrow.makeVector(new Int32Array(9)) }), 'lz4'),
  )
  t.is(withoutCompression(metadata, [[0, 4000], [4000, 36]], 4040).length % 8, 0) // oxfmt-ignore
  const view = new DataView(metadata.buffer)
  const referred = (at: number): number => at + view.getUint32(at, true)
  const field = (table: number, slot: number): number =>
    table + view.getUint16(table - view.getInt32(table, true) + 4 + 2 * slot, true)
  const batch = referred(field(referred(0), 2))
  const secondBuffer = referred(field(batch, 2)) + 4 + 16
  // Now the number of columns is the second buffer's offset: 0 here, 4000 as soon as the first buffer is decompressed.
  view.setBigInt64(secondBuffer, 0n, true)
  view.setUint32(field(batch, 1), secondBuffer - field(batch, 1), true)
  t.is(checkMessage(metadata).compression?.buffers.length, 2)
  t.throws(() => withoutCompression(metadata, [[0, 4000], [4000, 36]], 4040), { code: 'FILE_INVALID' }) // oxfmt-ignore
})
