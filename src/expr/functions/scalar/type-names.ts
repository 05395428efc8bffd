/** What type an expression has, and what this engine is. */
import { UTF8, typeName, type DataType } from '../../../arrow/types.js'
import { VERSION } from '../../../common/version.js'
import { arrowTypeName } from '../../arrow-type-name.js'
import type { FunctionExample, ScalarFunction } from '../function.js'
import { badArguments, defineScalar, fixed } from '../signature.js'

const ex = (sql: string, result: string): FunctionExample => ({ sql, result })

const named = (
  name: string,
  description: string,
  nameOf: (type: DataType) => string,
  examples: readonly FunctionExample[],
): ScalarFunction =>
  defineScalar({
    name,
    description,
    examples,
    nulls: 'own',
    coerce: args => (args.length === 1 ? args : badArguments(name, 'any value', args)),
    returns: () => UTF8,
    evaluate: (_, [type]) => nameOf(type),
  })

const version = defineScalar({
  name: 'version',
  description: 'Name and version of this engine.',
  examples: [ex("starts_with(version(), 'ballista ')", 'true'), ex('nullif(version(), version())', 'NULL')],
  coerce: fixed('version', []),
  returns: () => UTF8,
  evaluate: () => `ballista ${VERSION}`,
})

export const TYPE_NAMES: readonly ScalarFunction[] = [
  named('arrow_typeof', 'The Arrow type of the argument.', arrowTypeName, [
    ex('arrow_typeof(1)', 'Int64'),
    ex("arrow_typeof(INTERVAL '1' DAY)", 'Interval(MonthDayNano)'),
    ex('arrow_typeof(NULL)', 'Null'),
  ]),
  named('typeof', 'The SQL type of the argument.', typeName, [
    ex('typeof(1)', 'BIGINT'),
    ex('typeof(1.5)', 'DECIMAL(2, 1)'),
    ex('typeof(NULL)', 'NULL'),
  ]),
  version,
]
