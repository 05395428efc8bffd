/** LIKE by kernel against a matcher that tries everything, over small alphabets where near misses are common. */
import test from 'ava'
import { columnFromValues, columnValues, releaseColumn } from '../../src/arrow/column.js'
import { bytesInUse } from '../../src/arrow/memory.js'
import { UTF8 } from '../../src/arrow/types.js'
import { seededRng, type Rng } from '../../src/common/clock.js'
import { likeMatcher, likePieces } from '../../src/expr/like-pattern.js'
import { likeColumn, likeSegments } from '../../src/expr/vector/text.js'

const SEED = Number(process.env.SEED ?? 11)
const ALPHABET = ['a', 'b', 'é', '🦆']

/** The definition: `%` is any run of characters, `_` exactly one. */
function matches(text: readonly string[], pattern: readonly string[]): boolean {
  const [head, ...rest] = pattern
  if (head === undefined) return text.length === 0
  if (head === '%') return matches(text, rest) || (text.length > 0 && matches(text.slice(1), pattern))
  return text.length > 0 && (head === '_' || head === text[0]) && matches(text.slice(1), rest)
}

const word = (rng: Rng, letters: readonly string[], most: number): string =>
  Array.from(
    { length: Math.floor(rng.next() * (most + 1)) },
    () => letters[Math.floor(rng.next() * letters.length)],
  ).join('')

test('every pattern matches what its definition says, as a kernel and as a matcher', t => {
  const rng = seededRng(SEED)
  for (let round = 0; round < 400; round++) {
    const long = rng.next() < 0.2
    const letters = rng.next() < 0.5 ? ALPHABET.slice(0, 2) : ALPHABET
    const pattern = word(rng, [...letters, '%', '%', '_'], long ? 9 : 5)
    const texts = Array.from({ length: 50 }, () => (rng.next() < 0.1 ? null : word(rng, letters, long ? 22 : 6)))
    const negated = rng.next() < 0.3
    const before = bytesInUse()
    const column = columnFromValues(UTF8, texts)
    const result = likeColumn(column, likeSegments(pattern, undefined), negated)
    const expected = texts.map(text => (text === null ? null : matches([...text], [...pattern]) !== negated))
    t.deepEqual(columnValues(result), expected, `SEED=${SEED} LIKE '${pattern}'`)
    const matcher = likeMatcher(pattern, undefined, false)
    t.deepEqual(
      texts.map(text => (text === null ? null : matcher(text) !== negated)),
      expected,
      `SEED=${SEED} LIKE '${pattern}'`,
    )
    releaseColumn(column)
    releaseColumn(result)
    t.is(bytesInUse(), before)
  }
})

test('an escape makes the next character literal; at the end it stands for itself', t => {
  t.deepEqual(likePieces('10\\%'), [{ kind: 'text', text: '10%' }])
  t.deepEqual(likePieces('a!_%', '!'), [{ kind: 'text', text: 'a_' }, { kind: 'any' }])
  t.deepEqual(likePieces('a\\'), [{ kind: 'text', text: 'a\\' }])
  t.deepEqual(likePieces('%%_'), [{ kind: 'any' }, { kind: 'one' }])
})

test('many percent signs do not take exponential time', t => {
  t.false(likeMatcher(`${'%a'.repeat(30)}b`, undefined, false)('a'.repeat(2000)))
  const column = columnFromValues(UTF8, ['a'.repeat(2000)])
  const result = likeColumn(column, likeSegments(`${'%a'.repeat(30)}%b`, undefined), false)
  t.deepEqual(columnValues(result), [false])
  releaseColumn(column)
  releaseColumn(result)
})
