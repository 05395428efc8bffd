/** What a consumer reads from a connection: whole, in order, in the arena; and nothing of what is no message. */
import test from 'ava'
import { bytesInUse, release, views } from '../../src/arrow/memory.js'
import { seededRng } from '../../src/common/clock.js'
import { BallistaError } from '../../src/common/errors.js'
import { frameMessage } from '../../src/exchange/frame-message.js'
import { loadGrpc } from '../../src/exchange/grpc.js'
import { MessageReader } from '../../src/exchange/message-reader.js'
import type { ArrivedMessage, Frame, ToConsumer } from '../../src/exchange/proto/messages.js'

const { responseDeserialize: deserialize, responseSerialize: serialize } = (await loadGrpc()).exchangeService['Open']
const PEER = 'executor here:1'

const rng = seededRng(11)
const upTo = (bits: number): number => Math.floor(rng.next() * 2 ** Math.floor(rng.next() * (bits + 1)))

function randomFrame(): Frame {
  const payload = Buffer.from(Array.from({ length: upTo(10) }, () => upTo(8)))
  return { channel: upTo(31), seq: upTo(50), rows: upTo(31), more: rng.next() < 0.5, checksum: upTo(32), payload }
}

const framed = (message: Buffer): Buffer => {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

/** A copy: the buffer is used again. */
const written = (frame: Frame): Buffer => Buffer.from(frameMessage(frame, Buffer.alloc(2048)))

/** As the loader gives it, its block released. */
function taken({ frame, ...message }: ArrivedMessage): ToConsumer {
  if (frame === undefined) return message
  const { block, start, bytes, ...rest } = frame
  const payload = Buffer.from(views().u8.slice(block + start, block + start + bytes))
  release(block)
  return { message: 'frame', frame: { ...rest, payload } }
}

function reading(onMessage: (message: ArrivedMessage) => void): MessageReader {
  return new MessageReader({ peer: PEER, deserialize, onMessage })
}

test.serial('messages come as they were written, however the connection cuts them', t => {
  const before = bytesInUse()
  for (let round = 0; round < 200; round++) {
    const messages: ToConsumer[] = Array.from({ length: 1 + upTo(4) }, () => {
      const drawn = rng.next()
      if (drawn < 0.6) return { message: 'frame', frame: randomFrame() }
      if (drawn < 0.7) return {}
      if (drawn < 0.8) return { message: 'failure', failure: { channel: upTo(31), error: Buffer.from('why') } }
      const eos = { channel: upTo(31), frames: upTo(50), batches: upTo(50), rows: upTo(50), bytes: upTo(50) }
      return { message: 'eos', eos }
    })
    const stream = Buffer.concat(
      messages.map(message => (message.frame === undefined ? framed(serialize(message)) : written(message.frame))),
    )
    const read: ToConsumer[] = []
    const reader = reading(message => read.push(taken(message)))
    for (let at = 0; at < stream.length;) {
      const end = at + 1 + upTo(7)
      reader.push(stream.subarray(at, end))
      at = end
    }
    reader.close()
    // An empty message is nothing to anybody.
    t.deepEqual(
      read,
      messages.filter(message => Object.keys(message).length > 0),
    )
  }
  t.is(bytesInUse(), before)
})

test.serial('a reader that is closed in the middle of a frame, or by a message, leaves nothing', t => {
  const before = bytesInUse()
  const message = written({ ...randomFrame(), payload: Buffer.alloc(900, 1) })
  const reader = reading(() => t.fail())
  reader.push(message.subarray(0, 700))
  t.true(bytesInUse() > before)
  reader.close()
  reader.push(message.subarray(700))
  t.is(bytesInUse(), before)
  let count = 0
  const closing = reading(arrived => {
    taken(arrived)
    count++
    closing.close()
  })
  closing.push(Buffer.concat([message, message]))
  t.is(count, 1)
  t.is(bytesInUse(), before)
})

const lies: readonly { name: string; bytes: Buffer; found: RegExp }[] = [
  { name: 'a compressed message', bytes: Buffer.from([1, 0, 0, 0, 1, 0]), found: /compressed/ },
  { name: 'a message that is too large', bytes: Buffer.from([0, 0xff, 0, 0, 0, 0x12]), found: /4278190080 bytes/ },
  { name: 'a frame shorter than its message', bytes: framed(Buffer.from([0x12, 1, 8, 1])), found: /another length/ },
  { name: 'a frame longer than its message', bytes: framed(Buffer.from([0x12, 3, 8, 1])), found: /another length/ },
  { name: 'a payload beyond its frame', bytes: framed(Buffer.from([0x12, 3, 0x32, 9, 1])), found: /within a field/ },
  { name: 'a number that does not end', bytes: framed(Buffer.from([0x12, 2, 8, 0x80])), found: /within a field/ },
  {
    name: 'a number without end',
    bytes: framed(Buffer.from([0x12, 13, 8, ...new Array(12).fill(0x80)])),
    found: /more than ten bytes/,
  },
  { name: 'a group', bytes: framed(Buffer.from([0x12, 1, 0x3b])), found: /kind 3/ },
  { name: 'a frame after something else', bytes: framed(Buffer.from([0x58, 1, 0x12, 0])), found: /begin/ },
]
for (const { name, bytes, found } of lies) {
  test.serial(`${name} is PROTOCOL`, t => {
    const before = bytesInUse()
    const reader = reading(message => void taken(message))
    const error = t.throws(() => reader.push(bytes), { instanceOf: BallistaError, code: 'PROTOCOL' })
    t.regex(error.message, found)
    t.true(error.message.includes(PEER), error.message)
    reader.close()
    t.is(bytesInUse(), before)
  })
}

test.serial('fields of later versions are passed over', t => {
  const later = [0x38, 5, 0x41, 1, 2, 3, 4, 5, 6, 7, 8, 0x4a, 2, 1, 2, 0x55, 1, 2, 3, 4]
  const read: ToConsumer[] = []
  reading(message => read.push(taken(message))).push(framed(Buffer.from([0x12, later.length + 2, ...later, 8, 3])))
  const payload = Buffer.alloc(0)
  t.deepEqual(read, [{ message: 'frame', frame: { channel: 3, seq: 0, rows: 0, more: false, checksum: 0, payload } }])
})

test.serial('bytes that have changed are PROTOCOL or another message, within its bounds', t => {
  const before = bytesInUse()
  for (let round = 0; round < 2000; round++) {
    const bytes = Buffer.concat([written(randomFrame()), written(randomFrame())])
    // The first of them belong to what is told of the payload.
    for (let change = 0; change < 1 + upTo(3); change++) bytes[upTo(6) % bytes.length] = upTo(8)
    const reader = reading(({ frame }) => {
      if (frame === undefined) return
      t.true(frame.start + frame.bytes <= bytes.length)
      release(frame.block)
    })
    try {
      reader.push(bytes)
    } catch (error) {
      t.is((error as BallistaError).code, 'PROTOCOL')
    }
    reader.close()
  }
  t.is(bytesInUse(), before)
})
