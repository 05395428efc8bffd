/**
 * Functions that choose among their arguments. COALESCE is lazy: the interpreter and the compiler treat it as a CASE.
 */
import { INT64, UTF8, type DataType, type Value } from '../../../arrow/types.js'
import { fail } from '../../../common/errors.js'
import { commonType, unionType } from '../../types.js'
import { compareValues } from '../../value-compare.js'
import type { FunctionExample, ScalarFunction } from '../function.js'
import { defineScalar, unified } from '../signature.js'

const ex = (sql: string, result: string): FunctionExample => ({ sql, result })

/** All-NULL arguments count as BIGINT. */
const firstType = ([type]: readonly DataType[]): DataType => type

const typed =
  (coerce: (args: readonly DataType[]) => readonly DataType[]) =>
  (args: readonly DataType[]): readonly DataType[] =>
    coerce(args).map(type => (type.kind === 'null' ? INT64 : type))

const coalesce = defineScalar({
  name: 'coalesce',
  aliases: ['nvl', 'ifnull'],
  description: 'The first argument that is not NULL; later ones are not computed.',
  examples: [ex('coalesce(NULL, 2, 3)', '2'), ex("coalesce('a', 'b')", 'a'), ex('coalesce(NULL, NULL)', 'NULL')],
  nulls: 'own',
  coerce: typed(unified('coalesce', 1, unionType)),
  returns: firstType,
  evaluate: args => args.find(arg => arg !== null) ?? null,
})

const nullif = defineScalar({
  name: 'nullif',
  description: 'NULL if both arguments are equal, else the first.',
  examples: [ex('nullif(1, 1)', 'NULL'), ex('nullif(1, 2)', '1'), ex('nullif(NULL, 1)', 'NULL')],
  nulls: 'own',
  coerce: typed(unified('nullif', 2, commonType, 2)),
  returns: firstType,
  evaluate: ([a, b], [type]) => (a !== null && b !== null && compareValues(a, b, type) === 0 ? null : a),
})

const extreme = (name: string, word: string, sign: 1 | -1, examples: readonly FunctionExample[]): ScalarFunction =>
  defineScalar({
    name,
    description: `The ${word} of the arguments that are not NULL; NULL if all are.`,
    examples,
    nulls: 'own',
    coerce: typed(unified(name, 1, commonType)),
    returns: firstType,
    evaluate: (args, [type]) => {
      let best: Value = null
      for (const arg of args)
        if (arg !== null && (best === null || sign * compareValues(arg, best, type) > 0)) best = arg
      return best
    },
  })

const onlyValue = defineScalar({
  name: 'only_value',
  description:
    'The value, which n rows gave; an error if n is more than 1. What a subquery used as a value is checked with.',
  examples: [ex('only_value(7, 1)', '7'), ex('only_value(NULL, 0)', 'NULL'), ex('only_value(7, NULL)', '7')],
  nulls: 'own',
  coerce: args => {
    if (args.length !== 2) throw fail('FUNCTION_ARGUMENTS', [`only_value takes 2 arguments, got ${args.length}`])
    return [args[0], INT64]
  },
  returns: firstType,
  evaluate: ([value, count]) => {
    if (count === null || (count as bigint) <= 1n) return value
    throw fail('INVALID_ARGUMENT', [
      `a subquery used as a value gave ${String(count)} rows; add LIMIT 1 or aggregate it`,
    ])
  },
})

const notNull = defineScalar({
  name: 'not_null',
  description: 'The value; an error that names the column if it is NULL. What INSERT checks NOT NULL columns with.',
  examples: [ex("not_null(7, 'a')", '7'), ex("not_null('', 'a') || coalesce(NULL, 'x')", 'x')],
  nulls: 'own',
  coerce: args => {
    if (args.length !== 2) throw fail('FUNCTION_ARGUMENTS', [`not_null takes 2 arguments, got ${args.length}`])
    return [args[0], UTF8]
  },
  returns: firstType,
  evaluate: ([value, column]) => {
    if (value !== null) return value
    throw fail('INVALID_ARGUMENT', [`column '${String(column)}' is NOT NULL, but a row has no value for it`])
  },
})

export const CONDITIONAL: readonly ScalarFunction[] = [
  coalesce,
  extreme('greatest', 'greatest', 1, [
    ex('greatest(1, 3, 2)', '3'),
    ex('greatest(1, NULL)', '1'),
    ex('greatest(NULL, NULL)', 'NULL'),
  ]),
  extreme('least', 'least', -1, [ex("least('b', 'a')", 'a'), ex('least(NULL, NULL)', 'NULL')]),
  notNull,
  nullif,
  onlyValue,
]
