/** Functions of regular expressions in RE2 syntax. Positions count code points, from 1. */
import { BOOLEAN, INT64, UTF8, type Value } from '../../../arrow/types.js'
import { fail } from '../../../common/errors.js'
import { parseReplacement, regex, replaceMatches, similarToPattern, type Match } from '../../regex.js'
import type { FunctionExample, ScalarFunction } from '../function.js'
import { defineScalar, fixed, listOf } from '../signature.js'
import { codePoints, unitOfPoint } from './text.js'

const ex = (sql: string, result: string): FunctionExample => ({ sql, result })

const regexpLike = defineScalar({
  name: 'regexp_like',
  aliases: ['regexp_matches'],
  description:
    'Whether a regular expression matches somewhere; `text ~ pattern`, and `~*` with flag i. Flags: i, m, s.',
  examples: [
    ex("regexp_like('abc', 'B', 'i')", 'true'),
    ex("'abc' ~ '^b'", 'false'),
    ex("regexp_like(NULL, 'a')", 'NULL'),
  ],
  coerce: fixed('regexp_like', [UTF8, UTF8], [UTF8]),
  returns: () => BOOLEAN,
  evaluate: ([text, pattern, flags]) => regex(pattern as string, flags as string | undefined).test(text as string),
})

const similarTo = defineScalar({
  name: 'similar_to',
  description: '`text SIMILAR TO pattern`: LIKE with the operators | * + ? { } ( ) [ ]; the whole text must match.',
  examples: [
    ex("'abc' SIMILAR TO '(a|x)%c'", 'true'),
    ex("'abc' SIMILAR TO 'b'", 'false'),
    ex("NULL SIMILAR TO 'a'", 'NULL'),
  ],
  coerce: fixed('similar_to', [UTF8, UTF8], [UTF8]),
  returns: () => BOOLEAN,
  evaluate: ([text, pattern, escape]) =>
    regex(similarToPattern(pattern as string, escape as string | undefined), 's').test(text as string),
})

const regexpReplace = defineScalar({
  name: 'regexp_replace',
  description:
    'The first match (with flag g: every match) replaced; `\\1` or `$1` in the replacement is a group. Flags: g, i, m, s.',
  examples: [
    ex("regexp_replace('foobar', 'o+', 'O')", 'fObar'),
    ex("regexp_replace('aaa', '(a)', '<\\1>', 'g')", '<a><a><a>'),
    ex("regexp_replace(NULL, 'a', 'b')", 'NULL'),
  ],
  coerce: fixed('regexp_replace', [UTF8, UTF8, UTF8], [UTF8]),
  returns: () => UTF8,
  evaluate: ([text, pattern, replacement, flags = '']) =>
    replaceMatches(
      text as string,
      regex(pattern as string, flags as string),
      parseReplacement(replacement as string),
      (flags as string).includes('g'),
    ),
})

/** UTF-16 unit at which matching begins, from an argument that counts code points. */
function startUnit(name: string, text: string, start: Value | undefined): number {
  const point = Number(start ?? 1n)
  if (point < 1) throw fail('INVALID_ARGUMENT', [`${name}: positions are counted from 1, got ${point}`])
  return unitOfPoint(text, point - 1)
}

const regexpCount = defineScalar({
  name: 'regexp_count',
  description: 'Number of matches of a regular expression, from a position on (default 1). Flags: i, m, s.',
  examples: [
    ex("regexp_count('banana', 'an')", '2'),
    ex("regexp_count('banana', 'A', 3, 'i')", '2'),
    ex("regexp_count('a', NULL)", 'NULL'),
  ],
  coerce: fixed('regexp_count', [UTF8, UTF8], [INT64, UTF8]),
  returns: () => INT64,
  evaluate: ([text, pattern, start, flags]) => {
    const from = startUnit('regexp_count', text as string, start)
    return BigInt([...regex(pattern as string, flags as string | undefined).matches(text as string, from)].length)
  },
})

/** The n-th match from a position on, counted from 1. */
function nthMatch(
  text: string,
  pattern: string,
  from: number,
  n: number,
  flags: string | undefined,
): Match | undefined {
  let left = n
  for (const match of regex(pattern, flags).matches(text, from)) if (--left === 0) return match
  return undefined
}

const regexpInstr = defineScalar({
  name: 'regexp_instr',
  description:
    'Position of the n-th match (default 1) of a regular expression, from a position on (default 1); 0 if there is none. Flags: i, m, s.',
  examples: [
    ex("regexp_instr('banana', 'an')", '2'),
    ex("regexp_instr('banana', 'an', 1, 2)", '4'),
    ex("regexp_instr('banana', 'x')", '0'),
    ex("regexp_instr(NULL, 'x')", 'NULL'),
  ],
  coerce: fixed('regexp_instr', [UTF8, UTF8], [INT64, INT64, UTF8]),
  returns: () => INT64,
  evaluate: ([text, pattern, start, n, flags]) => {
    const from = startUnit('regexp_instr', text as string, start)
    const found = nthMatch(text as string, pattern as string, from, Number(n ?? 1n), flags as string | undefined)
    return found === undefined ? 0n : BigInt(codePoints((text as string).slice(0, found.start)) + 1)
  },
})

/** What regexp_match gives of a match: its groups, or the whole of it when the pattern has none. */
const captured = ({ groups }: Match): readonly Value[] => (groups.length > 1 ? groups.slice(1) : groups)

const regexpMatch = defineScalar({
  name: 'regexp_match',
  description:
    'The groups of the first match as a list (the whole match if there are no groups); NULL without a match. Flags: i, m, s.',
  examples: [
    ex("regexp_match('2024-02', '(\\d+)-(\\d+)')", '[2024, 02]'),
    ex("regexp_match('abc', 'b.')", '[bc]'),
    ex("regexp_match('abc', 'x')", 'NULL'),
  ],
  coerce: fixed('regexp_match', [UTF8, UTF8], [UTF8]),
  returns: () => listOf(UTF8),
  evaluate: ([text, pattern, flags]) => {
    const found = nthMatch(text as string, pattern as string, 0, 1, flags as string | undefined)
    return found === undefined ? null : captured(found)
  },
})

const groupOf = ({ groups }: Match, group: Value | undefined): string => {
  const wanted = Number(group ?? 0n)
  if (wanted < 0 || wanted >= groups.length)
    throw fail('INVALID_ARGUMENT', [`there is no group ${wanted}: the pattern has ${groups.length - 1}`])
  return groups[wanted] ?? ''
}

const regexpExtract = defineScalar({
  name: 'regexp_extract',
  description: 'A group (default 0, the whole) of the first match; the empty text without a match. Flags: i, m, s.',
  examples: [
    ex("regexp_extract('key=value', '(\\w+)=(\\w+)', 2)", 'value'),
    ex("regexp_extract('abc', 'x') || '.'", '.'),
    ex("regexp_extract(NULL, 'x')", 'NULL'),
  ],
  coerce: fixed('regexp_extract', [UTF8, UTF8], [INT64, UTF8]),
  returns: () => UTF8,
  evaluate: ([text, pattern, group, flags]) => {
    const found = nthMatch(text as string, pattern as string, 0, 1, flags as string | undefined)
    return found === undefined ? '' : groupOf(found, group)
  },
})

const regexpExtractAll = defineScalar({
  name: 'regexp_extract_all',
  description: 'A group (default 0, the whole) of every match as a list. Flags: i, m, s.',
  examples: [
    ex("regexp_extract_all('a1b22', '[0-9]+')", '[1, 22]'),
    ex("regexp_extract_all('abc', 'x')", '[]'),
    ex("regexp_extract_all(NULL, 'x')", 'NULL'),
  ],
  coerce: fixed('regexp_extract_all', [UTF8, UTF8], [INT64, UTF8]),
  returns: () => listOf(UTF8),
  evaluate: ([text, pattern, group, flags]) =>
    [...regex(pattern as string, flags as string | undefined).matches(text as string)].map(match =>
      groupOf(match, group),
    ),
})

export const REGEXP: readonly ScalarFunction[] = [
  regexpCount,
  regexpExtract,
  regexpExtractAll,
  regexpInstr,
  regexpLike,
  regexpMatch,
  regexpReplace,
  similarTo,
]
