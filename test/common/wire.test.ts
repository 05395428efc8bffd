/** Tagged JSON: what goes in comes out, and what is no message is refused. */
import test from 'ava'
import { seededRng } from '../../src/common/clock.js'
import { decodeWire, decodeWireText, encodeWire, encodeWireText } from '../../src/common/wire.js'

const values: readonly [string, unknown, string][] = [
  ['bigint', { a: 2n ** 70n, b: -1n }, '{"a":{"$bigint":"1180591620717411303424"},"b":{"$bigint":"-1"}}'],
  ['bytes', [new Uint8Array([0, 255, 7])], '[{"$bytes":"AP8H"}]'],
  ['a Buffer', [Buffer.from([1, 2])], '[{"$bytes":"AQI="}]'],
  [
    'special numbers',
    [NaN, Infinity, -Infinity, -0, 0, 1.5],
    '[{"$number":"NaN"},{"$number":"Infinity"},{"$number":"-Infinity"},{"$number":"-0"},0,1.5]',
  ],
  ['keys that begin with $', { $bigint: '5', a: 1 }, '{"$object":[["$bigint","5"],["a",1]]}'],
  ['a lone key that looks like a tag', { x: { $number: 'NaN' } }, '{"x":{"$object":[["$number","NaN"]]}}'],
  ['nested tags', { $x: [{ $y: 3n }] }, '{"$object":[["$x",[{"$object":[["$y",{"$bigint":"3"}]]}]]]}'],
  [
    'null, text, booleans, nesting',
    { a: null, b: 'é"', c: [true, { d: [] }] },
    '{"a":null,"b":"é\\"","c":[true,{"d":[]}]}',
  ],
]

for (const [name, value, text] of values) {
  test(`${name} have one form and come back`, t => {
    t.is(encodeWireText(value), text)
    t.deepEqual(decodeWireText(text), name === 'a Buffer' ? [new Uint8Array([1, 2])] : value)
  })
}

test('undefined keys are left out', t => {
  t.is(encodeWireText({ a: undefined, b: 1 }), '{"b":1}')
})

const hostile = [
  '',
  '{',
  '{"$bigint":1}',
  '{"$bigint":"x"}',
  '{"$bytes":5}',
  '{"$number":"1"}',
  '{"$object":{}}',
  '{"__proto__":{"a":1}}',
  '[[['.repeat(50_000),
]

for (const text of hostile) {
  test(`'${text.slice(0, 30)}' is a PROTOCOL error`, t => {
    const error = t.throws(() => decodeWire(new TextEncoder().encode(text), 'peer'))
    t.like(error, { code: 'PROTOCOL' })
  })
}

test('bytes that are no UTF-8 are a PROTOCOL error', t => {
  t.like(
    t.throws(() => decodeWire(new Uint8Array([34, 255, 34]), 'peer')),
    { code: 'PROTOCOL' },
  )
})

test('random values come back', t => {
  for (let seed = 1; seed <= 300; seed++) {
    const rng = seededRng(seed)
    const value = randomValue(() => rng.next(), 4)
    t.deepEqual(decodeWire(encodeWire(value), 'peer'), value, `seed ${seed}`)
  }
})

const SCALARS: readonly unknown[] = [
  null,
  true,
  '',
  '$bigint',
  'x'.repeat(20),
  0,
  -0,
  NaN,
  Infinity,
  -1.5e300,
  5n,
  -(2n ** 65n),
  new Uint8Array([1, 2, 3]),
]

function randomValue(next: () => number, depth: number): unknown {
  const below = (limit: number): number => Math.floor(next() * limit)
  const shape = depth === 0 ? 0 : below(3)
  if (shape === 0) return SCALARS[below(SCALARS.length)]
  const items = Array.from({ length: below(4) }, () => randomValue(next, depth - 1))
  if (shape === 1) return items
  const keys = ['a', '$bigint', '$object', 'b$', '$', 'c']
  return Object.fromEntries(items.map(item => [keys[below(keys.length)], item]))
}
