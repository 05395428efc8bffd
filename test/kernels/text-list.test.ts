/** Strings IN a list, against a set of them. */
import test from 'ava'
import { columnFromValues, columnValues, releaseColumn } from '../../src/arrow/column.js'
import { bytesInUse } from '../../src/arrow/memory.js'
import { UTF8, type Value } from '../../src/arrow/types.js'
import { seededRng } from '../../src/common/clock.js'
import { inListColumn } from '../../src/expr/vector/text.js'

const SEED = Number(process.env['SEED'] ?? 1)
const STEMS = [
  '',
  'a',
  'ab',
  'abcdefg',
  'abcdefgh',
  'abcdefghi',
  'abcdefghijklmnopq',
  'abcdefgX',
  'é',
  '日本語日本語',
  '\0',
  'a\0',
]

test(`a string is in a list of strings or not (SEED=${SEED})`, t => {
  const rng = seededRng(SEED)
  const below = (limit: number): number => Math.floor(rng.next() * limit)
  const text = (): string => STEMS[below(STEMS.length)] + 'x'.repeat(below(3))
  for (let round = 0; round < 200; round++) {
    const list: Value[] = Array.from({ length: 2 + below(round % 10 === 0 ? 400 : 12) }, text)
    if (rng.next() < 0.2) list.push(null)
    const values = Array.from({ length: below(150) }, () => (rng.next() < 0.1 ? null : text()))
    const negated = rng.next() < 0.5
    const known = new Set(list)
    const expected = values.map(value => {
      if (value === null) return null
      return known.has(value) ? !negated : known.has(null) ? null : negated
    })
    const column = columnFromValues(UTF8, values)
    const found = inListColumn(column, list, negated)
    t.deepEqual(
      found === undefined ? undefined : columnValues(found),
      expected,
      `round ${round}: ${JSON.stringify(list)}`,
    )
    releaseColumn(column)
    if (found !== undefined) releaseColumn(found)
  }
  t.is(bytesInUse(), 0)
})
