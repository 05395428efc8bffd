/** What protects the connections of a process: TLS, a token that everyone shows, and the rule that nothing listens to a network without. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { isIPv4, isIPv6 } from 'node:net'
import { fail } from '../common/errors.js'

/** PEM texts. A client without any trusts the authorities that Node trusts. */
export interface TlsFiles {
  /** Authorities that peers' certificates must come from. */
  readonly ca?: string | undefined
  /** Own certificate (with its chain) and key: servers need them, clients only where servers ask for them. */
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

/** How a process shows itself to those it dials. */
export interface ClientSecurity {
  /** Without it the connection is plain text. */
  readonly tls?: TlsFiles | undefined
  /** Sent with every call as `authorization: Bearer …`. */
  readonly token?: string | undefined
  /** Allows what is refused otherwise: a server for others without TLS and authentication, a token in plain text to another host. */
  readonly insecure?: boolean | undefined
}

/** What a server demands of those that dial; executors are clients, too, with the same token and certificate. */
export interface Security extends ClientSecurity {
  /** Peers without a certificate of `tls.ca` are refused in the handshake. */
  readonly requireClientCertificate?: boolean | undefined
}

/** Addresses that only processes of the same machine reach. Brackets around an IPv6 address do not matter. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase()
  if (isIPv4(bare)) return bare.startsWith('127.')
  return bare === 'localhost' || (isIPv6(bare) && (bare === '::1' || bare.startsWith('::ffff:127.')))
}

/** Whether a server with this address and security listens to a network without protection. */
export function isExposed(host: string, { requireClientCertificate, tls, token }: Security): boolean {
  if (isLoopback(host)) return false
  const authenticates = token !== undefined || requireClientCertificate === true
  return tls?.cert === undefined || !authenticates
}

/** INVALID_ARGUMENT for a server that everyone on a network could use, unless that is wanted. */
export function checkExposure(host: string, security: Security): void {
  if (security.insecure === true || !isExposed(host, security)) return
  const remedy =
    'give it --tls-cert and --tls-key, and --auth-token-file or --tls-require-client-cert; or --insecure, if everyone who reaches the port may run SQL'
  throw fail('INVALID_ARGUMENT', [`${host} is not a loopback address, and listening there needs protection: ${remedy}`])
}

/** INVALID_ARGUMENT where a token would be readable on its way. */
export function checkTokenTravels(host: string, { insecure, tls, token }: ClientSecurity): void {
  if (token === undefined || tls !== undefined || insecure === true || isLoopback(host)) return
  throw fail('INVALID_ARGUMENT', [`the token would travel to ${host} in plain text: use TLS, or --insecure`])
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Compares in a time that says nothing about how much of it is right. */
export function secretCheck(secret: string): (given: string) => boolean {
  const expected = digest(secret)
  return given => timingSafeEqual(expected, digest(given))
}

/** Checks an `authorization` header. */
export function bearerCheck(token: string): (header: string | undefined) => boolean {
  const isToken = secretCheck(token)
  return header => {
    const match = /^Bearer +(\S+) *$/i.exec(header ?? '')
    return match !== null && isToken(match[1])
  }
}
