/**
 * The messages of an exchange call as its consumer reads them from the connection. Frames go into the arena with one copy; the rest is
 * left to the loader of the .proto files. Trusts nothing.
 */
import { alloc, release, views } from '../arrow/memory.js'
import { fail } from '../common/errors.js'
import { FRAME_FIELD, GRPC_HEAD_BYTES, bytesField } from './frame-message.js'
import type { ArrivedFrame, ArrivedMessage, ToConsumer } from './proto/messages.js'

/** Both ends send frames of 1 MiB at most, and little else. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024

const FRAME_TAG = bytesField(FRAME_FIELD)

/** How the value of a field is written: the lower bits of its tag. */
const VARINT = 0
const FIXED64 = 1
const BYTES = 2
const FIXED32 = 5

export interface MessageReaderOptions {
  /** Who sends, for error messages. */
  readonly peer: string
  /** Of all messages but frames. */
  readonly deserialize: (bytes: Buffer) => ToConsumer
  /** A frame's block is its to release. */
  readonly onMessage: (message: ArrivedMessage) => void
}

/** The message that is arriving: a block of the arena if it is a frame. */
interface Incoming {
  readonly length: number
  readonly block: number
  readonly bytes: Buffer
  filled: number
}

export class MessageReader {
  private readonly options: MessageReaderOptions
  private readonly head = Buffer.alloc(GRPC_HEAD_BYTES)
  private headBytes = 0
  private incoming: Incoming | undefined
  private closed = false

  constructor(options: MessageReaderOptions) {
    this.options = options
  }

  /** What the connection gave next, which need not end with a message. Throws PROTOCOL, ARENA_EXHAUSTED, and what `onMessage` throws. */
  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length && !this.closed;) {
      at = this.headBytes < GRPC_HEAD_BYTES ? this.readHead(chunk, at) : this.readBody(chunk, at)
    }
  }

  /** Nothing is read any more, and of a message that has come in part nothing is left. */
  close(): void {
    this.closed = true
    const { block = 0 } = this.incoming ?? {}
    this.incoming = undefined
    if (block !== 0) release(block)
  }

  private readHead(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + GRPC_HEAD_BYTES - this.headBytes)
    chunk.copy(this.head, this.headBytes, at, end)
    this.headBytes += end - at
    if (this.headBytes < GRPC_HEAD_BYTES) return end
    const length = this.head.readUInt32BE(1)
    if (this.head[0] !== 0) throw this.violated('a compressed message')
    if (length > MAX_MESSAGE_BYTES) throw this.violated(`a message of ${length} bytes`)
    if (length === 0) this.headBytes = 0
    return end
  }

  private readBody(chunk: Buffer, at: number): number {
    const incoming = (this.incoming ??= this.begin(chunk[at]))
    const { block, bytes, filled, length } = incoming
    const end = Math.min(chunk.length, at + length - filled)
    // `fill` copies by the system's memcpy, four times as fast as `copy` where one side is shared memory.
    bytes.fill(chunk.subarray(at, end), filled, filled + end - at)
    incoming.filled += end - at
    if (incoming.filled < length) return end
    this.headBytes = 0
    this.incoming = undefined
    this.options.onMessage(block === 0 ? this.control(bytes) : { frame: this.frameIn(block, length) })
    return end
  }

  private begin(firstByte: number): Incoming {
    const length = this.head.readUInt32BE(1)
    if (firstByte !== FRAME_TAG) return { length, block: 0, bytes: Buffer.allocUnsafe(length), filled: 0 }
    const block = alloc(length)
    // As Node takes memory that threads share, typed as if none did.
    return { length, block, bytes: Buffer.from(views().u8.buffer as unknown as ArrayBuffer, block, length), filled: 0 }
  }

  private control(bytes: Buffer): ArrivedMessage {
    const { frame, ...message } = this.deserialized(bytes)
    if (frame !== undefined) throw this.violated('a frame that does not begin its message')
    return message
  }

  private deserialized(bytes: Buffer): ToConsumer {
    try {
      return this.options.deserialize(bytes)
    } catch (error) {
      throw this.violated(`a message that cannot be read: ${(error as Error).message}`)
    }
  }

  /** Takes the block over. */
  private frameIn(block: number, length: number): ArrivedFrame {
    try {
      return { ...this.parse(block, length), block }
    } catch (error) {
      release(block)
      throw error
    }
  }

  /** A Frame, alone in its message. Fields that this version does not know are passed over. */
  private parse(block: number, length: number): Omit<ArrivedFrame, 'block'> {
    const { u8 } = views()
    let at = block + 1
    const end = block + length
    const byte = (): number => {
      if (at >= end) throw this.violated('a frame that ends within a field')
      return u8[at++]
    }
    const varint = (): number => {
      let value = 0
      for (let shift = 0; shift < 70; shift += 7) {
        const next = byte()
        value += (next & 0x7f) * 2 ** shift
        if (next < 0x80) return value
      }
      throw this.violated('a number of more than ten bytes')
    }
    const skip = (count: number): void => {
      if (count > end - at) throw this.violated('a frame that ends within a field')
      at += count
    }
    const fixed32 = (): number => (byte() | (byte() << 8) | (byte() << 16) | (byte() << 24)) >>> 0
    if (varint() !== end - at) throw this.violated('a frame of another length than its message')
    const frame = { channel: 0, seq: 0, rows: 0, more: false, checksum: 0, start: 0, bytes: 0 }
    while (at < end) {
      const tag = varint()
      if (tag === ((1 << 3) | VARINT)) frame.channel = varint()
      else if (tag === ((2 << 3) | VARINT)) frame.seq = varint()
      else if (tag === ((3 << 3) | VARINT)) frame.rows = varint()
      else if (tag === ((4 << 3) | VARINT)) frame.more = varint() !== 0
      else if (tag === ((5 << 3) | FIXED32)) frame.checksum = fixed32()
      else if (tag === ((6 << 3) | BYTES)) {
        frame.bytes = varint()
        frame.start = at - block
        skip(frame.bytes)
      } else this.skipField(tag, varint, skip)
    }
    return frame
  }

  private skipField(tag: number, varint: () => number, skip: (count: number) => void): void {
    const kind = tag & 7
    if (kind === VARINT) varint()
    else if (kind === FIXED64) skip(8)
    else if (kind === BYTES) skip(varint())
    else if (kind === FIXED32) skip(4)
    else throw this.violated(`a field of kind ${kind}`)
  }

  private violated(found: string): Error {
    return fail('PROTOCOL', [this.options.peer, found])
  }
}
