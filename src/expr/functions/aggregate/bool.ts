/** bool_and(x), bool_or(x): the least and the greatest of truth values. */
import { BOOLEAN, typeName, type DataType } from '../../../arrow/types.js'
import { fail } from '../../../common/errors.js'
import type { AggregateDefinition } from './accumulator.js'
import { bestOf } from './min-max.js'

export const boolAnd: AggregateDefinition = {
  name: 'bool_and',
  aliases: ['every'],
  description: 'Whether every value that is not NULL is true; NULL where there are none.',
  examples: [
    { sql: 'bool_and(x) FROM (VALUES (true), (false), (NULL)) t(x)', result: 'false' },
    { sql: 'bool_and(x) FROM (VALUES (CAST(NULL AS BOOLEAN))) t(x)', result: 'NULL' },
  ],
  coerce: args => [booleanArgument('bool_and', args)],
  returns: () => BOOLEAN,
  ignoresDuplicates: true,
  stateTypes: () => [BOOLEAN],
  accumulator: options => bestOf(options, false),
}

export const boolOr: AggregateDefinition = {
  name: 'bool_or',
  aliases: ['some'],
  description: 'Whether any value is true; NULL where there are only NULLs or none.',
  examples: [
    { sql: 'bool_or(x) FROM (VALUES (true), (false), (NULL)) t(x)', result: 'true' },
    { sql: 'bool_or(x) FROM (VALUES (CAST(NULL AS BOOLEAN))) t(x)', result: 'NULL' },
  ],
  coerce: args => [booleanArgument('bool_or', args)],
  returns: () => BOOLEAN,
  ignoresDuplicates: true,
  stateTypes: () => [BOOLEAN],
  accumulator: options => bestOf(options, true),
}

/** The one BOOLEAN argument of an aggregate. */
export function booleanArgument(name: string, args: readonly DataType[]): DataType {
  if (args.length !== 1) throw fail('FUNCTION_ARGUMENTS', [`${name} takes one argument, got ${args.length}`])
  const [type] = args
  if (type.kind !== 'boolean' && type.kind !== 'null')
    throw fail('FUNCTION_ARGUMENTS', [`${name} takes a BOOLEAN, got ${typeName(type)}`])
  return BOOLEAN
}
