/** What a client sends with SubmitQuery, as far as the scheduler itself understands it; the rest is the planner's. */
import type { Settings } from '../../common/option.js'
import { decodeWire } from '../../common/wire.js'
import { messagesOf, type SubmitCall } from '../../exchange/grpc.js'
import type { QueryRequest } from '../../exchange/proto/messages.js'
import { checkVersion, PieceJoiner } from '../../exchange/protocol.js'
import { objectOf, stringOf } from '../../exchange/validate.js'

export interface ClientRequest {
  /** For the planner. */
  readonly body: unknown
  readonly planOnly: boolean
  /** For display; empty if the planner takes something else. */
  readonly sql: string
  readonly settings: Settings
  /** The client takes Progress events. */
  readonly wantsProgress: boolean
}

/** A request with its tables inline. */
const MAX_REQUEST_BYTES = 256 * 1024 ** 2

/** All pieces of the request; undefined if the client left before the last one. */
export async function receiveRequest(call: SubmitCall): Promise<ClientRequest | undefined> {
  const peer = `client ${call.getPeer()}`
  const joiner = new PieceJoiner(MAX_REQUEST_BYTES, peer)
  let whole: Uint8Array | undefined
  let wantsProgress = false
  for await (const piece of messagesOf<QueryRequest>(call)) {
    checkVersion(piece, peer)
    whole = joiner.add(piece) ?? whole
    wantsProgress = piece.progress
  }
  return whole === undefined ? undefined : clientRequestOf(decodeWire(whole, peer), wantsProgress)
}

function clientRequestOf(body: unknown, wantsProgress: boolean): ClientRequest {
  const peer = { name: 'client', version: 'unknown' }
  const { planOnly, settings, sql } = objectOf(body, 'a request', peer)
  const values = objectOf(settings ?? {}, 'settings', peer)
  for (const value of Object.values(values)) stringOf(value, 'a setting', peer)
  return {
    body,
    planOnly: planOnly === true,
    sql: typeof sql === 'string' ? sql : '',
    settings: values as Settings,
    wantsProgress,
  }
}
