/** Finds the route of a request, reads its body, and writes the answer. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Clock } from '../../common/clock.js'
import { toBallistaError } from '../../common/errors.js'
import type { Logger } from '../../common/log.js'
import { EventPump } from './event-pump.js'
import { corsHeaders, guard, type GuardOptions } from './guard.js'
import { matchPath, refusal, type HttpAnswer, type HttpRequest, type Route, type WholeAnswer } from './route.js'

export interface HttpListener {
  readonly listener: RequestListener
  /** Ends the event streams, which would keep their connections open. */
  close(): void
}

export interface HttpListenerOptions<State> {
  readonly routes: readonly Route<State>[]
  readonly state: State
  readonly guard: GuardOptions
  readonly clock: Clock
  readonly log: Logger
}

/** Of a request's body. */
const MAX_BODY_BYTES = 64 * 1024

/** Each holds a connection; a page has one or two. */
const MAX_EVENT_STREAMS = 200

/** For every answer: nothing is guessed, framed, shared between sites or kept. */
const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
}

export function httpListener<State>(options: HttpListenerOptions<State>): HttpListener {
  const pumps = new Set<EventPump>()
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const cors = corsHeaders(request.headers, options.guard)
    for (const [name, value] of Object.entries(cors ?? {})) response.setHeader(name, value)
    if (request.method === 'OPTIONS' && cors !== undefined) return void response.writeHead(204).end()
    const answer = await answerOf(request, options)
    if (!('open' in answer)) return write(response, answer)
    if (pumps.size >= MAX_EVENT_STREAMS) return write(response, refusal(503, 'too many event streams are open'))
    response.writeHead(200, { ...SECURITY_HEADERS, 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    const pump = new EventPump(response, answer, options.clock)
    pumps.add(pump)
    response.once('close', () => pumps.delete(pump))
    if (request.method === 'HEAD') pump.end()
  }
  return {
    listener: (request, response) => void serve(request, response),
    close: () => {
      for (const pump of pumps) pump.end()
    },
  }
}

async function answerOf<State>(request: IncomingMessage, options: HttpListenerOptions<State>): Promise<HttpAnswer> {
  const refused = guard({ method: request.method ?? '', headers: request.headers }, options.guard)
  if (refused !== undefined) return refused
  const url = new URL(request.url ?? '/', 'http://host')
  const matching = options.routes.flatMap(route => {
    const params = matchPath(route.path, url.pathname)
    return params === undefined ? [] : [{ route, params }]
  })
  if (matching.length === 0) return refusal(404, `there is nothing at ${url.pathname}`)
  const method = request.method === 'HEAD' ? 'GET' : request.method
  const found = matching.find(({ route }) => route.method === method)
  if (found === undefined) {
    const allow = matching.map(({ route }) => route.method).join(', ')
    return { ...refusal(405, `${url.pathname} answers ${allow}`), headers: { allow } }
  }
  try {
    const body = method === 'GET' ? undefined : await jsonBody(request)
    if (body !== undefined && 'refused' in body) return body.refused
    const { query, headers } = { query: url.searchParams, headers: request.headers }
    const parts: HttpRequest = { params: found.params, query, headers, body: body?.value }
    return await found.route.handle(parts, options.state)
  } catch (error) {
    const { code, message } = toBallistaError(error)
    options.log.error('request failed', { path: url.pathname, code, error: message })
    return refusal(500, `${url.pathname} failed (${code}); the server's log says why`)
  }
}

type Body = { readonly value: unknown } | { readonly refused: WholeAnswer }

async function jsonBody(request: IncomingMessage): Promise<Body> {
  const parts: Buffer[] = []
  let byteLength = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    byteLength += part.length
    if (byteLength > MAX_BODY_BYTES) return { refused: refusal(413, `a body has at most ${MAX_BODY_BYTES} bytes`) }
    parts.push(part)
  }
  try {
    return { value: JSON.parse(Buffer.concat(parts).toString('utf8')) as unknown }
  } catch {
    return { refused: refusal(400, 'the body is not JSON') }
  }
}

function write(response: ServerResponse, answer: WholeAnswer): void {
  const { status, contentType, body, headers } = answer
  const own = { ...SECURITY_HEADERS, 'cache-control': 'no-store', 'content-type': contentType }
  // A body that was not read to its end would be taken for the next request.
  const rest = status === 413 ? { connection: 'close' } : {}
  response.writeHead(status, { ...own, 'content-length': Buffer.byteLength(body), ...rest, ...headers })
  response.end(body)
}
