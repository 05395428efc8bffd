/** `fn`: one builder for every function of SQL. */
import { didYouMean, fail } from '../../common/errors.js'
import { aggregateFunction, functionNames, scalarFunction } from '../../expr/functions/index.js'
import { call, countRows, type CallExpr } from './call.js'
import type { ExprInput } from './expr.js'

/** Makes a call: arguments in the order of SQL. Their number and types are checked by the frame that takes it. */
export type FunctionBuilder = (...args: readonly ExprInput[]) => CallExpr

/** Functions by name in lower case, as `SHOW FUNCTIONS` and the manual list them; aliases too. */
export type Functions = { readonly [Name in CommonFunction]: FunctionBuilder } & {
  /** `count()` is `count(*)`, `count(x)` the number of rows in which x is not NULL. */
  readonly count: FunctionBuilder
  readonly [name: string]: FunctionBuilder
}

/** What editors offer; every other function of SQL works as well. */
// oxfmt-ignore
export const COMMON_FUNCTIONS = [
  'sum', 'avg', 'min', 'max', 'stddev', 'stddev_pop', 'var', 'var_pop', 'bool_and', 'bool_or',
  'abs', 'ceil', 'floor', 'round', 'sqrt', 'power', 'exp', 'ln', 'log', 'log2', 'log10', 'signum', 'trunc',
  'sin', 'cos', 'tan', 'atan2', 'pi', 'random', 'gcd', 'lcm', 'isnan', 'factorial',
  'coalesce', 'nullif', 'greatest', 'least', 'if', 'nvl', 'nvl2',
  'concat', 'concat_ws', 'length', 'lower', 'upper', 'trim', 'ltrim', 'rtrim', 'substr', 'replace', 'reverse',
  'left', 'right', 'lpad', 'rpad', 'repeat', 'split_part', 'strpos', 'starts_with', 'ends_with', 'contains',
  'initcap', 'translate', 'to_hex', 'chr', 'ascii', 'levenshtein', 'md5', 'sha256',
  'regexp_like', 'regexp_replace', 'regexp_count',
  'date_part', 'date_trunc', 'now', 'current_date', 'make_date', 'to_date', 'to_timestamp', 'last_day',
] as const

type CommonFunction = (typeof COMMON_FUNCTIONS)[number]

/** `fn.sum(col('x'))`, `fn.round(col('x'), 2)`. FUNCTION_NOT_FOUND for a name that SQL does not know. */
export const fn: Functions = new Proxy({} as Functions, {
  // `await fn` asks for `then`.
  get: (_, name): FunctionBuilder | undefined =>
    typeof name === 'string' && name !== 'then' ? builder(name.toLowerCase()) : undefined,
  has: (_, name) => typeof name === 'string' && isFunction(name.toLowerCase()),
})

function builder(name: string): FunctionBuilder {
  if (!isFunction(name)) throw fail('FUNCTION_NOT_FOUND', [name, didYouMean(name, functionNames())])
  return (...args) => (name === 'count' && args.length === 0 ? countRows() : call(name, args))
}

const isFunction = (name: string): boolean =>
  scalarFunction(name) !== undefined || aggregateFunction(name) !== undefined || functionNames().includes(name)
