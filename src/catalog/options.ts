/** Configuration keys that tables read when they divide a scan. */
import { bytes } from '../common/option.js'

export const minPartitionBytes = bytes('ballista.optimizer.repartition_file_min_size', {
  default: 8 * 1024 ** 2,
  min: 1,
  doc: 'Bytes of a file, or of a table in memory, that are worth a partition of their own.',
})
