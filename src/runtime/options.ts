/** Configuration keys that scans and running operators read. */
import { bytes, int, text } from '../common/option.js'

export const batchSize = int('ballista.execution.batch_size', {
  default: 65536,
  min: 1,
  doc: 'Rows per batch: operators give at most this many rows at once.',
})

export const memoryLimit = bytes('ballista.memory.limit', {
  default: 2 * 1024 ** 3,
  min: 1,
  doc: 'Bytes that the operators of all tasks of one process may hold, such as 512MB; what does not fit goes to temporary files.',
})

export const tempDirectory = text('ballista.runtime.temp_directory', {
  default: '',
  doc: 'Directory for the temporary files of operators that reach the memory limit; empty: that of the system.',
})

export const maxTempDirectorySize = bytes('ballista.runtime.max_temp_directory_size', {
  default: 100 * 1024 ** 3,
  min: 0,
  doc: 'Bytes that the temporary files of one process may take; 0: none are written.',
})

export const minPartitionBytes = bytes('ballista.optimizer.repartition_file_min_size', {
  default: 8 * 1024 ** 2,
  min: 1,
  doc: 'Bytes of a file, or of a table in memory, that are worth a partition of their own.',
})
