/** Frames as they are written by hand are what the generated code reads. */
import test from 'ava'
import { seededRng } from '../../src/common/clock.js'
import { loadGrpc } from '../../src/exchange/grpc.js'
import { frameMessage } from '../../src/exchange/frame-message.js'
import type { ToConsumer } from '../../src/exchange/proto/messages.js'

/** Of gRPC, before every message. */
const HEAD_BYTES = 5

test('frames of any numbers come back, with payloads at whole words of the message', async t => {
  const { exchangeService } = await loadGrpc()
  const read = exchangeService['Open'].responseDeserialize
  const buffer = Buffer.alloc(2048, 0xff)
  const rng = seededRng(7)
  const upTo = (bits: number): number => Math.floor(rng.next() * 2 ** Math.floor(rng.next() * (bits + 1)))
  for (let round = 0; round < 300; round++) {
    const payload = Buffer.from(Array.from({ length: upTo(10) }, () => upTo(8)))
    const more = rng.next() < 0.5
    const frame = { channel: upTo(31), seq: upTo(50), rows: upTo(31), more, checksum: upTo(32), payload }
    const message = frameMessage(frame, buffer)
    t.is(message.readUInt8(0), 0)
    t.is(message.readUInt32BE(1), message.length - HEAD_BYTES)
    t.deepEqual((read(message.subarray(HEAD_BYTES)) as ToConsumer).frame, frame, JSON.stringify(frame))
    if (frame.seq < 2 ** 21) t.is((message.length - payload.length) % 8, 0)
  }
})
