/** The registration list of functions; a new family or aggregate is one line here. */
import { AGGREGATES } from './aggregate/index.js'
import type { AggregateFunction, ScalarFunction } from './function.js'
import { CHARACTER } from './scalar/character.js'
import { CONDITIONAL } from './scalar/conditional.js'
import { DATE_TIME } from './scalar/date.js'
import { DIGEST } from './scalar/digest.js'
import { MATH } from './scalar/math.js'
import { REGEXP } from './scalar/regexp.js'
import { STRING } from './scalar/string.js'

/** Every scalar function, by family. */
export const SCALARS: readonly ScalarFunction[] = [
  ...CHARACTER,
  ...CONDITIONAL,
  ...DATE_TIME,
  ...DIGEST,
  ...MATH,
  ...REGEXP,
  ...STRING,
]

function byName<F extends { readonly name: string; readonly aliases: readonly string[] }>(
  list: readonly F[],
): ReadonlyMap<string, F> {
  return new Map(list.flatMap(entry => [entry.name, ...entry.aliases].map(name => [name, entry] as const)))
}

const scalars = byName(SCALARS)
const aggregates = byName(AGGREGATES)

/** A scalar function by its lower-case name or alias. */
export const scalarFunction = (name: string): ScalarFunction | undefined => scalars.get(name)

/** An aggregate function by its lower-case name or alias. */
export const aggregateFunction = (name: string): AggregateFunction | undefined => aggregates.get(name)

/** All names and aliases, sorted. */
export const functionNames = (): string[] => [...scalars.keys(), ...aggregates.keys(), 'if', 'mod', 'nvl2'].sort()
