/** What a call that broke means: the code of gRPC, as one of our errors. */
import { fail, type BallistaError } from '../common/errors.js'

/** gRPC's number for it. */
const UNAUTHENTICATED = 16

/** An error of grpc-js. */
interface CallFailure extends Error {
  readonly code?: unknown
  readonly details?: string
}

/** UNAUTHENTICATED, which trying again does not change, or NETWORK. */
export function callError(error: CallFailure, peer: string): BallistaError {
  const reason = (error.details ?? error.message).replace(/ Resolution note: $/, '')
  if (error.code === UNAUTHENTICATED) return fail('UNAUTHENTICATED', [peer], { cause: error })
  return fail('NETWORK', [`no connection to ${peer}: ${reason}`], { cause: error })
}
