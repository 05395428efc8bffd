/** StringIds: more text than one column can hold is an error, never an offset that has wrapped around. */
import test from 'ava'
import { columnFromValues, releaseColumn } from '../../../src/arrow/column.js'
import { alloc, bytesInUse, release, views } from '../../../src/arrow/memory.js'
import { UTF8 } from '../../../src/arrow/types.js'
import { StringIds } from '../../../src/physical/operators/string-ids.js'

const MEGABYTE = 2 ** 20

test('a column of ids whose texts exceed 2 GiB is refused, also beyond 4 GiB', t => {
  const used = bytesInUse()
  const strings = new StringIds(() => undefined)
  const column = columnFromValues(UTF8, ['x'.repeat(MEGABYTE), null])
  const ids = alloc(5000 * 4)
  strings.intern(column, ids)
  t.deepEqual([...views().u32.subarray(ids / 4, ids / 4 + 2)], [1, 0])
  views().u32.fill(1, ids / 4, ids / 4 + 5000)
  for (const count of [2048, 4097, 5000])
    t.throws(() => strings.toColumn(UTF8, ids, count), { code: 'ARENA_EXHAUSTED' }, `${count} texts`)
  const fits = strings.toColumn(UTF8, ids, 2)
  t.is(views().u32[fits.offsets / 4 + 2], 2 * MEGABYTE)
  releaseColumn(fits)
  releaseColumn(column)
  release(ids)
  strings.close()
  t.is(bytesInUse(), used)
})
