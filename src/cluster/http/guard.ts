/** What a browser could be made to ask on behalf of a stranger's page, and why it is refused. */
import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import { refusal, type WholeAnswer } from './route.js'

export interface GuardOptions {
  /** Names under which this host is reached, beside addresses and localhost. */
  readonly hostNames: readonly string[]
  /** Origins whose pages may do what the pages of this server may; default: none. */
  readonly corsAllowedOrigins?: readonly string[] | undefined
}

interface GuardedRequest {
  readonly method: string
  readonly headers: IncomingHttpHeaders
}

/** The refusal of a request that may not be meant for this server, or that another site may have sent; else undefined. */
export function guard(request: GuardedRequest, options: GuardOptions): WholeAnswer | undefined {
  const host = request.headers.host ?? ''
  if (!isOwnHost(host, options.hostNames)) {
    const how = 'use its address, or start the scheduler with that name as --external-host'
    return refusal(421, `this server does not know itself as '${host}': ${how}`)
  }
  if (['GET', 'HEAD', 'OPTIONS'].includes(request.method)) return undefined
  const { origin } = request.headers
  const site = request.headers['sec-fetch-site']
  const isAllowed = corsHeaders(request.headers, options) !== undefined
  if (
    !isAllowed &&
    ((origin !== undefined && !isSameHost(origin, host)) || (site !== undefined && !OWN_SITES.includes(String(site))))
  )
    return refusal(403, `requests from ${origin ?? 'other sites'} may not change anything here`)
  // A form of another site cannot send this type without asking first, and nobody here says yes.
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? ''))
    return refusal(415, 'the content type must be application/json')
  return undefined
}

/** What tells a browser that the page of another origin may see the answer; undefined: it may not. */
export function corsHeaders(
  { origin }: IncomingHttpHeaders,
  { corsAllowedOrigins = [] }: GuardOptions,
): Readonly<Record<string, string>> | undefined {
  if (origin === undefined || !corsAllowedOrigins.includes(origin)) return undefined
  return {
    'access-control-allow-origin': origin,
    'access-control-allow-headers': 'authorization, content-type',
    'access-control-allow-methods': 'GET, PATCH, OPTIONS',
    vary: 'origin',
  }
}

/** `none`: typed by the user. */
const OWN_SITES: readonly string[] = ['same-origin', 'none']

/**
 * A name that a stranger owns can be made to resolve to this address (DNS rebinding): its pages would count as the same origin.
 * Addresses cannot be rebound.
 */
function isOwnHost(host: string, names: readonly string[]): boolean {
  const name = hostNameOf(host)
  if (name === undefined) return false
  if (isIP(name) !== 0 || name === 'localhost' || name.endsWith('.localhost')) return true
  return names.some(own => own.toLowerCase() === name)
}

function isSameHost(origin: string, host: string): boolean {
  try {
    return new URL(origin).host === new URL(`http://${host}`).host
  } catch {
    return false
  }
}

/** Without port and brackets, in lower case. */
function hostNameOf(host: string): string | undefined {
  try {
    return new URL(`http://${host}`).hostname.replace(/^\[(.*)\]$/, '$1')
  } catch {
    return undefined
  }
}
