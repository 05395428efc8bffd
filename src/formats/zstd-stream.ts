/**
 * Zstandard (RFC 8878) decompressed block by block. fzstd decodes; frames and blocks are cut here, so that a file can make it
 * hold no more than one window and give no more than one block at once.
 */
import { Decompress } from 'fzstd'
import { fail, type BallistaError } from '../common/errors.js'

/** As the reference decoder's default: 2^27. */
const MAX_WINDOW_BYTES = 128 * 1024 * 1024
const MAX_BLOCK_BYTES = 128 * 1024
const FRAME_MAGIC = 0xfd2fb528
/** Frames of other programs' data, the low 4 bits of any value. */
const SKIPPABLE_MAGIC = 0x184d2a50
const RLE = 1
const RESERVED = 3

/** What comes next in the input. */
type Part = 'frame' | 'block' | 'checksum'

export class ZstdDecoder {
  private readonly path: string
  private readonly output: Uint8Array[] = []
  private readonly decoder = new Decompress(block => {
    // What it gives lies in a buffer that it writes again.
    if (block.length > 0) this.output.push(block.slice())
  })
  private input: Uint8Array = new Uint8Array(0)
  private next: Part = 'frame'
  private hasChecksum = false
  /** Bytes of a skippable frame that are still to come. */
  private skipping = 0

  constructor(path: string) {
    this.path = path
  }

  /** Takes over compressed bytes. */
  push(bytes: Uint8Array): void {
    this.input = this.input.length === 0 ? bytes : Buffer.concat([this.input, bytes])
  }

  /** The next decompressed bytes, at most a block; undefined: more must be pushed. Throws FILE_INVALID, NOT_SUPPORTED. */
  take(): Uint8Array | undefined {
    while (this.output.length === 0) if (!this.step()) return undefined
    return this.output.shift()
  }

  /** All has been pushed and taken, but for what the decoder kept back. Throws FILE_INVALID if a frame is not complete. */
  end(): void {
    if (this.next !== 'frame' || this.input.length > 0 || this.skipping > 0) throw this.invalid('unexpected end')
    // It waits for 18 bytes at the start of a frame, which may be shorter.
    this.give(new Uint8Array(0), true)
  }

  /** Goes over one part of the input; false if it is not there as a whole. */
  private step(): boolean {
    if (this.skipping > 0) return this.skip()
    if (this.next === 'frame') return this.frame()
    if (this.next === 'block') return this.block()
    if (!this.feed(4)) return false
    this.next = 'frame'
    return true
  }

  private frame(): boolean {
    if (this.input.length < 8) return false
    const view = new DataView(this.input.buffer, this.input.byteOffset, this.input.length)
    const magic = view.getUint32(0, true)
    if ((magic & 0xfffffff0) === SKIPPABLE_MAGIC) {
      this.skipping = 8 + view.getUint32(4, true)
      return true
    }
    if (magic !== FRAME_MAGIC) throw this.invalid('no frame where one should start')
    const descriptor = view.getUint8(4)
    const isSingleSegment = ((descriptor >> 5) & 1) === 1
    const sizeAt = 5 + (isSingleSegment ? 0 : 1) + [0, 1, 2, 4][descriptor & 3]
    const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6]
    if (this.input.length < sizeAt + sizeBytes) return false
    const window = isSingleSegment ? contentSize(view, sizeAt, sizeBytes) : windowSize(view.getUint8(5))
    if (window > MAX_WINDOW_BYTES) throw fail('NOT_SUPPORTED', [`${this.path}: a zstd window of ${window} bytes`])
    this.hasChecksum = ((descriptor >> 2) & 1) === 1
    this.next = 'block'
    return this.feed(sizeAt + sizeBytes)
  }

  private block(): boolean {
    if (this.input.length < 3) return false
    const header = this.input[0] | (this.input[1] << 8) | (this.input[2] << 16)
    const type = (header >> 1) & 3
    const size = header >> 3
    if (type === RESERVED || size > MAX_BLOCK_BYTES) throw this.invalid(`a block of type ${type} and ${size} bytes`)
    if (!this.feed(3 + (type === RLE ? 1 : size))) return false
    if ((header & 1) === 1) this.next = this.hasChecksum ? 'checksum' : 'frame'
    return true
  }

  private skip(): boolean {
    const byteCount = Math.min(this.skipping, this.input.length)
    this.input = this.input.subarray(byteCount)
    this.skipping -= byteCount
    return byteCount > 0
  }

  /** Gives bytes to the decoder; false if they are not all there. */
  private feed(byteLength: number): boolean {
    if (this.input.length < byteLength) return false
    const part = this.input.slice(0, byteLength)
    this.input = this.input.subarray(byteLength)
    this.give(part)
    return true
  }

  private give(bytes: Uint8Array, isLast = false): void {
    try {
      this.decoder.push(bytes, isLast)
    } catch (error) {
      throw this.invalid(error instanceof Error ? error.message : String(error), error)
    }
  }

  private invalid(reason: string, cause?: unknown): BallistaError {
    return fail('FILE_INVALID', [this.path, `is not a complete zstd file: ${reason}`], { cause })
  }
}

function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3))
  return base + (base / 8) * (descriptor & 7)
}

function contentSize(view: DataView, at: number, byteLength: number): number {
  if (byteLength === 1) return view.getUint8(at)
  if (byteLength === 2) return view.getUint16(at, true) + 256
  return byteLength === 4 ? view.getUint32(at, true) : Number(view.getBigUint64(at, true))
}
