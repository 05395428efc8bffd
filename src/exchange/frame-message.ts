/** Frames as messages of exchange.proto, written by hand: from the arena to the socket, a payload is copied once. */
import type { Http2Stream } from 'node:http2'
import type * as Grpc from '@grpc/grpc-js'
import { invariant } from '../common/invariant.js'
import { FRAME_BYTES } from './options.js'
import type { FrameToSend, ToConsumer } from './proto/messages.js'

/** What fields take at most, tags, lengths and numbers, with the head of gRPC. A payload begins there. */
const HEAD_BYTES = 64

/** Tag of a field: its number and how its value is written. */
const varintField = (field: number): number => field << 3
const fixed32Field = (field: number): number => (field << 3) | 5
export const bytesField = (field: number): number => (field << 3) | 2

/** ToConsumer.frame. */
export const FRAME_FIELD = 2

/** Before every message: a byte for its compression, four for its length. */
export const GRPC_HEAD_BYTES = 5
const WORD_BYTES = 8
/** Of a length in 32 bits, and of a number in 64. */
const LENGTH_BYTES = 5
const MAX_VARINT_BYTES = 10

/** Buffers of this size for frames on their way to a socket; so many are kept for the next ones. */
const MESSAGE_BYTES = HEAD_BYTES + FRAME_BYTES
const MAX_SPARE = 16

/**
 * Writes frames to the HTTP/2 streams of calls from buffers that are used again. grpc-js would make one for each message, and the
 * collector would take more time to get rid of them than the network to send them. To be the innermost interceptor of a server, whose
 * other messages it leaves alone: the first message of a call must be one of them, as it brings the headers.
 */
export function frameInterceptor(grpc: typeof Grpc): Grpc.ServerInterceptor {
  const spare: Buffer[] = []
  class FrameCall extends grpc.ServerInterceptingCall {
    readonly #stream: Http2Stream

    constructor(call: Grpc.ServerInterceptingCallInterface) {
      super(call)
      const { stream } = call as unknown as { stream?: Http2Stream }
      invariant(stream !== undefined, 'grpc-js keeps the HTTP/2 stream of a call elsewhere')
      this.#stream = stream
    }

    override sendMessage(message: unknown, sent: () => void): void {
      const { frame } = message as ToConsumer
      const stream = this.#stream
      if (frame === undefined) return super.sendMessage(message, sent)
      if (frame.isGone?.() === true || stream.destroyed) return super.sendMessage({}, sent)
      const buffer = spare.pop() ?? Buffer.allocUnsafeSlow(MESSAGE_BYTES)
      stream.write(frameMessage(frame, buffer), error => {
        if (spare.length < MAX_SPARE) spare.push(buffer)
        if (error) this.sendStatus({ code: grpc.status.INTERNAL, details: error.message })
        else sent()
      })
    }
  }
  return (_method, call) => new FrameCall(call)
}

/** A frame as it goes over the wire, within `buffer`. */
export function frameMessage(frame: FrameToSend, buffer: Buffer): Buffer {
  const { buffer: memory, byteOffset, byteLength } = frame.payload
  const head = headOf(frame)
  const start = HEAD_BYTES - head.length
  buffer.set(head, start)
  buffer.writeUInt8(0, start - GRPC_HEAD_BYTES)
  buffer.writeUInt32BE(head.length + byteLength, start - GRPC_HEAD_BYTES + 1)
  // By the system's memcpy, four times as fast as `copy` and `set`, which take shared memory word by word.
  if (byteLength > 0)
    buffer.fill(Buffer.from(memory as ArrayBuffer, byteOffset, byteLength), HEAD_BYTES, HEAD_BYTES + byteLength)
  return buffer.subarray(start - GRPC_HEAD_BYTES, HEAD_BYTES + byteLength)
}

/**
 * All that precedes the payload. Numbers may be written with more bytes than they need: that lets the payload begin at a whole word
 * of the message as gRPC reads it, from where it is copied three times as fast.
 */
function headOf({ channel, seq, rows, more, checksum, payload }: FrameToSend): readonly number[] {
  const before = [varintField(1), ...varint(channel), varintField(2)]
  const number = varint(seq)
  const after = [varintField(3), ...varint(rows), varintField(4), more ? 1 : 0, fixed32Field(5)]
  after.push(checksum & 0xff, (checksum >>> 8) & 0xff, (checksum >>> 16) & 0xff, checksum >>> 24)
  after.push(bytesField(6), ...varint(payload.length))
  const offset = GRPC_HEAD_BYTES + 1 + LENGTH_BYTES + before.length + number.length + after.length
  const padding = WORD_BYTES - 1 - ((offset - 1) % WORD_BYTES)
  const fields = [...before, ...varint(seq, Math.min(number.length + padding, MAX_VARINT_BYTES)), ...after]
  return [bytesField(FRAME_FIELD), ...varint(fields.length + payload.length, LENGTH_BYTES), ...fields]
}

/** In at least so many bytes. */
function varint(value: number, length = 1): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80 || bytes.length + 1 < length; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
  bytes.push(rest)
  return bytes
}
