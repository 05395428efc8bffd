/** The aggregate functions, alphabetical by file. */
import type { AggregateDefinition } from './accumulator.js'
import { approxDistinct, approxMedian, approxPercentile } from './approximate.js'
import { argMax, argMin } from './arg-best.js'
import { arrayAgg } from './array-agg.js'
import { avg } from './avg.js'
import { BITS } from './bits.js'
import { boolAnd, boolOr } from './bool.js'
import { count, countIf } from './count.js'
import { COVARIANCES } from './covariance.js'
import { FIRST_LAST } from './first-last.js'
import { max, min } from './min-max.js'
import { mode } from './mode.js'
import { nthValue } from './nth-value.js'
import { median, percentileCont, percentileDisc } from './quantile.js'
import { stringAgg } from './string-agg.js'
import { sum } from './sum.js'
import { VARIANCES } from './variance.js'

export const AGGREGATES: readonly AggregateDefinition[] = [
  approxDistinct,
  approxMedian,
  approxPercentile,
  argMax,
  argMin,
  arrayAgg,
  avg,
  ...BITS,
  boolAnd,
  boolOr,
  count,
  countIf,
  ...COVARIANCES,
  ...FIRST_LAST,
  max,
  median,
  min,
  mode,
  nthValue,
  percentileCont,
  percentileDisc,
  stringAgg,
  sum,
  ...VARIANCES,
]
