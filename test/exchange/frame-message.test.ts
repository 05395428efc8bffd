/** Frames as they are written by hand are what the generated code reads. */
import test from 'ava'
import { seededRng } from '../../src/common/clock.js'
import { loadGrpc } from '../../src/exchange/grpc.js'
import type { FrameToSend, ToConsumer } from '../../src/exchange/proto/messages.js'

const HEAD_BYTES = 5

async function codec(): Promise<{ write: (message: ToConsumer) => Buffer; read: (bytes: Buffer) => ToConsumer }> {
  const { exchangeService } = await loadGrpc()
  const { responseSerialize, responseDeserialize } = exchangeService['Open']
  return {
    // gRPC keeps no reference of what it is given.
    write: message => Buffer.from(responseSerialize(message)),
    read: bytes => responseDeserialize(bytes) as ToConsumer,
  }
}

test('frames of any numbers come back, with payloads at whole words of the message', async t => {
  const { write, read } = await codec()
  const rng = seededRng(7)
  const upTo = (bits: number): number => Math.floor(rng.next() * 2 ** Math.floor(rng.next() * (bits + 1)))
  for (let round = 0; round < 300; round++) {
    const payload = Buffer.from(Array.from({ length: upTo(10) }, () => upTo(8)))
    const more = rng.next() < 0.5
    const frame = { channel: upTo(31), seq: upTo(50), rows: upTo(31), more, crc32: upTo(32), payload }
    const bytes = write({ frame })
    t.deepEqual(read(bytes).frame, frame, JSON.stringify(frame))
    if (frame.seq < 2 ** 21) t.is((HEAD_BYTES + bytes.length - payload.length) % 8, 0)
  }
})

test('a frame that is gone is an empty message, other messages are as ever', async t => {
  const { write, read } = await codec()
  const frame: FrameToSend = {
    channel: 1,
    seq: 0,
    rows: 1,
    more: false,
    crc32: 0,
    payload: Buffer.from('x'),
    isGone: () => true,
  }
  t.is(write({ frame }).length, 0)
  t.is(read(Buffer.alloc(0)).message, undefined)
  const eos = { channel: 3, frames: 1, batches: 1, rows: 2, bytes: 2 ** 40 }
  t.deepEqual(read(write({ eos })).eos, eos)
})
