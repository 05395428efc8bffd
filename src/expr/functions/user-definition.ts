/** From a user's declaration and code to a function of the engine. */
import { formOf } from '../js-forms.js'
import type { AggregateDefinition } from './aggregate/accumulator.js'
import { UserAccumulator } from './aggregate/user-accumulator.js'
import type { ScalarFunction } from './function.js'
import { internalName } from './internal-name.js'
import { fixed } from './signature.js'
import { guarded, type AggregateCode, type ScalarCode, type UserFunction } from './user-function.js'

/** `code` is asked for with the first call, so that a planner needs none. */
export function scalarOf(declared: UserFunction, code: () => ScalarCode): ScalarFunction {
  const { name, args, returns, nulls, isVolatile } = declared
  const forms = args.map(type => formOf(type, {}))
  let run: ScalarCode | undefined
  return {
    name: internalName(declared),
    aliases: [],
    description: '',
    examples: [],
    // Never computed while planning: the planner may be a process that runs no code of users.
    volatility: isVolatile ? 'volatile' : 'stable',
    nulls,
    coerce: fixed(name, args),
    returns: () => returns,
    evaluate(values) {
      run ??= code()
      const given = values.map((value, i) => (value === null ? null : forms[i](value)))
      return guarded(name, given, returns, run)
    },
  }
}

export function aggregateOf(declared: UserFunction, code: () => AggregateCode): AggregateDefinition {
  const { name, args, returns, state } = declared
  return {
    name: internalName(declared),
    aliases: [],
    description: '',
    examples: [],
    coerce: fixed(name, args),
    returns: () => returns,
    stateTypes: () => state.map(([, type]) => type),
    accumulator: options => new UserAccumulator(declared, code(), options),
  }
}
