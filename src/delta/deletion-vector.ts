/** Deletion vectors of Delta tables: sets of row numbers of a data file, as 64-bit roaring bitmaps (PROTOCOL.md, RoaringFormatSpec). */
import { crc32 } from 'node:zlib'
import type { TableFiles } from '../index.js'
import { fail } from '../index.js'
import type { DeletionVector } from './actions.js'
import { dataPath } from './delta-files.js'

/** The numbers of the rows that are deleted, ascending. Throws for what is no deletion vector, NOT_SUPPORTED for one elsewhere. */
export async function deletedRows(
  { cardinality, offset, pathOrInlineDv, sizeInBytes, storageType }: DeletionVector,
  directory: string,
  files: TableFiles,
): Promise<readonly number[]> {
  const bytes =
    storageType === 'i'
      ? fromZ85(pathOrInlineDv).subarray(0, sizeInBytes)
      : await stored(vectorPath(storageType, pathOrInlineDv, directory), { files, offset: offset ?? 0, sizeInBytes })
  const rows = fromBitmap(bytes)
  if (rows.length !== cardinality) throw new Error(`a deletion vector has ${rows.length} rows, not ${cardinality}`)
  return rows
}

/** Characters of a UUID in Z85; those before are a directory. */
const UUID_LENGTH = 20

function vectorPath(storageType: string, text: string, directory: string): string {
  if (storageType === 'p') return dataPath(text, directory)
  if (storageType !== 'u') throw fail('NOT_SUPPORTED', [`deletion vectors of the storage type '${storageType}'`])
  const prefix = text.slice(0, -UUID_LENGTH)
  const hex = Buffer.from(fromZ85(text.slice(-UUID_LENGTH))).toString('hex')
  const uuid = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
  return `${directory}/${prefix === '' ? '' : `${prefix}/`}deletion_vector_${uuid}.bin`
}

interface StoredVector {
  readonly files: TableFiles
  readonly offset: number
  readonly sizeInBytes: number
}

/** Files hold the size before a vector and a checksum behind it, both big-endian. */
async function stored(path: string, { files, offset, sizeInBytes }: StoredVector): Promise<Uint8Array> {
  const file = await files.read(path)
  if (file === undefined) throw new Error(`the deletion vector ${path} is gone`)
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  if (offset + sizeInBytes + 8 > file.length || view.getUint32(offset) !== sizeInBytes)
    throw new Error(`${path} has no deletion vector of ${sizeInBytes} bytes at ${offset}`)
  const bytes = file.subarray(offset + 4, offset + 4 + sizeInBytes)
  if (crc32(bytes) !== view.getUint32(offset + 4 + sizeInBytes)) throw new Error(`${path} is damaged at byte ${offset}`)
  return bytes
}

/** What begins a bitmap of the portable format. */
const MAGIC = 1_681_511_377

function fromBitmap(bytes: Uint8Array): number[] {
  const reader = new Reader(bytes)
  const magic = reader.u32()
  if (magic !== MAGIC) throw fail('NOT_SUPPORTED', [`deletion vectors of the format ${magic}`])
  const rows: number[] = []
  const buckets = reader.u32() + reader.u32() * 2 ** 32
  for (let bucket = 0; bucket < buckets; bucket++) readBitmap(reader, reader.u32() * 2 ** 32, rows)
  return rows
}

/** Cookies of RoaringFormatSpec: without and with containers of runs. */
const NO_RUNS = 12346
const RUNS = 12347
/** Bitmaps with runs and fewer containers have no list of offsets. */
const MIN_OFFSETS = 4
/** Containers of more values are bitmaps of 65536 bits. */
const MAX_ARRAY = 4096

/** One bitmap of 32 bits, whose numbers begin at `first`. */
function readBitmap(reader: Reader, first: number, rows: number[]): void {
  const cookie = reader.u32()
  const hasRuns = (cookie & 0xffff) === RUNS
  if (!hasRuns && cookie !== NO_RUNS) throw new Error('a deletion vector is no roaring bitmap')
  const count = hasRuns ? (cookie >>> 16) + 1 : reader.u32()
  const runFlags = hasRuns ? reader.take(Math.ceil(count / 8)) : new Uint8Array(0)
  const containers = Array.from({ length: count }, () => ({ key: reader.u16(), cardinality: reader.u16() + 1 }))
  if (!hasRuns || count >= MIN_OFFSETS) reader.take(4 * count)
  for (const [i, { cardinality, key }] of containers.entries()) {
    const base = first + key * 65_536
    if (hasRuns && (runFlags[i >> 3] & (1 << (i & 7))) !== 0) {
      for (let runs = reader.u16(); runs > 0; runs--) {
        const start = base + reader.u16()
        const length = reader.u16() + 1
        for (let row = start; row < start + length; row++) rows.push(row)
      }
    } else if (cardinality <= MAX_ARRAY) {
      for (let value = 0; value < cardinality; value++) rows.push(base + reader.u16())
    } else {
      const bits = reader.take(8192)
      for (let bit = 0; bit < 65_536; bit++) if ((bits[bit >> 3] & (1 << (bit & 7))) !== 0) rows.push(base + bit)
    }
  }
}

/** Little-endian numbers one after the other. Throws where the bytes end. */
class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  u16(): number {
    return this.#view.getUint16(this.#skip(2), true)
  }

  u32(): number {
    return this.#view.getUint32(this.#skip(4), true)
  }

  take(byteLength: number): Uint8Array {
    const start = this.#skip(byteLength)
    return this.#bytes.subarray(start, start + byteLength)
  }

  #skip(byteLength: number): number {
    const start = this.#at
    this.#at += byteLength
    if (this.#at > this.#bytes.length) throw new Error('a deletion vector is cut off')
    return start
  }
}

const Z85 = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#'

/** Five characters stand for four bytes, the most significant first (rfc.zeromq.org/spec/32). */
export function fromZ85(text: string): Uint8Array {
  const bytes = new Uint8Array(Math.floor(text.length / 5) * 4)
  const view = new DataView(bytes.buffer)
  for (let group = 0; group < bytes.length / 4; group++) {
    let value = 0
    for (const char of text.slice(group * 5, group * 5 + 5)) {
      const digit = Z85.indexOf(char)
      if (digit < 0) throw new Error('a deletion vector is no Z85')
      value = value * 85 + digit
    }
    view.setUint32(group * 4, value)
  }
  return bytes
}
