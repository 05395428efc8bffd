/** Functions of lists, which array_agg, regexp_match and string_to_array give. Positions count from 1. */
import { BOOLEAN, INT64, NULL, UTF8, typeName, type DataType, type Value } from '../../../arrow/types.js'
import { canCast, canCoerce, unionType } from '../../types.js'
import { compareValues } from '../../value-compare.js'
import { valueText } from '../../value-text.js'
import { regex, separateMatches } from '../../regex.js'
import type { FunctionExample, ScalarFunction } from '../function.js'
import { badArguments, defineScalar, fixed, listOf, unified, type Coerce } from '../signature.js'

const ex = (sql: string, result: string): FunctionExample => ({ sql, result })

const elementOf = (type: DataType): DataType => (type.kind === 'list' ? type.element.type : NULL)

/** A list, then arguments of these types; a NULL list counts as one of NULLs. */
const listFirst =
  (name: string, rest: readonly DataType[] = [], optional: readonly DataType[] = []): Coerce =>
  args => {
    const [list, ...others] = args
    const all = [...rest, ...optional]
    const takes = ['list', ...rest.map(typeName), ...optional.map(type => `[${typeName(type)}]`)].join(', ')
    const fits =
      (list?.kind === 'list' || list?.kind === 'null') &&
      others.length >= rest.length &&
      others.length <= all.length &&
      others.every((other, i) => canCoerce(other, all[i]))
    return fits
      ? [list.kind === 'null' ? listOf(NULL) : list, ...all.slice(0, others.length)]
      : badArguments(name, takes, args)
  }

/** A list and a value of the type of its elements. */
const listAndElement =
  (name: string): Coerce =>
  args => {
    const [list, element] = args
    const fits =
      args.length === 2 && (list.kind === 'list' || list.kind === 'null') && canCoerce(element, elementOf(list))
    return fits || (args.length === 2 && list.kind === 'null')
      ? [list.kind === 'null' ? listOf(element) : list, list.kind === 'null' ? element : elementOf(list)]
      : badArguments(name, 'list, element', args)
  }

const items = (value: Value): readonly Value[] => value as readonly Value[]

/** Equality in which NULL equals NULL. */
const isSame = (left: Value, right: Value, type: DataType): boolean =>
  left === null || right === null ? left === right : compareValues(left, right, type) === 0

const byOrder =
  (type: DataType) =>
  (left: Value, right: Value): number =>
    left === null || right === null ? Number(left === null) - Number(right === null) : compareValues(left, right, type)

const makeArray = defineScalar({
  name: 'make_array',
  aliases: ['make_list', 'list_value'],
  description: 'The arguments as a list.',
  examples: [
    ex('make_array(1, 2, NULL)', '[1, 2, NULL]'),
    ex("make_array('a', 1)", '[a, 1]'),
    ex('make_array(NULL)', '[NULL]'),
  ],
  nulls: 'own',
  coerce: args => unified('make_array', 1, unionType)(args),
  returns: ([type]) => listOf(type),
  evaluate: args => args,
})

const arrayLength = defineScalar({
  name: 'array_length',
  aliases: ['list_length', 'cardinality'],
  description: 'Number of elements.',
  examples: [ex('array_length(make_array(1, NULL))', '2'), ex('array_length(NULL)', 'NULL')],
  coerce: listFirst('array_length'),
  returns: () => INT64,
  evaluate: ([list]) => BigInt(items(list).length),
})

const arrayElement = defineScalar({
  name: 'array_element',
  aliases: ['array_extract', 'list_element', 'list_extract'],
  description: 'The element at a position, from the end when it is negative; NULL if there is none.',
  examples: [
    ex('array_element(make_array(7, 8, 9), 2)', '8'),
    ex('array_element(make_array(7, 8, 9), -1)', '9'),
    ex('array_element(make_array(7), 5)', 'NULL'),
  ],
  coerce: listFirst('array_element', [INT64]),
  returns: ([list]) => elementOf(list),
  evaluate: ([list, position]) => {
    const at = Number(position)
    return at === 0 ? null : (items(list).at(at > 0 ? at - 1 : at) ?? null)
  },
})

const arrayHas = defineScalar({
  name: 'array_has',
  aliases: ['array_contains', 'list_has', 'list_contains'],
  description: 'Whether a list contains a value.',
  examples: [
    ex('array_has(make_array(1, 2), 2)', 'true'),
    ex("array_has(make_array('a'), 'b')", 'false'),
    ex('array_has(NULL, 1)', 'NULL'),
  ],
  coerce: listAndElement('array_has'),
  returns: () => BOOLEAN,
  evaluate: ([list, value], [, type]) => items(list).some(item => isSame(item, value, type)),
})

const arrayPosition = defineScalar({
  name: 'array_position',
  aliases: ['array_indexof', 'list_position', 'list_indexof'],
  description: 'The first position of a value in a list; NULL if it is not there.',
  examples: [ex('array_position(make_array(5, 6), 6)', '2'), ex('array_position(make_array(5), 6)', 'NULL')],
  coerce: listAndElement('array_position'),
  returns: () => INT64,
  evaluate: ([list, value], [, type]) => {
    const at = items(list).findIndex(item => isSame(item, value, type))
    return at < 0 ? null : BigInt(at + 1)
  },
})

const arrayDistinct = defineScalar({
  name: 'array_distinct',
  aliases: ['list_distinct'],
  description: 'Each element once, in order.',
  examples: [ex('array_distinct(make_array(2, 1, 2, NULL))', '[1, 2, NULL]'), ex('array_distinct(NULL)', 'NULL')],
  coerce: listFirst('array_distinct'),
  returns: ([list]) => list,
  evaluate: ([list], [type]) => {
    const element = elementOf(type)
    const sorted = items(list).toSorted(byOrder(element))
    return sorted.filter((item, i) => i === 0 || !isSame(item, sorted[i - 1], element))
  },
})

const arraySort = defineScalar({
  name: 'array_sort',
  aliases: ['list_sort'],
  description: 'The elements in ascending order, NULLs last.',
  examples: [ex('array_sort(make_array(2, NULL, 1))', '[1, 2, NULL]'), ex('array_sort(NULL)', 'NULL')],
  coerce: listFirst('array_sort'),
  returns: ([list]) => list,
  evaluate: ([list], [type]) => items(list).toSorted(byOrder(elementOf(type))),
})

const arrayToString = defineScalar({
  name: 'array_to_string',
  aliases: ['array_join', 'list_to_string', 'list_join'],
  description: 'The elements as text, joined by a delimiter; NULLs are skipped, or written as the third argument.',
  examples: [
    ex("array_to_string(make_array(1, NULL, 3), '-')", '1-3'),
    ex("array_to_string(make_array(1, NULL, 3), '-', '?')", '1-?-3'),
    ex("array_to_string(NULL, '-')", 'NULL'),
  ],
  coerce: listFirst('array_to_string', [UTF8], [UTF8]),
  returns: () => UTF8,
  evaluate: ([list, delimiter, forNull], [type]) => {
    const element = elementOf(type)
    const shown = forNull === undefined ? items(list).filter(item => item !== null) : items(list)
    return shown
      .map(item => (item === null ? (forNull as string) : canCast(element, UTF8) ? valueText(item, element) : ''))
      .join(delimiter as string)
  },
})

const stringToArray = defineScalar({
  name: 'string_to_array',
  aliases: ['string_split', 'split', 'str_split'],
  description: 'A text cut at a delimiter, as a list.',
  examples: [ex("string_to_array('a,b', ',')", '[a, b]'), ex("string_to_array(NULL, ',')", 'NULL')],
  coerce: fixed('string_to_array', [UTF8, UTF8]),
  returns: () => listOf(UTF8),
  evaluate: ([text, delimiter]) =>
    delimiter === '' ? [...(text as string)] : (text as string).split(delimiter as string),
})

const regexpSplit = defineScalar({
  name: 'regexp_split_to_array',
  aliases: ['string_split_regex'],
  description:
    'A text cut at the matches of a regular expression (but for empty ones at its ends), as a list. Flags: i, m, s.',
  examples: [
    ex("regexp_split_to_array('a1b22c', '[0-9]+')", '[a, b, c]'),
    ex("regexp_split_to_array('abc', '')", '[a, b, c]'),
    ex("regexp_split_to_array(NULL, 'a')", 'NULL'),
  ],
  coerce: fixed('regexp_split_to_array', [UTF8, UTF8], [UTF8]),
  returns: () => listOf(UTF8),
  evaluate: ([value, pattern, flags]) => {
    const text = value as string
    const parts: string[] = []
    let at = 0
    for (const { start, end } of separateMatches(text, regex(pattern as string, flags as string | undefined))) {
      if (start === end && (start === 0 || end === text.length)) continue
      parts.push(text.slice(at, start))
      at = end
    }
    return [...parts, text.slice(at)]
  },
})

export const LIST: readonly ScalarFunction[] = [
  arrayDistinct,
  arrayElement,
  arrayHas,
  arrayLength,
  arrayPosition,
  arraySort,
  arrayToString,
  makeArray,
  regexpSplit,
  stringToArray,
]
