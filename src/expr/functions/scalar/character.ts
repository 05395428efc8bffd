/** Functions of single characters: codes, translation, capitals, edit distance. */
import { INT32, INT64, UTF8, type Value } from '../../../arrow/types.js'
import { fail } from '../../../common/errors.js'
import type { FunctionExample, ScalarFunction } from '../function.js'
import { defineScalar, fixed } from '../signature.js'

const ex = (sql: string, result: string): FunctionExample => ({ sql, result })

const chr = defineScalar({
  name: 'chr',
  description: 'The character with a code point.',
  examples: [ex('chr(65)', 'A'), ex('chr(NULL)', 'NULL')],
  coerce: fixed('chr', [INT64]),
  returns: () => UTF8,
  evaluate: ([code]) => {
    const point = Number(code)
    const legal = point > 0 && point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff)
    if (!legal) throw fail('INVALID_ARGUMENT', [`chr: ${point} is not a character`])
    return String.fromCodePoint(point)
  },
})

const toHex = defineScalar({
  name: 'to_hex',
  description: 'A whole number in hexadecimal; negative numbers as 64-bit two’s complement.',
  examples: [ex('to_hex(255)', 'ff'), ex('to_hex(NULL)', 'NULL')],
  coerce: fixed('to_hex', [INT64]),
  returns: () => UTF8,
  evaluate: ([value]) => BigInt.asUintN(64, value as bigint).toString(16),
})

const translate = defineScalar({
  name: 'translate',
  description: 'Each character of the second argument replaced by the one at the same place in the third, or removed.',
  examples: [ex("translate('12345', '143', 'ax')", 'a2x5'), ex("translate(NULL, 'a', 'b')", 'NULL')],
  coerce: fixed('translate', [UTF8, UTF8, UTF8]),
  returns: () => UTF8,
  evaluate: ([text, from, to]) => {
    const targets = [...(to as string)]
    const map = new Map<string, string>()
    ;[...(from as string)].forEach((point, i) => map.has(point) || map.set(point, targets[i] ?? ''))
    return [...(text as string)].map(point => map.get(point) ?? point).join('')
  },
})

function capitalized(text: string): string {
  return text.toLowerCase().replace(/[\p{L}\p{N}]+/gu, word => {
    const [first, ...rest] = word
    return first.toUpperCase() + rest.join('')
  })
}

function levenshteinDistance(left: Value, right: Value): number {
  const [a, b] = [[...(left as string)], [...(right as string)]]
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column)
  a.forEach((point, row) => {
    const current = [row + 1]
    b.forEach((other, column) => {
      const substitute = previous[column] + (point === other ? 0 : 1)
      current.push(Math.min(substitute, previous[column + 1] + 1, current[column] + 1))
    })
    previous = current
  })
  return previous[b.length]
}

const levenshtein = defineScalar({
  name: 'levenshtein',
  description: 'Number of single-character edits between two strings.',
  examples: [ex("levenshtein('kitten', 'sitting')", '3'), ex("levenshtein(NULL, 'a')", 'NULL')],
  coerce: fixed('levenshtein', [UTF8, UTF8]),
  returns: () => INT32,
  evaluate: ([left, right]) => levenshteinDistance(left, right),
})

const initcap = defineScalar({
  name: 'initcap',
  description: 'First letter of each word in upper case, the others in lower case.',
  examples: [ex("initcap('hello wORLD')", 'Hello World'), ex('initcap(NULL)', 'NULL')],
  coerce: fixed('initcap', [UTF8]),
  returns: () => UTF8,
  evaluate: ([text]) => capitalized(text as string),
})

export const CHARACTER: readonly ScalarFunction[] = [chr, initcap, levenshtein, toHex, translate]
