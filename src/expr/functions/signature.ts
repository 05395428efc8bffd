/** Shorthand for declaring functions: what arguments they take and the defaults of their declaration. */
import { field } from '../../arrow/schema.js'
import { typeName, isNumeric, type DataType } from '../../arrow/types.js'
import { fail } from '../../common/errors.js'
import { canCoerce } from '../types.js'
import type { ScalarFunction } from './function.js'

/** A list of a type, as results have it. */
export const listOf = (type: DataType): DataType => ({ kind: 'list', element: field('item', type) })

export type Coerce = (args: readonly DataType[]) => readonly DataType[]

type Defaults = 'aliases' | 'nulls' | 'volatility'

/** A scalar function; without other words it is immutable, has no alias and gives NULL for NULL. */
export const defineScalar = (
  declaration: Omit<ScalarFunction, Defaults> & Partial<Pick<ScalarFunction, Defaults>>,
): ScalarFunction => ({ aliases: [], nulls: 'propagate', volatility: 'immutable', ...declaration })

/** Throws FUNCTION_ARGUMENTS: what the function takes and what it got. */
export function badArguments(name: string, takes: string, args: readonly DataType[]): never {
  throw fail('FUNCTION_ARGUMENTS', [`${name} takes (${takes}), got (${args.map(typeName).join(', ')})`])
}

/** Arguments of exactly these types (or silently cast to them); the last ones may be left out. */
export function fixed(name: string, required: readonly DataType[], optional: readonly DataType[] = []): Coerce {
  const all = [...required, ...optional]
  const takes = [...required.map(typeName), ...optional.map(type => `[${typeName(type)}]`)].join(', ')
  return args => {
    const fits =
      args.length >= required.length && args.length <= all.length && args.every((arg, i) => canCoerce(arg, all[i]))
    return fits ? all.slice(0, args.length) : badArguments(name, takes, args)
  }
}

/** At least `minimum` arguments of any type, all cast to the one that `common` finds. */
export function unified(
  name: string,
  minimum: number,
  common: (left: DataType, right: DataType) => DataType | undefined,
  maximum = Infinity,
): Coerce {
  return args => {
    const takes = maximum === Infinity ? 'values of one type, …' : 'value, value'
    if (args.length < minimum || args.length > maximum) return badArguments(name, takes, args)
    let type: DataType | undefined = args[0]
    for (const arg of args) type = type && common(type, arg)
    return type === undefined ? badArguments(name, takes, args) : args.map(() => type)
  }
}

/** A first argument of any numeric type (NULL counts as `untyped`), then optional ones. */
export function numericFirst(name: string, untyped: DataType, optional: readonly DataType[] = []): Coerce {
  const takes = ['number', ...optional.map(type => `[${typeName(type)}]`)].join(', ')
  return args => {
    const [first, ...rest] = args
    if (first === undefined || rest.length > optional.length || !rest.every((arg, i) => canCoerce(arg, optional[i]))) {
      return badArguments(name, takes, args)
    }
    if (first.kind !== 'null' && !isNumeric(first)) return badArguments(name, takes, args)
    return [first.kind === 'null' ? untyped : first, ...optional.slice(0, rest.length)]
  }
}
