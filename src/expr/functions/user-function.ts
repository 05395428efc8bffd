/** Functions that programs and extensions write in JavaScript: what they declare, and how that becomes a function of the engine. */
import { typeName, type DataType, type Value } from '../../arrow/types.js'
import { BallistaError, fail } from '../../common/errors.js'
import { convert, shown } from '../js-values.js'

/** Where the code is: what travels of it. */
export type FunctionCode =
  /** In this process only. */
  | { readonly kind: 'closure'; readonly id: string }
  /** A JavaScript expression that gives the function. */
  | { readonly kind: 'source'; readonly text: string }
  /** An export of an ECMAScript module that every node can read. */
  | { readonly kind: 'module'; readonly url: string; readonly name: string }
  /** Nodes load it when they start; `id` is the same wherever the text of the module is the same. */
  | { readonly kind: 'extension'; readonly name: string; readonly id: string }

/** Plain data, which travels with the queries that may call the function. */
export interface UserFunction {
  readonly kind: 'scalar' | 'aggregate'
  /** As SQL calls it, in lower case. */
  readonly name: string
  readonly args: readonly DataType[]
  readonly returns: DataType
  /** Scalar: `propagate` gives NULL for a NULL argument, aggregate: leaves such rows out; `own`: the code sees null. */
  readonly nulls: 'propagate' | 'own'
  readonly isVolatile: boolean
  /** Of an aggregate: its partial state, by name. */
  readonly state: readonly (readonly [string, DataType])[]
  readonly code: FunctionCode
}

/** Arguments and result in the forms of `rows()`: BIGINT as bigint, DECIMAL as text, dates as Date … */
export type ScalarCode = (...args: readonly unknown[]) => unknown

/** A state is an object with the names of `state`. */
export interface AggregateCode {
  initial(): Record<string, unknown>
  /** The state with one row more; may change and return the one that it is given. */
  update(state: Record<string, unknown>, ...args: readonly unknown[]): Record<string, unknown>
  /** The state of the rows of both. */
  merge(left: Record<string, unknown>, right: Record<string, unknown>): Record<string, unknown>
  finish(state: Record<string, unknown>): unknown
}

/** Calls user code; the result as a value of the type. FUNCTION_FAILED naming the function and its arguments. */
export function guarded(name: string, args: readonly unknown[], type: DataType, code: ScalarCode): Value {
  const result = attempt(name, args, () => code(...args))
  if (result === null || result === undefined) return null
  const value = convert(result, type)
  if (value !== undefined) return value
  throw failed(name, args, `it returned ${shown(result)} where ${typeName(type)} was declared`)
}

/** Calls user code. FUNCTION_FAILED for whatever it throws. */
export function attempt<T>(name: string, args: readonly unknown[], code: () => T): T {
  try {
    return code()
  } catch (error) {
    throw failed(name, args, error instanceof Error ? error.message : String(error), error)
  }
}

function failed(name: string, args: readonly unknown[], why: string, cause?: unknown): BallistaError {
  return fail('FUNCTION_FAILED', [`${name}(${args.map(argumentText).join(', ')})`, why], { cause })
}

function argumentText(value: unknown): string {
  if (value === null) return 'NULL'
  if (value instanceof Date) return value.toISOString()
  return value instanceof Uint8Array ? `${value.length} bytes` : shown(value).replace(/^(?:bigint|number|boolean) /, '')
}
