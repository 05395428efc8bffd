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

/** All that precedes the payload. */
function headOf({ channel, seq, rows, more, crc32, payload }: FrameToSend): readonly number[] {
  const fields: number[] = []
  putVarint(fields, varintField(1), channel)
  putVarint(fields, varintField(2), seq)
  putVarint(fields, varintField(3), rows)
  putVarint(fields, varintField(4), more ? 1 : 0)
  fields.push(fixed32Field(5), crc32 & 0xff, (crc32 >>> 8) & 0xff, (crc32 >>> 16) & 0xff, crc32 >>> 24)
  putVarint(fields, bytesField(6), payload.length)
  const head: number[] = []
  putVarint(head, bytesField(FRAME_FIELD), fields.length + payload.length)
  return [...head, ...fields]
}

function putVarint(bytes: number[], tag: number, value: number): void {
  bytes.push(tag)
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
  bytes.push(rest)
}
