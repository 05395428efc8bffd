/** Configuration keys of the exchange. */
import { bytes } from '../common/option.js'

/** Frames are cut at this size, the header not counted. */
export const FRAME_BYTES = 1024 * 1024

/** Two frames: one on its way, one to come. */
export const MIN_READ_WINDOW = 2 * FRAME_BYTES

/** A window larger than this would only hide a slow consumer. */
export const MAX_READ_WINDOW = 256 * FRAME_BYTES

export const exchangeWriteBytes = bytes('ballista.exchange.write_buffer', {
  default: 16 * 1024 ** 2,
  min: 1,
  doc: 'Bytes that one task may have produced and its consumers not yet taken, before it waits.',
})

export const exchangeReadBytes = bytes('ballista.exchange.read_window', {
  default: 4 * 1024 ** 2,
  min: MIN_READ_WINDOW,
  doc: 'Bytes that may be on their way to one task from one remote task, or from its host to its thread.',
})
