/** Versions of the wire, and errors as they travel. */
import { BallistaError, ERRORS, fail, toBallistaError, type ErrorCode, type ErrorInfo } from '../common/errors.js'
import { VERSION } from '../common/version.js'
import { decodeWire, encodeWire } from '../common/wire.js'

/** Raised when peers of the version before would misunderstand. */
export const PROTOCOL_VERSION = 6

export { VERSION }

/** What a peer says first. */
export interface PeerVersion {
  readonly protocolVersion: number
  readonly version: string
}

export const OWN_VERSION: PeerVersion = { protocolVersion: PROTOCOL_VERSION, version: VERSION }

/** PROTOCOL, naming both versions, unless the peer speaks ours. */
export function checkVersion(peer: PeerVersion, name: string): void {
  if (peer.protocolVersion === PROTOCOL_VERSION) return
  const found = `it is version ${peer.version} with protocol ${peer.protocolVersion}, this is version ${VERSION} with protocol ${PROTOCOL_VERSION}`
  throw fail('PROTOCOL', [name, `${found}; run the same version on all nodes`])
}

export const encodeError = (error: unknown): Uint8Array => encodeWire(toBallistaError(error).toInfo())

/** The error that a peer sent; a malformed one or an unknown code is a PROTOCOL or INTERNAL error that shows its text. */
export function decodeError(bytes: Uint8Array, peer: string): BallistaError {
  const info = decodeWire(bytes, peer) as Partial<ErrorInfo> | null
  if (typeof info !== 'object' || info === null || typeof info.message !== 'string')
    return fail('PROTOCOL', [peer, 'an error without a message'])
  const code: ErrorCode = typeof info.code === 'string' && Object.hasOwn(ERRORS, info.code) ? info.code : 'INTERNAL'
  const context = Array.isArray(info.context) ? info.context.map(String) : []
  const { retryAfterMs, span } = info
  const whole =
    typeof span?.start === 'number' && typeof span.end === 'number'
      ? { span: { start: span.start, end: span.end } }
      : {}
  const hint = typeof retryAfterMs === 'number' ? { retryAfterMs } : {}
  return new BallistaError({ code, message: info.message, context, ...whole, ...hint })
}

/** Pieces of a message that may be larger than one frame; at least one, and all but the last say that more come. */
export function* pieces(bytes: Uint8Array, pieceBytes: number): Generator<{ body: Uint8Array; more: boolean }> {
  let start = 0
  do {
    const end = Math.min(bytes.length, start + pieceBytes)
    yield { body: bytes.subarray(start, end), more: end < bytes.length }
    start = end
  } while (start < bytes.length)
}

/** Puts pieces together again; PROTOCOL when they exceed `limit` bytes. */
export class PieceJoiner {
  private readonly parts: Uint8Array[] = []
  private byteLength = 0
  private readonly limit: number
  private readonly peer: string

  constructor(limit: number, peer: string) {
    this.limit = limit
    this.peer = peer
  }

  /** The whole message once its last piece is there. */
  add(piece: { body: Uint8Array; more: boolean }): Uint8Array | undefined {
    this.byteLength += piece.body.length
    if (this.byteLength > this.limit)
      throw fail('PROTOCOL', [this.peer, `a message is larger than ${this.limit} bytes`])
    this.parts.push(piece.body)
    if (piece.more) return undefined
    const whole = this.parts.length === 1 ? this.parts[0] : Buffer.concat(this.parts)
    this.parts.length = 0
    this.byteLength = 0
    return whole
  }
}
