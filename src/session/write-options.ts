/** Settings of writes. */
import { text } from '../common/option.js'

export const idempotencyKey = text('ballista.write.idempotency_key', {
  default: '',
  doc: 'Writes to one target with the same key, within a day, are one: those after the first give its result and write nothing.',
})
