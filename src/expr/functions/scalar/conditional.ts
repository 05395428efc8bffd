/**
 * Functions that choose among their arguments. COALESCE is lazy: the interpreter and the compiler treat it as a CASE.
 */
import { INT64, type DataType, type Value } from '../../../arrow/types.js'
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

export const CONDITIONAL: readonly ScalarFunction[] = [
  coalesce,
  extreme('greatest', 'greatest', 1, [
    ex('greatest(1, 3, 2)', '3'),
    ex('greatest(1, NULL)', '1'),
    ex('greatest(NULL, NULL)', 'NULL'),
  ]),
  extreme('least', 'least', -1, [ex("least('b', 'a')", 'a'), ex('least(NULL, NULL)', 'NULL')]),
  nullif,
]
