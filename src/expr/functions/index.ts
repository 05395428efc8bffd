/** The registration list of functions; a new family or aggregate is one line here. */
import { AGGREGATES } from './aggregate/index.js'
import type { AggregateDefinition } from './aggregate/accumulator.js'
import { broughtAggregate, broughtScalar } from './brought.js'
import type { ScalarFunction } from './function.js'
import { BITWISE } from './scalar/bitwise.js'
import { CHARACTER } from './scalar/character.js'
import { CONDITIONAL } from './scalar/conditional.js'
import { DATE_ARITHMETIC } from './scalar/date-arithmetic.js'
import { DATE_FORMAT } from './scalar/date-format.js'
import { DATE_TIME } from './scalar/date.js'
import { DIGEST } from './scalar/digest.js'
import { HYPERBOLIC } from './scalar/hyperbolic.js'
import { INTERVALS } from './scalar/interval.js'
import { LIST } from './scalar/list.js'
import { MATH } from './scalar/math.js'
import { REGEXP } from './scalar/regexp.js'
import { STRING_PARTS } from './scalar/string-parts.js'
import { STRING } from './scalar/string.js'
import { TYPE_NAMES } from './scalar/type-names.js'

/** A family of scalar functions, under one heading of the manual. */
export interface ScalarFamily {
  readonly title: string
  readonly functions: readonly ScalarFunction[]
}

export const SCALAR_FAMILIES: readonly ScalarFamily[] = [
  { title: 'Bits', functions: BITWISE },
  { title: 'Characters', functions: CHARACTER },
  { title: 'Conditions', functions: CONDITIONAL },
  { title: 'Date arithmetic', functions: DATE_ARITHMETIC },
  { title: 'Date formats', functions: DATE_FORMAT },
  { title: 'Dates and times', functions: DATE_TIME },
  { title: 'Digests and encodings', functions: DIGEST },
  { title: 'Hyperbolic functions and floats', functions: HYPERBOLIC },
  { title: 'Intervals', functions: INTERVALS },
  { title: 'Lists', functions: LIST },
  { title: 'Mathematics', functions: MATH },
  { title: 'Regular expressions', functions: REGEXP },
  { title: 'Strings', functions: STRING },
  { title: 'Pieces of strings', functions: STRING_PARTS },
  { title: 'Types', functions: TYPE_NAMES },
]

/** Every scalar function, by family. */
export const SCALARS: readonly ScalarFunction[] = SCALAR_FAMILIES.flatMap(({ functions }) => functions)

function byName<F extends { readonly name: string; readonly aliases: readonly string[] }>(
  list: readonly F[],
): ReadonlyMap<string, F> {
  return new Map(list.flatMap(entry => [entry.name, ...entry.aliases].map(name => [name, entry] as const)))
}

const scalars = byName(SCALARS)
const aggregates = byName(AGGREGATES)

/** A scalar function by its lower-case name or alias, or by the internal name of a user's. */
export const scalarFunction = (name: string): ScalarFunction | undefined => scalars.get(name) ?? broughtScalar(name)

/** An aggregate function by its lower-case name or alias, or by the internal name of a user's. */
export const aggregateFunction = (name: string): AggregateDefinition | undefined =>
  aggregates.get(name) ?? broughtAggregate(name)

/** Whether a name in lower case is one of SQL's own. */
export const isBuiltIn = (name: string): boolean => functionNames().includes(name)

/** All names and aliases, sorted. */
export const functionNames = (): string[] =>
  [...scalars.keys(), ...aggregates.keys(), 'arrow_cast', 'arrow_try_cast', 'if', 'mod', 'nvl2'].sort()
