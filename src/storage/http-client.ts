/** Requests over HTTP with connections that are kept, to addresses that this process may connect to. */
import * as http from 'node:http'
import * as https from 'node:https'
import { once } from 'node:events'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { allowedLookup, checkAddress } from './addresses.js'
import { storageTimeout } from './options.js'
import type { FilePlace } from './store.js'

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  /** `http:` or `https:`. */
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array
}

export interface HttpReply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** To be read to its end, or destroyed. */
  readonly body: IncomingMessage
}

/** Connections to one server at once, a thread; more only queue at the server. */
const CONNECTIONS = 32
/** Servers close connections that say nothing after 5 s (Node) to 20 s (S3). */
const IDLE_MS = 4_000

const AGENT_OPTIONS = { keepAlive: true, maxSockets: CONNECTIONS, timeout: IDLE_MS, lookup: allowedLookup }
const agents = { 'http:': new http.Agent(AGENT_OPTIONS), 'https:': new https.Agent(AGENT_OPTIONS) }

/**
 * One attempt. Rejects with PATH_NOT_ALLOWED for an address that is not allowed, else with what the network says: when nothing
 * comes for ballista.storage.timeout, or the host's signal is aborted, also while the body is read.
 */
export async function sendOnce({ method, url, headers, body }: HttpRequest, { host }: FilePlace): Promise<HttpReply> {
  checkAddress(url.hostname)
  const timeoutMs = host.config.get(storageTimeout)
  const { request } = url.protocol === 'https:' ? https : http
  const outgoing = request(url, {
    method,
    headers: { ...headers, 'content-length': body?.length ?? 0 },
    agent: agents[url.protocol === 'https:' ? 'https:' : 'http:'],
    timeout: timeoutMs,
    ...(host.signal === undefined ? {} : { signal: host.signal }),
  })
  // What happens while the body is read, its reader hears.
  outgoing.on('error', () => undefined)
  outgoing.once('timeout', () => outgoing.destroy(new Error(`no byte for ${timeoutMs} ms`)))
  outgoing.end(body)
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, body: incoming }
}

/** The bytes of a reply, at most `limit`; more are an error. */
export async function readBody({ body }: HttpReply, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let byteLength = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    byteLength += chunk.length
    // Leaving the loop destroys the body.
    if (byteLength > limit) throw new Error(`a reply of more than ${limit} bytes`)
    chunks.push(chunk)
  }
  if (!body.complete) throw new Error('the connection broke off')
  return Buffer.concat(chunks)
}
