/** The part of the rows of a plan for which predicates hold, by bounds, counts and rules of thumb. */
import { splitConjunction, splitDisjunction } from '../expr/build.js'
import type { Expr, LiteralExpr } from '../expr/expr.js'
import type { LogicalPlan } from '../logical/plan.js'
import { distinctValues, isComparable, numberOf, originOf, tableRows } from './column-statistics.js'
import { partAbove } from './having.js'

/** A predicate about which nothing is known keeps one row in five (DataFusion's default); an equality one in ten. */
const DEFAULT_SELECTIVITY = 0.2
export const EQUALITY_SELECTIVITY = 0.1
/** `a < b` of two columns (System R). */
const INEQUALITY_SELECTIVITY = 1 / 3
/** No range is taken to be emptier: bounds are of the whole table, and rows may cluster. */
const LEAST_RANGE = 0.001
/** A part of a LIKE pattern of n characters keeps 0.3 · 0.75^n of the rows, all parts together no less than the least. */
const LIKE_PART = 0.3
const LIKE_CHARACTER = 0.75
const LEAST_LIKE = 0.002

/** The part of the rows that pass all conjuncts; lower and upper bounds of one column are taken together. */
export function selectivity(conjuncts: readonly Expr[], plan: LogicalPlan): number {
  const ranges = new Map<string, { from: number; to: number }>()
  let product = 1
  for (const expr of conjuncts) {
    const bound = rangeBound(expr, plan)
    if (bound === undefined) product *= guess(expr, plan)
    else {
      const range = ranges.get(bound.column) ?? { from: 0, to: 1 }
      ranges.set(bound.column, { from: Math.max(range.from, bound.from), to: Math.min(range.to, bound.to) })
    }
  }
  for (const { from, to } of ranges.values()) product *= Math.max(to - from, LEAST_RANGE)
  return product
}

type BinaryExpr = Extract<Expr, { kind: 'binary' }>

interface Comparison {
  readonly side: Expr
  readonly constant: LiteralExpr
  /** The side is less than the constant, or equal. */
  readonly less: boolean
}

/** `a < 1`, `1 > a` and the like. */
function comparisonOf(expr: Expr): Comparison | undefined {
  if (expr.kind !== 'binary') return undefined
  const swapped = expr.left.kind === 'literal'
  const [side, constant] = swapped ? [expr.right, expr.left] : [expr.left, expr.right]
  const less = expr.op === '<' || expr.op === '<='
  if ((!less && expr.op !== '>' && expr.op !== '>=') || constant.kind !== 'literal') return undefined
  return { side, constant, less: less !== swapped }
}

/** A comparison with a column as a part of the column's range, where its bounds are known. */
function rangeBound(expr: Expr, plan: LogicalPlan): { column: string; from: number; to: number } | undefined {
  const comparison = comparisonOf(expr)
  if (comparison === undefined) return undefined
  const { side, constant, less } = comparison
  const origin = originOf(side, plan)
  if (origin?.statistics === undefined || !isComparable(origin.type, constant.type)) return undefined
  const { min, max } = origin.statistics
  const [from, to] = [numberOf(min, origin.type), numberOf(max, origin.type)]
  const value = numberOf(constant.value, constant.type)
  if (from === undefined || to === undefined || value === undefined || to <= from) return undefined
  const part = Math.min(1, Math.max(0, (value - from) / (to - from)))
  const column = JSON.stringify(side.kind === 'column' ? [side.relation, side.name] : [origin.scan.relation])
  return less ? { column, from: 0, to: part } : { column, from: part, to: 1 }
}

/** The part of the rows for which one predicate holds. */
export function guess(expr: Expr, plan: LogicalPlan): number {
  switch (expr.kind) {
    case 'literal':
      return expr.value === true ? 1 : 0
    case 'not':
      return 1 - guess(expr.input, plan)
    case 'isNull': {
      const nulls = nullPart(expr.input, plan)
      return expr.negated ? 1 - nulls : nulls
    }
    case 'inList': {
      const part = Math.min(1, expr.list.length * equality(expr.input, plan))
      return expr.negated ? 1 - part : part
    }
    case 'like': {
      const part = likePart(expr.pattern)
      return expr.negated ? 1 - part : part
    }
    case 'binary':
      return guessBinary(expr, plan)
    default:
      return DEFAULT_SELECTIVITY
  }
}

function guessBinary(expr: BinaryExpr, plan: LogicalPlan): number {
  switch (expr.op) {
    case 'and':
      return selectivity(splitConjunction(expr), plan)
    case 'or':
      return 1 - splitDisjunction(expr).reduce((miss, branch) => miss * (1 - guess(branch, plan)), 1)
    case '=':
    case 'notDistinct':
      return equalityOf(expr, plan)
    case '<>':
    case 'distinct':
      return 1 - equalityOf(expr, plan)
    case '<':
    case '<=':
    case '>':
    case '>=': {
      const ofColumns = expr.left.kind !== 'literal' && expr.right.kind !== 'literal'
      const range = rangeBound(expr, plan)
      if (range !== undefined) return Math.max(range.to - range.from, LEAST_RANGE)
      const part = havingPart(expr, plan)
      if (part !== undefined) return Math.max(part, LEAST_RANGE)
      return ofColumns ? INEQUALITY_SELECTIVITY : DEFAULT_SELECTIVITY
    }
    default:
      return DEFAULT_SELECTIVITY
  }
}

/** Of a comparison with the result of an aggregate. */
function havingPart(expr: Expr, plan: LogicalPlan): number | undefined {
  const comparison = comparisonOf(expr)
  const value = comparison && numberOf(comparison.constant.value, comparison.constant.type)
  if (comparison === undefined || value === undefined) return undefined
  const above = partAbove(comparison.side, value, plan)
  return above === undefined || !comparison.less ? above : 1 - above
}

/** Of two columns, one in as many as the one with more values has. */
function equalityOf({ left, right }: BinaryExpr, plan: LogicalPlan): number {
  if (left.kind === 'literal') return equality(right, plan)
  if (right.kind === 'literal') return equality(left, plan)
  return Math.min(equality(left, plan), equality(right, plan))
}

/** One of the distinct values, where they are counted or few by their range; else the default. */
function equality(value: Expr, plan: LogicalPlan): number {
  const distinct = distinctValues(value, plan)
  if (distinct === undefined) return EQUALITY_SELECTIVITY
  const known = distinct.exact || distinct.count < tableRows(distinct.scan)
  return known ? 1 / Math.max(1, distinct.count) : EQUALITY_SELECTIVITY
}

function nullPart(expr: Expr, plan: LogicalPlan): number {
  const origin = originOf(expr, plan)
  const nullCount = origin?.statistics?.nullCount
  if (origin === undefined || nullCount === undefined) return EQUALITY_SELECTIVITY
  return nullCount / Math.max(1, tableRows(origin.scan))
}

function likePart(pattern: Expr): number {
  if (pattern.kind !== 'literal' || typeof pattern.value !== 'string') return DEFAULT_SELECTIVITY
  const parts = pattern.value.split('%').filter(part => part !== '')
  const product = parts.reduce((share, part) => share * LIKE_PART * LIKE_CHARACTER ** part.length, 1)
  return Math.max(LEAST_LIKE, product)
}
