/** Configuration keys that running operators read. */
import { bytes, int } from '../common/option.js'

export const batchSize = int('ballista.execution.batch_size', {
  default: 32768,
  min: 1,
  doc: 'Rows per batch: operators give at most this many rows at once.',
})

export const memoryLimit = bytes('ballista.memory.limit', {
  default: 2 * 1024 ** 3,
  min: 1,
  doc: 'Bytes that the operators of all tasks of one process may hold, such as 512MB.',
})
