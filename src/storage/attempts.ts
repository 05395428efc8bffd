/** Requests that are tried again after what may pass: stalls, connections that break, and answers that a server is too busy. */
import { setTimeout as delay } from 'node:timers/promises'
import { BallistaError } from '../common/errors.js'
import { readBody, type HttpReply } from './http-client.js'
import { storageRetries } from './options.js'
import type { FilePlace } from './store.js'

/** A failure that the next attempt may not meet. */
export class TransientError extends Error {}

const FIRST_DELAY_MS = 50
const LONGEST_DELAY_MS = 5_000

/**
 * What `attempt` gives, which is made again after a failure of the network or a TransientError: after 50 ms, and twice as long each
 * time (half of it by chance, so that many readers do not come back at once). Rejects with its last error, or why the host's signal was
 * aborted.
 */
export async function withRetries<T>({ host }: FilePlace, attempt: () => Promise<T>): Promise<T> {
  const retries = host.config.get(storageRetries)
  for (let tried = 0; ; tried++) {
    host.signal?.throwIfAborted()
    try {
      return await attempt()
    } catch (error) {
      host.signal?.throwIfAborted()
      if (tried >= retries || !mayPass(error)) throw error
    }
    const longest = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** tried)
    await delay(longest * (0.5 + Math.random() / 2), undefined, { signal: host.signal }).catch(() => undefined)
  }
}

/** What does not change by itself: a name that nobody knows, a certificate that does not hold. */
const LASTING = /^(?:ENOTFOUND|CERT_|ERR_TLS_|ERR_SSL_|ERR_INVALID_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/

const mayPass = (error: unknown): boolean =>
  !(error instanceof BallistaError) &&
  !(error instanceof LastingError) &&
  !LASTING.test((error as NodeJS.ErrnoException).code ?? '')

/** A failure that every attempt would meet. */
export class LastingError extends Error {}

const BUSY = [408, 429, 500, 502, 503, 504]
/** Of an error's text. */
const MAX_TEXT_BYTES = 64 * 1024

/** The reply, if it has one of the statuses `expected`. Throws a TransientError, or a LastingError with what the server says. */
export async function expectStatus(reply: HttpReply, ...expected: readonly number[]): Promise<HttpReply> {
  if (expected.includes(reply.status)) return reply
  const text = (await readBody(reply, MAX_TEXT_BYTES).catch(() => Buffer.alloc(0))).toString()
  const [, code] = /<Code>([^<]{1,100})<\/Code>/.exec(text) ?? []
  const answer = `the server answered ${reply.status}${code === undefined ? '' : ` (${code})`}`
  if (BUSY.includes(reply.status)) throw new TransientError(answer)
  const region = reply.headers['x-amz-bucket-region']
  if (typeof region === 'string' && [301, 307, 400].includes(reply.status))
    throw new LastingError(`${answer}: the bucket is in the region ${region}; SET s3.region = '${region}'`)
  throw new LastingError(reply.status === 404 ? `there is no such file: ${answer}` : answer)
}
