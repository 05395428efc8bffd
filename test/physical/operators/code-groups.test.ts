/** Groups of dictionary columns by their codes against groups by their values. */
import test from 'ava'
import type { Column } from '../../../src/arrow/batch.js'
import { columnFromValues, columnValues, makeColumn, releaseColumn, retainColumn } from '../../../src/arrow/column.js'
import { alloc, bytesInUse, release, views } from '../../../src/arrow/memory.js'
import { INT32, UTF8 } from '../../../src/arrow/types.js'
import { CodeGroups } from '../../../src/physical/operators/code-groups.js'
import { GroupTable } from '../../../src/physical/operators/group-table.js'
import { RowKeys } from '../../../src/physical/operators/row-keys.js'
import { below, testRng } from '../../arrow/random-columns.js'

const ROWS = 500

/** A string column of these codes; takes the dictionary over. */
function coded(dictionary: Column, codes: readonly (number | null)[]): Column {
  const { length, nullCount, validity, values, blocks } = columnFromValues(INT32, codes)
  return makeColumn({ type: UTF8, length, nullCount, validity, values, blocks, dictionary })
}

test.serial('groups are those of the values, and only new combinations are asked for', t => {
  const rng = testRng(message => t.log(message))
  const before = bytesInUse()
  for (const keyCount of [1, 2, 3]) {
    const keys = new RowKeys(
      Array.from({ length: keyCount }, () => ({ type: UTF8, nullable: true })),
      'group',
      () => undefined,
    )
    const table = new GroupTable(keys.words, keys.isInteger, () => undefined)
    const groups = new CodeGroups()
    const out = alloc(ROWS * 4)
    const groupOf = new Map<string, number>()
    for (let turn = 0; turn < 6; turn++) {
      const dictionaries = Array.from({ length: keyCount }, () => randomDictionary(turn))
      // Two batches of one dictionary: the second one asks for what the first one did not have.
      for (let batch = 0; batch < 2; batch++) {
        const columns = dictionaries.map(randomCodes)
        let asked = 0
        groups.assign(columns, ROWS, out, (some, count, to) => {
          asked += count
          table.assign(keys.encode(some, count), count, to)
        })
        const texts = columns.map(columnValues)
        const rows = Array.from({ length: ROWS }, (_, row) => JSON.stringify(texts.map(values => values[row])))
        t.true(asked <= dictionaries.reduce((product, { length }) => product * (length + 1), 1))
        for (const text of rows) if (!groupOf.has(text)) groupOf.set(text, groupOf.size)
        t.deepEqual(
          [...views().u32.subarray(out / 4, out / 4 + ROWS)],
          rows.map(text => groupOf.get(text)),
        )
        columns.forEach(releaseColumn)
      }
      dictionaries.forEach(releaseColumn)
    }
    release(out)
    groups.close()
    keys.close()
    table.close()
  }
  t.is(bytesInUse(), before)

  /** Values come back in later dictionaries, at other codes; some twice, and some NULL. */
  function randomDictionary(turn: number): Column {
    const values = Array.from({ length: 1 + below(rng, 5) }, () =>
      below(rng, 6) === 0 ? null : `v${below(rng, 3 + turn)}`,
    )
    return columnFromValues(UTF8, values)
  }

  function randomCodes(dictionary: Column): Column {
    const codes = Array.from({ length: ROWS }, () => (below(rng, 9) === 0 ? null : below(rng, dictionary.length)))
    retainColumn(dictionary)
    return coded(dictionary, codes)
  }
})

test.serial('a failed question is asked again', t => {
  const before = bytesInUse()
  const dictionary = columnFromValues(UTF8, ['a', 'b'])
  const column = coded(dictionary, [0, 1, 1, 0, 1, 0, 0])
  const groups = new CodeGroups()
  const out = alloc(7 * 4)
  const refuse = (): never => {
    throw new Error('no room')
  }
  t.throws(() => groups.assign([column], 7, out, refuse), { message: 'no room' })
  groups.assign([column], 7, out, (_, count, to) => {
    t.is(count, 2)
    views().u32.set([5, 9], to / 4)
  })
  t.deepEqual([...views().u32.subarray(out / 4, out / 4 + 7)], [5, 9, 9, 5, 9, 5, 5])
  groups.close()
  release(out)
  releaseColumn(column)
  t.is(bytesInUse(), before)
})
