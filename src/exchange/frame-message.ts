/**
 * Frames as messages of exchange.proto, written by hand: the payload is copied from the arena once, where the generated code would
 * make a buffer of its own for every message.
 */
import { FRAME_BYTES } from './options.js'
import type { FrameToSend, ToConsumer } from './proto/messages.js'

/** What fields take at most: tags, lengths and numbers. A payload begins there, so that it is copied by whole words. */
const HEAD_BYTES = 64

/** Tag of a field: its number and how its value is written. */
const varintField = (field: number): number => field << 3
const fixed32Field = (field: number): number => (field << 3) | 5
const bytesField = (field: number): number => (field << 3) | 2

/** ToConsumer.frame. */
const FRAME_FIELD = 2

/** Before every message. */
const GRPC_HEAD_BYTES = 5
const WORD_BYTES = 8
/** Of a length in 32 bits, and of a number in 64. */
const LENGTH_BYTES = 5
const MAX_VARINT_BYTES = 10

/**
 * Serializes frames itself and leaves other messages to `generated`. The result of one call is overwritten by the next: gRPC copies
 * it at once, behind its own five bytes.
 */
export function withFrames(generated: (message: ToConsumer) => Buffer): (message: ToConsumer) => Buffer {
  const message = Buffer.alloc(HEAD_BYTES + FRAME_BYTES)
  return toConsumer => {
    const { frame } = toConsumer
    if (frame === undefined) return generated(toConsumer)
    if (frame.isGone?.() === true) return message.subarray(0, 0)
    const head = headOf(frame)
    message.set(head, HEAD_BYTES - head.length)
    message.set(frame.payload, HEAD_BYTES)
    return message.subarray(HEAD_BYTES - head.length, HEAD_BYTES + frame.payload.length)
  }
}

/**
 * All that precedes the payload. Numbers may be written with more bytes than they need: that lets the payload begin at a whole word
 * of the message as gRPC reads it, from where it is copied three times as fast.
 */
function headOf({ channel, seq, rows, more, crc32, payload }: FrameToSend): readonly number[] {
  const before = [varintField(1), ...varint(channel), varintField(2)]
  const number = varint(seq)
  const after = [varintField(3), ...varint(rows), varintField(4), more ? 1 : 0, fixed32Field(5)]
  after.push(crc32 & 0xff, (crc32 >>> 8) & 0xff, (crc32 >>> 16) & 0xff, crc32 >>> 24)
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
