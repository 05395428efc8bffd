/** Versions, errors and pieces on the wire. */
import { readFileSync } from 'node:fs'
import test from 'ava'
import { BallistaError, fail, withContext, type ErrorCode } from '../../src/common/errors.js'
import { encodeWire } from '../../src/common/wire.js'
import { decodeError, encodeError, PieceJoiner, pieces, VERSION } from '../../src/exchange/protocol.js'

test('the version on the wire is that of the package', t => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  t.is(VERSION, version)
})

test('an error keeps code, message, span and context', t => {
  const error = withContext(fail('COLUMN_NOT_FOUND', ['a', ''], { span: { start: 7, end: 8 } }), 'stage 1, partition 0')
  t.deepEqual(decodeError(encodeError(error), 'peer').toInfo(), error.toInfo())
})

const odd: readonly [string, unknown, ErrorCode][] = [
  ['a code of another version', { code: 'NEW_CODE', message: 'm', context: [] }, 'INTERNAL'],
  ['a code that every object has', { code: 'toString', message: 'm', context: [] }, 'INTERNAL'],
  ['no message', { code: 'NETWORK' }, 'PROTOCOL'],
  ['nothing', null, 'PROTOCOL'],
  ['a context that is no list', { code: 'NETWORK', message: 'm', context: 5 }, 'NETWORK'],
]

for (const [name, value, code] of odd) {
  test(`an error with ${name} becomes ${code}`, t => {
    const error = decodeError(encodeWire(value), 'peer')
    t.true(error instanceof BallistaError)
    t.is(error.code, code)
  })
}

for (const length of [0, 1, 9, 10, 11, 25]) {
  test(`${length} bytes in pieces of 10 come together again`, t => {
    const bytes = Uint8Array.from({ length }, (_, i) => i)
    const joiner = new PieceJoiner(25, 'peer')
    const wholes = [...pieces(bytes, 10)].map(piece => joiner.add(piece))
    t.deepEqual(
      wholes.slice(0, -1),
      wholes.slice(1).map(() => undefined),
    )
    t.deepEqual([...(wholes.at(-1) ?? [])], [...bytes])
  })
}

test('a message beyond its limit is refused before it is kept', t => {
  const joiner = new PieceJoiner(5, 'peer')
  t.is(joiner.add({ body: new Uint8Array(5), more: true }), undefined)
  t.like(
    t.throws(() => joiner.add({ body: new Uint8Array(1), more: false })),
    { code: 'PROTOCOL' },
  )
})
