/** The aggregate functions, alphabetical by file. */
import type { AggregateDefinition } from './accumulator.js'
import { avg } from './avg.js'
import { boolAnd, boolOr } from './bool.js'
import { count } from './count.js'
import { max, min } from './min-max.js'
import { sum } from './sum.js'
import { VARIANCES } from './variance.js'

export const AGGREGATES: readonly AggregateDefinition[] = [avg, boolAnd, boolOr, count, max, min, sum, ...VARIANCES]
