/** From an aggregate expression to its running form: what it is fed with, what its states are, and its accumulator. */
import type { DataType } from '../../../arrow/types.js'
import { invariant } from '../../../common/invariant.js'
import { typeOf, type AggregateExpr, type Expr } from '../../expr.js'
import { broughtAggregate } from '../brought.js'
import { listOf } from '../signature.js'
import type { Accumulator, AccumulatorOptions, AggregateDefinition } from './accumulator.js'
import { AGGREGATES } from './index.js'
import { Ordered } from './ordered.js'

/** The arguments that are columns; constants such as a separator are not. */
export const argumentsOf = (expr: AggregateExpr): readonly Expr[] =>
  expr.args.slice(0, definitionOf(expr).constantsFrom ?? expr.args.length)

/** The columns that `update` takes: the arguments, then the keys of ORDER BY. */
export const inputsOf = (expr: AggregateExpr): readonly Expr[] => [...argumentsOf(expr), ...(expr.orderBy ?? [])]

/** The columns of a partial state. With ORDER BY that is one list of rows an input. */
export function stateTypesOf(expr: AggregateExpr): readonly DataType[] {
  if (expr.orderBy !== undefined) return inputsOf(expr).map(input => listOf(typeOf(input)))
  return definitionOf(expr).stateTypes(expr.args.map(typeOf))
}

/** The accumulator of an aggregate; DISTINCT and FILTER are left to the caller. */
export function openAccumulator(
  expr: AggregateExpr,
  options: Omit<AccumulatorOptions, 'args' | 'constants'>,
): Accumulator {
  const definition = definitionOf(expr)
  const args = expr.args.map(typeOf)
  const constants = expr.args.map(arg => (arg.kind === 'literal' ? arg.value : undefined))
  if (expr.orders === undefined) return definition.accumulator({ ...options, args, constants })
  return new Ordered({
    types: inputsOf(expr).map(typeOf),
    orders: expr.orders,
    charge: options.charge,
    open: () => definition.accumulator({ args, constants, groupCount: 1, charge: options.charge }),
  })
}

function definitionOf(expr: AggregateExpr): AggregateDefinition {
  const definition = AGGREGATES.find(({ name }) => name === expr.name) ?? broughtAggregate(expr.name)
  invariant(definition !== undefined, `the aggregate ${expr.name} is registered`)
  return definition
}
