/** Functions of regular expressions (JavaScript syntax with the `u` flag) and digests. */
import { createHash } from 'node:crypto'
import { BINARY, BOOLEAN, INT64, UTF8 } from '../../../arrow/types.js'
import { fail } from '../../../common/errors.js'
import type { FunctionExample, ScalarFunction } from '../function.js'
import { defineScalar, fixed } from '../signature.js'

const ex = (sql: string, result: string): FunctionExample => ({ sql, result })

/** Compiled patterns by flags and text; cleared when full, so that data-dependent patterns do not pile up. */
const compiled = new Map<string, RegExp>()
const MAX_COMPILED = 256

/** The compiled pattern; throws INVALID_ARGUMENT. Flags: i, m, s, g. */
function regex(pattern: string, flags: string): RegExp {
  const key = `${flags}/${pattern}`
  const known = compiled.get(key)
  if (known) return known
  if (!/^[gims]*$/.test(flags))
    throw fail('INVALID_ARGUMENT', [`regular expression flags '${flags}': known are g, i, m and s`])
  try {
    const made = new RegExp(pattern, [...new Set(`${flags}u`)].join(''))
    if (compiled.size >= MAX_COMPILED) compiled.clear()
    compiled.set(key, made)
    return made
  } catch (cause) {
    throw fail('INVALID_ARGUMENT', [`'${pattern}' is not a regular expression`], { cause })
  }
}

const regexpLike = defineScalar({
  name: 'regexp_like',
  aliases: ['regexp_matches'],
  description: 'Whether a regular expression matches somewhere.',
  examples: [ex("regexp_like('abc', 'B', 'i')", 'true'), ex("regexp_like(NULL, 'a')", 'NULL')],
  coerce: fixed('regexp_like', [UTF8, UTF8], [UTF8]),
  returns: () => BOOLEAN,
  evaluate: ([text, pattern, flags = '']) => (text as string).search(regex(pattern as string, flags as string)) >= 0,
})

const regexpReplace = defineScalar({
  name: 'regexp_replace',
  description: 'The first match (with flag g: every match) replaced; `\\1` or `$1` in the replacement is a group.',
  examples: [
    ex("regexp_replace('foobar', 'o+', 'O')", 'fObar'),
    ex("regexp_replace('aaa', '(a)', '<\\1>', 'g')", '<a><a><a>'),
    ex("regexp_replace(NULL, 'a', 'b')", 'NULL'),
  ],
  coerce: fixed('regexp_replace', [UTF8, UTF8, UTF8], [UTF8]),
  returns: () => UTF8,
  evaluate: ([text, pattern, replacement, flags = '']) =>
    (text as string).replace(
      regex(pattern as string, flags as string),
      (replacement as string).replace(/\\(\d)/g, (_, group: string) => `$${group}`),
    ),
})

const regexpCount = defineScalar({
  name: 'regexp_count',
  description: 'Number of matches of a regular expression.',
  examples: [ex("regexp_count('banana', 'an')", '2'), ex("regexp_count('a', NULL)", 'NULL')],
  coerce: fixed('regexp_count', [UTF8, UTF8]),
  returns: () => INT64,
  evaluate: ([text, pattern]) => BigInt([...(text as string).matchAll(regex(pattern as string, 'g'))].length),
})

const md5 = defineScalar({
  name: 'md5',
  description: 'MD5 digest as hexadecimal text.',
  examples: [ex("md5('a')", '0cc175b9c0f1b6a831c399e269772661'), ex('md5(NULL)', 'NULL')],
  coerce: fixed('md5', [UTF8]),
  returns: () => UTF8,
  evaluate: ([text]) =>
    createHash('md5')
      .update(text as string)
      .digest('hex'),
})

const sha256 = defineScalar({
  name: 'sha256',
  description: 'SHA-256 digest as bytes.',
  examples: [
    ex("sha256('')", 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'),
    ex('sha256(NULL)', 'NULL'),
  ],
  coerce: fixed('sha256', [UTF8]),
  returns: () => BINARY,
  evaluate: ([text]) =>
    new Uint8Array(
      createHash('sha256')
        .update(text as string)
        .digest(),
    ),
})

export const PATTERN: readonly ScalarFunction[] = [md5, regexpCount, regexpLike, regexpReplace, sha256]
