/** Pieces of strings: overlaid, found in lists written with commas, cut at delimiters. */
import { randomUUID } from 'node:crypto'
import { BINARY, INT32, INT64, UTF8 } from '../../../arrow/types.js'
import { fail } from '../../../common/errors.js'
import type { FunctionExample, ScalarFunction } from '../function.js'
import { defineScalar, fixed } from '../signature.js'
import { codePoints, slicePoints } from './text.js'

const ex = (sql: string, result: string): FunctionExample => ({ sql, result })

const overlay = defineScalar({
  name: 'overlay',
  description:
    'The first text with the second in place of what begins at a position; as many characters as the last argument says are replaced (default: the length of the second). Also OVERLAY(text PLACING new FROM position FOR count).',
  examples: [
    ex("overlay('Txxxxas', 'hom', 2, 4)", 'Thomas'),
    ex("OVERLAY('abcdef' PLACING 'XY' FROM 3)", 'abXYef'),
    ex("overlay(NULL, 'a', 1)", 'NULL'),
  ],
  coerce: fixed('overlay', [UTF8, UTF8, INT64], [INT64]),
  returns: () => UTF8,
  evaluate: ([text, part, start, count]) => {
    const from = Number(start) - 1
    if (from < 0) throw fail('INVALID_ARGUMENT', [`overlay: positions are counted from 1, got ${from + 1}`])
    const replaced = count === undefined ? codePoints(part as string) : Number(count)
    const rest = slicePoints(text as string, Math.max(0, from + replaced), Infinity)
    return slicePoints(text as string, 0, from) + (part as string) + rest
  },
})

const findInSet = defineScalar({
  name: 'find_in_set',
  description: 'Place of a text in a list that is written with commas, counted from 1; 0 if it is not there.',
  examples: [
    ex("find_in_set('b', 'a,b,c')", '2'),
    ex("find_in_set('x', 'a,b')", '0'),
    ex("find_in_set(NULL, 'a')", 'NULL'),
  ],
  coerce: fixed('find_in_set', [UTF8, UTF8]),
  returns: () => INT32,
  evaluate: ([text, list]) => (list === '' ? 0 : (list as string).split(',').indexOf(text as string) + 1),
})

const substrIndex = defineScalar({
  name: 'substr_index',
  aliases: ['substring_index'],
  description: 'What stands before the n-th delimiter, or behind the n-th from the end when n is negative.',
  examples: [
    ex("substr_index('www.apache.org', '.', 1)", 'www'),
    ex("substr_index('www.apache.org', '.', -2)", 'apache.org'),
    ex("substr_index('a', NULL, 1)", 'NULL'),
  ],
  coerce: fixed('substr_index', [UTF8, UTF8, INT64]),
  returns: () => UTF8,
  evaluate: ([text, delimiter, count]) => {
    if (delimiter === '' || count === 0n) return ''
    const parts = (text as string).split(delimiter as string)
    const n = Number(count)
    return (n > 0 ? parts.slice(0, n) : parts.slice(Math.max(0, parts.length + n))).join(delimiter as string)
  },
})

const uuid = defineScalar({
  name: 'uuid',
  aliases: ['gen_random_uuid'],
  description: 'A random UUID (version 4) as text, another for every row.',
  examples: [ex('length(uuid())', '36'), ex('uuid() = NULL', 'NULL')],
  volatility: 'volatile',
  coerce: fixed('uuid', []),
  returns: () => UTF8,
  evaluate: () => randomUUID(),
})

const hamming = defineScalar({
  name: 'hamming',
  aliases: ['mismatches'],
  description: 'Number of places at which two texts of one length differ.',
  examples: [ex("hamming('duck', 'luck')", '1'), ex("hamming(NULL, 'a')", 'NULL')],
  coerce: fixed('hamming', [UTF8, UTF8]),
  returns: () => INT64,
  evaluate: ([left, right]) => {
    const [a, b] = [[...(left as string)], [...(right as string)]]
    if (a.length !== b.length)
      throw fail('INVALID_ARGUMENT', [`hamming: texts of one length, got ${a.length} and ${b.length} characters`])
    return BigInt(a.filter((point, i) => point !== b[i]).length)
  },
})

const unhex = defineScalar({
  name: 'unhex',
  aliases: ['from_hex'],
  description: 'Hexadecimal text as bytes.',
  examples: [ex("CAST(unhex('6869') AS VARCHAR)", 'hi'), ex('unhex(NULL)', 'NULL')],
  coerce: fixed('unhex', [UTF8]),
  returns: () => BINARY,
  evaluate: ([text]) => {
    if (!/^(?:[0-9a-f]{2})*$/i.test(text as string)) throw fail('INVALID_ARGUMENT', ['unhex: the text is not hex'])
    return new Uint8Array(Buffer.from(text as string, 'hex'))
  },
})

export const STRING_PARTS: readonly ScalarFunction[] = [findInSet, hamming, overlay, substrIndex, unhex, uuid]
