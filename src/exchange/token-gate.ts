/** HTTP requests of a server with a token: they show it, or the cookie that a browser got for it. */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { LOGIN_PAGE } from './login-page.js'
import { bearerCheck, secretCheck } from './security.js'

/** Supervisors ask these without a token; they say no more than whether the process works. */
export const PROBE_PATHS: ReadonlySet<string> = new Set(['/healthz', '/readyz'])

/** Where the page of a browser sends the token. */
const LOGIN_PATH = '/login'

const COOKIE = 'ballista_session'

/** A token and the name of its field. */
const MAX_LOGIN_BYTES = 4096

/** The listener behind the token. The cookie is another secret, which is good until the process ends. */
export function tokenGate(listener: RequestListener, token: string): RequestListener {
  const session = randomBytes(32).toString('hex')
  const isToken = bearerCheck(token)
  const isSession = secretCheck(session)
  const isKnown = ({ authorization, cookie = '' }: IncomingMessage['headers']): boolean =>
    isToken(authorization) ||
    cookie.split(/; */).some(pair => pair.startsWith(`${COOKIE}=`) && isSession(pair.slice(COOKIE.length + 1)))
  return (request, response) => {
    const path = (request.url ?? '').replace(/\?.*$/s, '')
    // Browsers ask whether they may ask (CORS) without any of their secrets.
    if (request.method === 'OPTIONS' || PROBE_PATHS.has(path) || isKnown(request.headers)) listener(request, response)
    else if (path === LOGIN_PATH && request.method === 'POST') logIn(request, response, { session, isToken })
    else askForToken(request, response)
  }
}

function askForToken(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('www-authenticate', 'Bearer')
  if (request.headers.accept?.includes('text/html') === true) return showLogin(response, '')
  // The connection is not used again: the request may have a body that nobody reads.
  const headers = { 'content-type': 'text/plain; charset=utf-8', connection: 'close' }
  response.writeHead(401, headers).end('this server wants its token: Authorization: Bearer …\n')
}

function logIn(
  request: IncomingMessage,
  response: ServerResponse,
  { session, isToken }: { readonly session: string; readonly isToken: (header: string) => boolean },
): void {
  const parts: Buffer[] = []
  let byteLength = 0
  request.on('readable', () => {
    for (let part = request.read() as Buffer | null; part !== null; part = request.read() as Buffer | null) {
      parts.push(part)
      byteLength += part.length
      if (byteLength > MAX_LOGIN_BYTES) request.destroy()
    }
  })
  request.once('end', () => {
    const token = new URLSearchParams(Buffer.concat(parts).toString()).get('token') ?? ''
    if (!isToken(`Bearer ${token.trim()}`)) return showLogin(response, 'That is not the token.')
    const secure = 'encrypted' in request.socket ? '; Secure' : ''
    const cookie = `${COOKIE}=${session}; Path=/; HttpOnly; SameSite=Strict${secure}`
    response.writeHead(303, { location: '/', 'set-cookie': cookie }).end()
  })
}

function showLogin(response: ServerResponse, note: string): void {
  const headers = {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy':
      "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  }
  response.writeHead(401, headers).end(LOGIN_PAGE.replace('%s', note))
}
