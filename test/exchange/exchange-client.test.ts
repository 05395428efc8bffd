/** Consumers' calls against HTTP/2 servers that do as they like. */
import { once } from 'node:events'
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2'
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { callError } from '../../src/exchange/call-error.js'
import { Http2ExchangeClient } from '../../src/exchange/exchange-client.js'
import type { ArrivedMessage } from '../../src/exchange/proto/messages.js'

const EOS = Buffer.from([0, 0, 0, 0, 1, 7])
const codec = {
  path: '/some.Service/Open',
  serialize: () => Buffer.from([1, 2, 3]),
  deserialize: () => ({ eos: { channel: 7, frames: 0, batches: 0, rows: 0, bytes: 0 } }),
}

async function listening(t: ExecutionContext, server: Server | Http2Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A client of a server that answers each call so, and what it has received. */
async function clientOf(t: ExecutionContext, answer: (stream: ServerHttp2Stream) => void) {
  const server = createServer()
  let sessions = 0
  const heads: Record<string, unknown>[] = []
  server.on('session', () => sessions++)
  server.on('stream', (stream, headers) => {
    heads.push(headers)
    stream.on('error', () => undefined)
    answer(stream)
  })
  const address = await listening(t, server)
  const client = new Http2ExchangeClient(address, codec, { token: 'secret' })
  t.teardown(() => client.close())
  const messages: ArrivedMessage[] = []
  return { client, messages, heads, onMessage: (m: ArrivedMessage) => void messages.push(m), sessions: () => sessions }
}

const OK_HEAD = { ':status': 200, 'content-type': 'application/grpc' }

/** Headers and one message, then the status at the end. */
function answerWith(stream: ServerHttp2Stream, status: Record<string, string>): void {
  stream.respond(OK_HEAD, { waitForTrailers: true })
  stream.once('wantTrailers', () => stream.sendTrailers(status))
  stream.end(EOS)
}

test('a call ends as the server says, over one connection, with the token', async t => {
  const { client, heads, messages, onMessage, sessions } = await clientOf(t, stream =>
    answerWith(stream, { 'grpc-status': '0' }),
  )
  for (let call = 0; call < 3; call++) {
    const opened = client.open(onMessage)
    opened.write({ message: 'cancel', cancel: { channel: 1 } })
    await opened.ended
    // Too late, and no harm.
    opened.write({ message: 'cancel', cancel: { channel: 1 } })
    opened.end()
    opened.cancel()
  }
  t.is(messages.length, 3)
  t.is(sessions(), 1)
  t.is(heads[0]['authorization'], 'Bearer secret')
  t.is(heads[0][':path'], codec.path)
})

test('what is written arrives in messages, to the end', async t => {
  const read: Buffer[] = []
  const { client, onMessage } = await clientOf(t, stream => {
    stream.on('data', (chunk: Buffer) => read.push(chunk))
    stream.on('end', () => answerWith(stream, { 'grpc-status': '0' }))
  })
  const call = client.open(onMessage)
  call.write({ message: 'cancel', cancel: { channel: 1 } })
  call.write({ message: 'cancel', cancel: { channel: 1 } })
  call.end()
  await call.ended
  t.is(Buffer.concat(read).toString('hex'), '0000000003010203'.repeat(2))
})

test('a status is an error, with its text', async t => {
  const { client, onMessage } = await clientOf(t, stream =>
    stream.respond({ ...OK_HEAD, 'grpc-status': '16', 'grpc-message': 'no%20token%3A%20%C3%A4' }, { endStream: true }),
  )
  const error = await t.throwsAsync(client.open(onMessage).ended, { message: 'no token: ä' })
  t.is(callError(error, 'executor x').code, 'UNAUTHENTICATED')
})

test('an answer that is not of gRPC is an error', async t => {
  const { client, onMessage } = await clientOf(t, stream => {
    stream.respond({ ':status': 404 })
    stream.end('not here')
  })
  await t.throwsAsync(client.open(onMessage).ended)
})

test('a stream that is reset or ends without a status is an error, and the connection goes on', async t => {
  let calls = 0
  const { client, messages, onMessage, sessions } = await clientOf(t, stream => {
    if (calls++ > 1) return answerWith(stream, { 'grpc-status': '0' })
    stream.respond(OK_HEAD)
    if (calls === 1) stream.close(8)
    else stream.end()
  })
  for (let call = 0; call < 2; call++) {
    const error = await t.throwsAsync(client.open(onMessage).ended)
    t.is(callError(error, 'executor x').code, 'NETWORK')
  }
  await client.open(onMessage).ended
  t.is(messages.length, 1)
  t.is(sessions(), 1)
})

test('a message that its reader does not take ends the call with that error', async t => {
  const { client } = await clientOf(t, stream => answerWith(stream, { 'grpc-status': '0' }))
  const refused = new Error('not this one')
  const call = client.open(() => {
    throw refused
  })
  t.is(await t.throwsAsync(call.ended), refused)
})

test('a connection that is lost breaks its calls; the next call dials again', async t => {
  let calls = 0
  const { client, onMessage, sessions } = await clientOf(t, stream => {
    if (calls++ === 0) return stream.session?.destroy()
    return answerWith(stream, { 'grpc-status': '0' })
  })
  await t.throwsAsync(client.open(onMessage).ended)
  await client.open(onMessage).ended
  t.is(sessions(), 2)
})

test('after a cancel no message comes', async t => {
  const { client, messages, onMessage } = await clientOf(t, stream => {
    stream.respond(OK_HEAD)
    stream.write(EOS)
  })
  const call = client.open(onMessage)
  call.cancel()
  await t.throwsAsync(call.ended)
  t.deepEqual(messages, [])
})

test('nobody there', async t => {
  const server = createTcpServer()
  const address = await listening(t, server)
  await new Promise(closed => server.close(closed))
  const client = new Http2ExchangeClient(address, codec, {})
  const error = await t.throwsAsync(client.open(() => undefined).ended)
  t.regex(callError(error, `executor ${address}`).message, /no connection to executor .*ECONNREFUSED/)
})

test('a peer that answers no ping is gone', async t => {
  const sockets: Socket[] = []
  const address = await listening(
    t,
    createTcpServer(socket => {
      socket.on('error', () => undefined)
      sockets.push(socket.resume())
    }),
  )
  const client = new Http2ExchangeClient(address, codec, {}, { everyMs: 50, timeoutMs: 100 })
  const error = await t.throwsAsync(client.open(() => undefined).ended)
  t.regex(error.message, /answers no ping/)
  sockets.forEach(socket => socket.destroy())
})
