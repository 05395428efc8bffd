/** What a scalar or aggregate function declares: enough for binding, running, its tests and its manual. */
import type { DataType, Value } from '../../arrow/types.js'

/** An example is a test and a line of the manual: the SQL expression and its value as text (`NULL` for NULL). */
export interface FunctionExample {
  readonly sql: string
  readonly result: string
}

interface FunctionDeclaration {
  /** Canonical name, lower case. */
  readonly name: string
  readonly aliases: readonly string[]
  readonly description: string
  /** At least two, one of them with NULL. */
  readonly examples: readonly FunctionExample[]
  /** The types the arguments are cast to; throws FUNCTION_ARGUMENTS when they do not fit. */
  coerce(args: readonly DataType[]): readonly DataType[]
  /** The result type for coerced arguments; `constants` holds the values of those that are literals, undefined elsewhere. */
  returns(args: readonly DataType[], constants?: readonly (Value | undefined)[]): DataType
}

export interface ScalarFunction extends FunctionDeclaration {
  /** `propagate`: NULL if any argument is NULL, and `evaluate` never sees NULL. `own`: evaluate handles NULLs. */
  readonly nulls: 'propagate' | 'own'
  readonly volatility: 'immutable' | 'stable' | 'volatile'
  /** One row; the slow obvious form, used by the interpreter and wherever there is no kernel. `returns` is the result type. */
  evaluate(args: readonly Value[], types: readonly DataType[], returns: DataType): Value
}

/**
 * An aggregate is split in two phases. The partial phase folds rows into `stateTypes` columns (one value a group each),
 * the final phase merges states and finishes to `returns`.
 */
export interface AggregateFunction extends FunctionDeclaration {
  /** Columns of the partial state, e.g. avg: [sum, count]. */
  stateTypes(args: readonly DataType[]): readonly DataType[]
  /** The result depends on the order of the rows, so that ORDER BY inside the call has a meaning. */
  readonly isOrdered?: boolean
  /** Seeing a value twice changes nothing, so that DISTINCT has no effect. */
  readonly ignoresDuplicates?: boolean
  /** Arguments from this one on are constants, such as the separator of string_agg: they are no columns. */
  readonly constantsFrom?: number
}
