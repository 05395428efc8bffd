/** String functions. Positions and lengths count code points, from 1. */
import { BOOLEAN, INT32, INT64, UTF8 } from '../../../arrow/types.js'
import { fail } from '../../../common/errors.js'
import { canCast } from '../../types.js'
import type { FunctionExample, ScalarFunction } from '../function.js'
import { badArguments, defineScalar, fixed, type Coerce } from '../signature.js'
import { codePoints, slicePoints } from './text.js'

const ex = (sql: string, result: string): FunctionExample => ({ sql, result })

/** Longest string that a function makes, in UTF-16 units: far below what one string column may hold. */
const MAX_RESULT_LENGTH = 2 ** 27

/** Result length, checked before anything is allocated; throws INVALID_ARGUMENT. */
function checkLength(name: string, length: number): number {
  if (length > MAX_RESULT_LENGTH)
    throw fail('INVALID_ARGUMENT', [
      `${name} would make a string of ${length} characters, the limit is ${MAX_RESULT_LENGTH}`,
    ])
  return length
}

/** A function of one string that gives a string. */
const textual = (
  name: string,
  description: string,
  compute: (text: string) => string,
  example: FunctionExample,
  aliases: readonly string[] = [],
): ScalarFunction =>
  defineScalar({
    name,
    aliases,
    description,
    examples: [example, ex(`${name}(NULL)`, 'NULL')],
    coerce: fixed(name, [UTF8]),
    returns: () => UTF8,
    evaluate: ([text]) => compute(text as string),
  })

/** A function of one string that gives an INT. */
const measured = (
  name: string,
  description: string,
  compute: (text: string) => number,
  example: FunctionExample,
  aliases: readonly string[] = [],
): ScalarFunction =>
  defineScalar({
    name,
    aliases,
    description,
    examples: [example, ex(`${name}(NULL)`, 'NULL')],
    coerce: fixed(name, [UTF8]),
    returns: () => INT32,
    evaluate: ([text]) => compute(text as string),
  })

/** A test of one string by another. */
const tested = (
  name: string,
  description: string,
  test: (text: string, part: string) => boolean,
  example: FunctionExample,
  aliases: readonly string[] = [],
): ScalarFunction =>
  defineScalar({
    name,
    aliases,
    description,
    examples: [example, ex(`${name}(NULL, 'a')`, 'NULL')],
    coerce: fixed(name, [UTF8, UTF8]),
    returns: () => BOOLEAN,
    evaluate: ([text, part]) => test(text as string, part as string),
  })

/** Removes leading or trailing characters that are in a set (default: spaces). */
const trimmed = (
  name: string,
  sides: 'both' | 'left' | 'right',
  description: string,
  example: FunctionExample,
  aliases: readonly string[] = [],
): ScalarFunction =>
  defineScalar({
    name,
    aliases,
    description,
    examples: [example, ex(`${name}(NULL)`, 'NULL')],
    coerce: fixed(name, [UTF8], [UTF8]),
    returns: () => UTF8,
    evaluate: ([text, set = ' ']) => trim(text as string, set as string, sides),
  })

function trim(text: string, set: string, sides: 'both' | 'left' | 'right'): string {
  const points = [...text]
  const members = new Set(set)
  let start = 0
  let end = points.length
  if (sides !== 'right') while (start < end && members.has(points[start])) start++
  if (sides !== 'left') while (end > start && members.has(points[end - 1])) end--
  return points.slice(start, end).join('')
}

/** Any number of arguments that have a text. */
const texts =
  (name: string, minimum: number): Coerce =>
  args =>
    args.length >= minimum && args.every(arg => canCast(arg, UTF8))
      ? args.map(() => UTF8)
      : badArguments(name, 'text, …', args)

const substr = defineScalar({
  name: 'substr',
  aliases: ['substring'],
  description: 'Characters from a position on, at most as many as the third argument says. Positions before 1 count.',
  examples: [
    ex("substr('alphabet', 3)", 'phabet'),
    ex("substr('alphabet', 3, 2)", 'ph'),
    ex("substr('abc', 0, 2)", 'a'),
    ex('substr(NULL, 1)', 'NULL'),
  ],
  coerce: fixed('substr', [UTF8, INT64], [INT64]),
  returns: () => UTF8,
  evaluate: ([text, start, length]) => {
    const from = Number(start) - 1
    if (length === undefined) return slicePoints(text as string, from, Infinity)
    if ((length as bigint) < 0n) throw fail('INVALID_ARGUMENT', [`substr: negative length ${length as bigint}`])
    return slicePoints(text as string, from, from + Number(length))
  },
})

const concat = defineScalar({
  name: 'concat',
  description: 'The arguments one after the other; NULLs are skipped.',
  examples: [ex("concat('a', 1, 'b')", 'a1b'), ex("concat('a', NULL)", 'a')],
  nulls: 'own',
  coerce: texts('concat', 1),
  returns: () => UTF8,
  evaluate: args => args.filter(arg => arg !== null).join(''),
})

const concatWs = defineScalar({
  name: 'concat_ws',
  description:
    'The arguments after the first one, joined by the first; NULLs are skipped, a NULL separator gives NULL.',
  examples: [ex("concat_ws('-', 'a', NULL, 'b')", 'a-b'), ex("concat_ws(NULL, 'a')", 'NULL')],
  nulls: 'own',
  coerce: texts('concat_ws', 2),
  returns: () => UTF8,
  evaluate: ([separator, ...rest]) =>
    separator === null ? null : rest.filter(arg => arg !== null).join(separator as string),
})

const replace = defineScalar({
  name: 'replace',
  description: 'Every occurrence of the second argument replaced by the third.',
  examples: [ex("replace('ababa', 'b', 'c')", 'acaca'), ex("replace('a', NULL, 'b')", 'NULL')],
  coerce: fixed('replace', [UTF8, UTF8, UTF8]),
  returns: () => UTF8,
  evaluate: ([text, from, to]) => (from === '' ? text : (text as string).split(from as string).join(to as string)),
})

/** The first or last characters; a negative number means all but as many at the other end. */
const side = (name: 'left' | 'right', description: string, examples: readonly FunctionExample[]): ScalarFunction =>
  defineScalar({
    name,
    description,
    examples: [...examples, ex(`${name}(NULL, 1)`, 'NULL')],
    coerce: fixed(name, [UTF8, INT64]),
    returns: () => UTF8,
    evaluate: ([text, count]) => {
      const total = codePoints(text as string)
      const wanted = Number(count) >= 0 ? Math.min(total, Number(count)) : Math.max(0, total + Number(count))
      return name === 'left'
        ? slicePoints(text as string, 0, wanted)
        : slicePoints(text as string, total - wanted, total)
    },
  })

const padded = (name: 'lpad' | 'rpad', description: string, examples: readonly FunctionExample[]): ScalarFunction =>
  defineScalar({
    name,
    description,
    examples: [...examples, ex(`${name}(NULL, 3)`, 'NULL')],
    coerce: fixed(name, [UTF8, INT64], [UTF8]),
    returns: () => UTF8,
    evaluate: ([text, length, fill = ' ']) => {
      const wanted = checkLength(name, Math.max(0, Number(length)))
      const missing = wanted - codePoints(text as string)
      const unit = codePoints(fill as string)
      if (missing <= 0 || unit === 0) return slicePoints(text as string, 0, wanted)
      const padding = slicePoints((fill as string).repeat(Math.ceil(missing / unit)), 0, missing)
      return name === 'lpad' ? padding + (text as string) : (text as string) + padding
    },
  })

const repeat = defineScalar({
  name: 'repeat',
  description: 'The string several times.',
  examples: [ex("repeat('ab', 3)", 'ababab'), ex("repeat('ab', -1)", ''), ex('repeat(NULL, 2)', 'NULL')],
  coerce: fixed('repeat', [UTF8, INT64]),
  returns: () => UTF8,
  evaluate: ([text, count]) => {
    const times = Math.max(0, Number(count))
    checkLength('repeat', times * (text as string).length)
    return text === '' ? '' : (text as string).repeat(times)
  },
})

const splitPart = defineScalar({
  name: 'split_part',
  description: 'The n-th part of a string cut at a delimiter, from the end when n is negative; empty if there is none.',
  examples: [
    ex("split_part('a.b.c', '.', 2)", 'b'),
    ex("split_part('a.b.c', '.', -1)", 'c'),
    ex("split_part(NULL, '.', 1)", 'NULL'),
  ],
  coerce: fixed('split_part', [UTF8, UTF8, INT64]),
  returns: () => UTF8,
  evaluate: ([text, delimiter, index]) => {
    if (index === 0n) throw fail('INVALID_ARGUMENT', ['split_part: parts are counted from 1, got 0'])
    const parts = delimiter === '' ? [text as string] : (text as string).split(delimiter as string)
    return parts.at(Number(index) > 0 ? Number(index) - 1 : Number(index)) ?? ''
  },
})

const strpos = defineScalar({
  name: 'strpos',
  aliases: ['instr', 'position'],
  description: 'Position of the second argument inside the first, 0 if it is not there.',
  examples: [ex("strpos('alphabet', 'ha')", '4'), ex("strpos('a', 'b')", '0'), ex("strpos('a', NULL)", 'NULL')],
  coerce: fixed('strpos', [UTF8, UTF8]),
  returns: () => INT32,
  evaluate: ([text, part]) => {
    const at = (text as string).indexOf(part as string)
    return at < 0 ? 0 : codePoints((text as string).slice(0, at)) + 1
  },
})

export const STRING: readonly ScalarFunction[] = [
  measured(
    'ascii',
    'Code point of the first character; 0 for the empty string.',
    text => text.codePointAt(0) ?? 0,
    ex("ascii('A')", '65'),
  ),
  measured(
    'bit_length',
    'Number of bits of the UTF-8 form.',
    text => Buffer.byteLength(text) * 8,
    ex("bit_length('é')", '16'),
  ),
  concat,
  concatWs,
  tested(
    'contains',
    'Whether the second argument occurs in the first.',
    (text, part) => text.includes(part),
    ex("contains('abc', 'b')", 'true'),
  ),
  tested(
    'ends_with',
    'Whether the first argument ends with the second.',
    (text, part) => text.endsWith(part),
    ex("ends_with('abc', 'bc')", 'true'),
  ),
  side('left', 'The first characters; a negative number: all but the last ones.', [
    ex("left('alphabet', 3)", 'alp'),
    ex("left('abc', -1)", 'ab'),
  ]),
  measured('length', 'Number of characters.', codePoints, ex("length('naïve')", '5'), [
    'char_length',
    'character_length',
    'len',
  ]),
  textual('lower', 'In lower case.', text => text.toLowerCase(), ex("lower('ABC')", 'abc'), ['lcase']),
  padded('lpad', 'Filled up on the left to a length (default with spaces), or cut.', [
    ex("lpad('7', 3, '0')", '007'),
    ex("lpad('abc', 2)", 'ab'),
  ]),
  trimmed(
    'ltrim',
    'left',
    'Without leading spaces, or without leading characters of a set.',
    ex("ltrim('xxabc', 'x')", 'abc'),
  ),
  measured(
    'octet_length',
    'Number of bytes of the UTF-8 form.',
    text => Buffer.byteLength(text),
    ex("octet_length('é')", '2'),
  ),
  repeat,
  replace,
  textual('reverse', 'Characters in reverse order.', text => [...text].reverse().join(''), ex("reverse('abc')", 'cba')),
  side('right', 'The last characters; a negative number: all but the first ones.', [
    ex("right('alphabet', 3)", 'bet'),
    ex("right('abc', -1)", 'bc'),
  ]),
  padded('rpad', 'Filled up on the right to a length (default with spaces), or cut.', [
    ex("rpad('7', 3, 'x')", '7xx'),
    ex("rpad('abc', 2)", 'ab'),
  ]),
  trimmed(
    'rtrim',
    'right',
    'Without trailing spaces, or without trailing characters of a set.',
    ex("rtrim('abcxx', 'x')", 'abc'),
  ),
  splitPart,
  tested(
    'starts_with',
    'Whether the first argument begins with the second.',
    (text, part) => text.startsWith(part),
    ex("starts_with('abc', 'ab')", 'true'),
    ['prefix'],
  ),
  strpos,
  substr,
  trimmed('trim', 'both', 'Without spaces at both ends, or without characters of a set.', ex("trim('  abc ')", 'abc'), [
    'btrim',
  ]),
  textual('upper', 'In upper case.', text => text.toUpperCase(), ex("upper('abc')", 'ABC'), ['ucase']),
]
