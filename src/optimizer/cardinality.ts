/** How many rows a plan gives, roughly: what join order and build sides are decided on. Also read by physical planning. */
import { splitConjunction } from '../expr/build.js'
import type { Expr } from '../expr/expr.js'
import type { JoinPlan } from '../logical/build.js'
import type { LogicalPlan } from '../logical/plan.js'
import { distinctValues, tableRows, valueCount, type DistinctValues } from './column-statistics.js'
import { EQUALITY_SELECTIVITY, guess, selectivity } from './selectivity.js'

const cache = new WeakMap<LogicalPlan, number>()

/** Estimated output rows, at least 0 and not rounded. Cached by node identity. */
export function estimateRows(plan: LogicalPlan): number {
  let rows = cache.get(plan)
  if (rows === undefined) cache.set(plan, (rows = computeRows(plan)))
  return rows
}

function computeRows(plan: LogicalPlan): number {
  switch (plan.kind) {
    case 'scan': {
      const rows = tableRows(plan) * selectivity(plan.filters, plan)
      return Math.min(rows, plan.fetch ?? Infinity)
    }
    case 'filter':
      return estimateRows(plan.input) * selectivity(splitConjunction(plan.predicate), plan.input)
    case 'projection':
    case 'rowNumber':
    case 'alias':
      return estimateRows(plan.input)
    case 'aggregate':
      return groupCount(
        plan.groups.map(({ expr }) => expr),
        plan.input,
      )
    case 'distinct':
      return estimateRows(plan.input) / 2
    case 'join':
      return joinRows(plan)
    case 'sort':
      return Math.min(estimateRows(plan.input), plan.fetch ?? Infinity)
    case 'limit':
      return Math.min(Math.max(0, estimateRows(plan.input) - plan.skip), plan.fetch ?? Infinity)
    case 'union':
      return plan.inputs.reduce((sum, input) => sum + estimateRows(input), 0)
    case 'values':
      return plan.rows.length
    case 'empty':
      return plan.oneRow ? 1 : 0
    case 'write':
      return 1
  }
}

/** Combinations of group values, no more than rows; one without groups. */
function groupCount(groups: readonly Expr[], input: LogicalPlan): number {
  if (groups.length === 0) return 1
  const rows = estimateRows(input)
  return Math.min(
    rows,
    groups.reduce((product, expr) => product * valueCount(expr, input, rows), 1),
  )
}

/** Rows of a join: of the inner join, and at least those of the preserved sides. */
function joinRows(join: JoinPlan): number {
  const [left, right] = [estimateRows(join.left), estimateRows(join.right)]
  switch (join.type) {
    case 'inner':
      return innerRows(join, left, right)
    case 'left':
      return Math.max(innerRows(join, left, right), left)
    case 'right':
      return Math.max(innerRows(join, left, right), right)
    case 'full':
      return Math.max(innerRows(join, left, right), left + right)
    case 'leftMark':
      return left
    case 'rightMark':
      return right
    case 'leftSemi':
      return left * matchingPart(join, 'left', right)
    case 'rightSemi':
      return right * matchingPart(join, 'right', left)
    case 'leftAnti':
      return left * Math.max(EQUALITY_SELECTIVITY, 1 - matchingPart(join, 'left', right))
    case 'rightAnti':
      return right * Math.max(EQUALITY_SELECTIVITY, 1 - matchingPart(join, 'right', left))
  }
}

/** |L| · |R| / distinct keys · residual selectivity; one row at least, as conditions are seldom as independent as they are taken to be. */
function innerRows(join: JoinPlan, left: number, right: number): number {
  const keys = join.on.map(pair => ({
    left: distinctValues(pair.left, join.left),
    right: distinctValues(pair.right, join.right),
  }))
  const distinct = keys.length === 0 ? 1 : distinctKeys(keys, Math.min(left, right))
  return Math.max(Math.min(1, left, right), (left * right * residualPart(join)) / distinct)
}

const residualPart = (join: JoinPlan): number =>
  join.filter === undefined
    ? 1
    : splitConjunction(join.filter).reduce((part, expr) => part * guess(expr, { ...join, type: 'inner' }), 1)

/**
 * The part of the rows of a side that has a partner among `partners` rows of the other: as many of its key's values as the other
 * side can have, by the key that matches least.
 */
function matchingPart(join: JoinPlan, side: 'left' | 'right', partners: number): number {
  const other = side === 'left' ? 'right' : 'left'
  const parts = join.on.map(pair => {
    const own = distinctValues(pair[side], join[side])
    const theirs = Math.min(partners, distinctValues(pair[other], join[other])?.count ?? partners)
    return own === undefined ? 1 : Math.min(1, theirs / own.count)
  })
  return Math.min(1, ...parts) * residualPart(join)
}

/** The two sides of a join key; undefined: not a column of a table. */
export interface KeyValues {
  readonly left: DistinctValues | undefined
  readonly right: DistinctValues | undefined
}

/**
 * Values that the keys share out among the rows, at least 1; `fallback` for keys of unknown values. A composite key has at most as
 * many values as its table has rows.
 */
export function distinctKeys(keys: readonly KeyValues[], fallback: number): number {
  if (keys.length === 1) return Math.max(1, keyValues(keys[0], fallback))
  const known = keys.filter(({ left, right }) => left !== undefined && right !== undefined)
  const product = known.reduce(
    (count, key) => count * keyValues(key, fallback),
    UNKNOWN_KEY ** (keys.length - known.length),
  )
  const [left, right] = [compositeBound(keys.map(key => key.left)), compositeBound(keys.map(key => key.right))]
  // Keys that one side takes from several tables are independent there.
  return Math.max(1, left === undefined || right === undefined ? product : Math.min(product, left, right))
}

/** Values that a key adds to others when one of its sides is computed. */
const UNKNOWN_KEY = 10

/**
 * Exact counts: the larger (the smaller side is assumed to be contained in it). Bounds: the smaller, because a foreign key is
 * bounded by its own, larger table.
 */
function keyValues({ left, right }: KeyValues, fallback: number): number {
  if (left === undefined || right === undefined) return left?.count ?? right?.count ?? fallback
  return left.exact && right.exact ? Math.max(left.count, right.count) : Math.min(left.count, right.count)
}

/** Rows of the one table that all the columns are of. */
function compositeBound(sides: readonly (DistinctValues | undefined)[]): number | undefined {
  const scan = sides[0]?.scan
  return scan !== undefined && sides.every(side => side?.scan === scan) ? tableRows(scan) : undefined
}
