/** HTTP as plain data: a route is a method, a path and a function from request and state to answer. */
import type { IncomingHttpHeaders } from 'node:http'

export interface HttpRequest {
  /** `:name` segments of the route's path, decoded. */
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  /** Of a request that changes something: its JSON. */
  readonly body: unknown
}

export interface WholeAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}

/** A stream of server-sent events (text/event-stream). */
export interface EventAnswer {
  /** Called once; `changed` may be called at any time and any number of times after it. */
  open(changed: () => void): EventSource
}

export interface EventSource {
  /** What has happened since the last call. A slow reader is asked less often, so that the newest state is all it need know. */
  take(): readonly ServerSentEvent[]
  /** Nothing more will come once `take` has been called. */
  readonly over: boolean
  /** Lets go of what `open` took. */
  stop(): void
}

export interface ServerSentEvent {
  readonly event: string
  /** Sent as JSON. */
  readonly data: unknown
}

export type HttpAnswer = WholeAnswer | EventAnswer

export interface Route<State> {
  readonly method: 'GET' | 'PATCH'
  /** Segments; one that begins with `:` matches any text without a slash. */
  readonly path: string
  readonly handle: (request: HttpRequest, state: State) => HttpAnswer | Promise<HttpAnswer>
}

export const json = (value: unknown, status = 200): WholeAnswer => ({
  status,
  contentType: 'application/json; charset=utf-8',
  body: `${JSON.stringify(value)}\n`,
})

export const plainText = (body: string, status = 200): WholeAnswer => ({
  status,
  contentType: 'text/plain; charset=utf-8',
  body,
})

/** How every refusal looks. */
export const refusal = (status: number, message: string): WholeAnswer => json({ error: { status, message } }, status)

/** What the segments of `path` are called in `pattern`; undefined if it does not match. */
export function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split('/')
  const found = path.split('/')
  if (wanted.length !== found.length) return undefined
  const params: Record<string, string> = {}
  for (const [index, segment] of wanted.entries()) {
    if (segment.startsWith(':')) {
      const value = decoded(found[index])
      if (value === undefined || value === '') return undefined
      params[segment.slice(1)] = value
    } else if (segment !== found[index]) return undefined
  }
  return params
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}
