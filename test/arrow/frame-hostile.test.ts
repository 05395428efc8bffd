/** Frames with wrong bytes: decoding fails with DATA_CORRUPTION or gives a batch that can be read, never anything else. */
import test from 'ava'
import type { Batch } from '../../src/arrow/batch.js'
import { releaseBatch } from '../../src/arrow/column.js'
import { decodeBatch, encodeBatch } from '../../src/arrow/frame.js'
import { bytesInUse } from '../../src/arrow/memory.js'
import { field, type Schema } from '../../src/arrow/schema.js'
import { BallistaError } from '../../src/common/errors.js'
import { ALL_TYPES, batchRows, below, randomColumn, testRng } from './random-columns.js'

/** Decodes; a batch that comes out is read to the last value. Says what happened. */
function attempt(bytes: Uint8Array, schema: Schema): 'batch' | 'corrupt' {
  let batch: Batch | undefined
  try {
    batch = decodeBatch(bytes, schema)
    batchRows(batch)
    return 'batch'
  } catch (error) {
    if (error instanceof BallistaError && error.code === 'DATA_CORRUPTION') return 'corrupt'
    throw error
  } finally {
    if (batch !== undefined) releaseBatch(batch)
  }
}

test.serial('every truncation is noticed', t => {
  const rng = testRng(message => t.log(message))
  const before = bytesInUse()
  for (const type of ALL_TYPES) {
    const column = randomColumn(rng, type, 20)
    const batch = { schema: { fields: [field('c', type)] }, rowCount: 20, columns: [column] }
    const bytes = encodeBatch(batch)
    releaseBatch(batch)
    for (let length = 0; length < bytes.length; length++)
      t.is(attempt(bytes.subarray(0, length), batch.schema), 'corrupt')
    t.is(attempt(bytes, batch.schema), 'batch')
    // A view into a larger Buffer, as the network gives it.
    t.is(attempt(Buffer.concat([Buffer.alloc(3), bytes]).subarray(3), batch.schema), 'batch')
  }
  t.is(bytesInUse(), before)
})

test.serial('flipped bits and wild words do no harm', t => {
  const rng = testRng(message => t.log(message))
  const before = bytesInUse()
  const seen = { batch: 0, corrupt: 0 }
  for (const type of ALL_TYPES) {
    const column = randomColumn(rng, type, 30)
    const batch = { schema: { fields: [field('c', type)] }, rowCount: 30, columns: [column] }
    const bytes = encodeBatch(batch)
    releaseBatch(batch)
    for (let bit = 0; bit < Math.min(bytes.length * 8, 2000); bit++) {
      const broken = bytes.slice()
      broken[bit >>> 3] ^= 1 << (bit & 7)
      seen[attempt(broken, batch.schema)]++
    }
    for (let round = 0; round < 100; round++) {
      const broken = bytes.slice()
      const words = new Uint32Array(broken.buffer)
      words[below(rng, words.length)] = [0, 1, 0x7fffffff, 0xffffffff, below(rng, 2 ** 32)][below(rng, 5)]
      seen[attempt(broken, batch.schema)]++
    }
  }
  t.true(seen.batch > 0 && seen.corrupt > 0, 'both ends were met')
  t.is(bytesInUse(), before)
})

test.serial('the schema decides how many columns there are', t => {
  const bytes = encodeBatch({ schema: { fields: [] }, rowCount: 1, columns: [] })
  t.throws(() => decodeBatch(bytes, { fields: [field('a', { kind: 'boolean' })] }), {
    message: 'data from a batch frame is corrupt: 0 columns instead of 1',
  })
})
