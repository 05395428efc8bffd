/** Configuration keys of the exchange. */
import { bytes, choice, duration, int, text } from '../common/option.js'

/** Frames are cut at this size, the header not counted. */
export const FRAME_BYTES = 1024 * 1024

/** A window that is small and does not slow an exchange down. */
export const SMALL_READ_WINDOW = 2 * FRAME_BYTES

/** A window larger than this would only hide a slow consumer. */
export const MAX_READ_WINDOW = 256 * FRAME_BYTES

export const exchangeWriteBytes = bytes('ballista.exchange.write_buffer', {
  default: 16 * 1024 ** 2,
  min: 1,
  doc: 'Bytes that one task may have produced and its consumers not yet taken, before it waits.',
})

export const exchangeReadBytes = bytes('ballista.exchange.read_window', {
  default: 4 * 1024 ** 2,
  min: 1,
  doc: 'Bytes that may be on their way to one task from one remote task, or from its host to its thread; one frame of up to 1 MiB always may.',
})

export const retryPolicy = choice('ballista.retry_policy', {
  default: 'query',
  values: ['query', 'none'],
  doc: 'What a cluster does when it loses an executor: run the query again, up to four times in all, or fail.',
})

export const jobName = text('ballista.job.name', {
  default: '',
  doc: "What a cluster's page and REST call the queries of the session.",
})

export const materialize = choice('ballista.exchange.materialize', {
  default: 'auto',
  values: ['auto', 'always'],
  doc: 'Exchanges that store all rows before they are read: auto where the tasks of a query exceed what the slots hold, or always.',
})

export const clientIdleTimeout = duration('ballista.client.idle_timeout', {
  default: 300_000,
  doc: 'How long a cluster keeps a result of which its client takes nothing, such as 5m; then the query fails.',
})

export const reconnectGrace = duration('ballista.client.reconnect_grace', {
  default: 30_000,
  doc: 'How long a session waits for a scheduler that it has lost, such as 30s, and then runs its query again; 0: it fails.',
})

export const reconnectMs = int('ballista.exchange.reconnect_ms', {
  default: 10_000,
  min: 0,
  doc: 'How long tasks of two processes try to go on over a new connection when theirs broke; 0: they fail at once.',
})

/** What a consumer may ask of its producers. */
export const MAX_RECONNECT_MS = 60_000
