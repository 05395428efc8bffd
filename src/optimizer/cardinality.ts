/** How many rows a plan gives, roughly: what join order and build sides are decided on. Also read by physical planning. */
import type { Value } from '../arrow/types.js'
import type { ColumnStatistics, Statistics } from '../catalog/table-provider.js'
import { splitConjunction, splitDisjunction } from '../expr/build.js'
import type { ComparisonOp, Expr } from '../expr/expr.js'
import { typeOf } from '../expr/expr.js'
import { findColumn, schemaOf } from '../logical/schema-of.js'
import type { JoinPlan, ScanPlanNode } from '../logical/build.js'
import type { LogicalPlan } from '../logical/plan.js'

/** Rows of a table that says nothing about itself. */
const UNKNOWN_ROWS = 100_000
/** Bytes of a row where only the size of a file is known. */
const ROW_BYTES = 100
/** A predicate about which nothing is known keeps one row in five (DataFusion's default); an equality one in ten. */
const DEFAULT_SELECTIVITY = 0.2
const EQUALITY_SELECTIVITY = 0.1
/** Rows per group where the number of groups is not known. */
const ROWS_PER_GROUP = 10

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
      return plan.groups.length === 0
        ? 1
        : groupCount(
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

const statisticsCache = new WeakMap<ScanPlanNode, Statistics>()

/** Asked once a scan: a provider may have to add up many files. */
function statisticsOf(scan: ScanPlanNode): Statistics {
  let statistics = statisticsCache.get(scan)
  if (statistics === undefined) statisticsCache.set(scan, (statistics = scan.provider.statistics()))
  return statistics
}

function tableRows(scan: ScanPlanNode): number {
  const { rowCount, byteLength } = statisticsOf(scan)
  return rowCount ?? (byteLength === undefined ? UNKNOWN_ROWS : byteLength / ROW_BYTES)
}

function groupCount(groups: readonly Expr[], input: LogicalPlan): number {
  const rows = estimateRows(input)
  const counts = groups.map(expr => distinctValues(expr, input)?.count ?? rows / ROWS_PER_GROUP)
  return Math.min(
    rows,
    counts.reduce((product, count) => product * Math.max(1, count), 1),
  )
}

/** Rows of a join: of the inner join, and at least those of the preserved sides. */
function joinRows(join: JoinPlan): number {
  const [left, right] = [estimateRows(join.left), estimateRows(join.right)]
  const inner = innerRows(join, left, right)
  switch (join.type) {
    case 'inner':
      return inner
    case 'left':
      return Math.max(inner, left)
    case 'right':
      return Math.max(inner, right)
    case 'full':
      return Math.max(inner, left + right)
    case 'leftSemi':
      return Math.min(left, inner)
    case 'rightSemi':
      return Math.min(right, inner)
    case 'leftAnti':
      return Math.max(left - inner, left * EQUALITY_SELECTIVITY)
    case 'rightAnti':
      return Math.max(right - inner, right * EQUALITY_SELECTIVITY)
  }
}

/** |L| · |R| / distinct keys · residual selectivity; a composite key has at most as many values as its table has rows. */
function innerRows(join: JoinPlan, left: number, right: number): number {
  const keys = join.on.map(pair => ({
    left: distinctValues(pair.left, join.left),
    right: distinctValues(pair.right, join.right),
  }))
  const product = keys.reduce((count, key) => count * keyValues(key.left, key.right, Math.min(left, right)), 1)
  const bound = Math.min(compositeBound(keys.map(key => key.left)), compositeBound(keys.map(key => key.right)))
  const residual =
    join.filter === undefined ? 1 : splitConjunction(join.filter).reduce((s, expr) => s * guess(expr, join), 1)
  return (left * right * residual) / Math.max(1, keys.length > 1 ? Math.min(product, bound) : product)
}

/** Distinct values of a column in its table, before any filter. */
interface DistinctValues {
  readonly count: number
  /** False for a bound: no more than the rows of the table, or the width of its range. */
  readonly exact: boolean
  readonly scan: ScanPlanNode
}

/**
 * Values that the two sides of a key share out among their rows. Exact counts: the larger (the smaller side is assumed
 * to be contained in it). Bounds: the smaller, because a foreign key is bounded by its own, larger table.
 */
function keyValues(left: DistinctValues | undefined, right: DistinctValues | undefined, fallback: number): number {
  if (left === undefined || right === undefined) return left?.count ?? right?.count ?? fallback
  return left.exact && right.exact ? Math.max(left.count, right.count) : Math.min(left.count, right.count)
}

function compositeBound(sides: readonly (DistinctValues | undefined)[]): number {
  const scan = sides[0]?.scan
  return scan !== undefined && sides.every(side => side?.scan === scan) ? tableRows(scan) : Infinity
}

function distinctValues(expr: Expr, plan: LogicalPlan): DistinctValues | undefined {
  const origin = originOf(expr, plan)
  if (origin === undefined) return undefined
  const { scan, statistics } = origin
  if (statistics?.distinctCount !== undefined) return { count: statistics.distinctCount, exact: true, scan }
  const range = rangeOf(statistics, expr)
  const rows = tableRows(scan)
  return { count: Math.min(rows, range === undefined ? Infinity : range.max - range.min + 1), exact: false, scan }
}

/** The bounds of a column of whole numbers or days. */
function rangeOf(statistics: ColumnStatistics | undefined, expr: Expr): { min: number; max: number } | undefined {
  const { kind } = typeOf(expr)
  if (kind !== 'int' && kind !== 'date') return undefined
  const [min, max] = [asNumber(statistics?.min), asNumber(statistics?.max)]
  return min === undefined || max === undefined ? undefined : { min, max }
}

const asNumber = (value: Value | undefined): number | undefined =>
  typeof value === 'number' || typeof value === 'bigint' ? Number(value) : undefined

interface Origin {
  readonly scan: ScanPlanNode
  readonly statistics: ColumnStatistics | undefined
}

/** The table column that an expression is, through casts, projections and aliases. */
function originOf(expr: Expr, plan: LogicalPlan): Origin | undefined {
  if (expr.kind === 'cast') return originOf(expr.input, plan)
  if (expr.kind !== 'column') return undefined
  if (plan.kind === 'scan') return scanOrigin(plan, expr.name, expr.relation)
  const index = findColumn(schemaOf(plan), expr)
  return index < 0 ? undefined : columnOrigin(plan, index)
}

/** Also for columns that only the scan's filters read. */
function scanOrigin(scan: ScanPlanNode, name: string, relation: string | undefined): Origin | undefined {
  if (relation !== scan.relation || !scan.provider.schema.fields.some(field => field.name === name)) return undefined
  return { scan, statistics: statisticsOf(scan).columns.get(name) }
}

function columnOrigin(plan: LogicalPlan, index: number): Origin | undefined {
  switch (plan.kind) {
    case 'scan':
      return scanOrigin(plan, schemaOf(plan)[index].name, plan.relation)
    case 'filter':
    case 'sort':
    case 'limit':
    case 'distinct':
    case 'alias':
      return columnOrigin(plan.input, index)
    case 'rowNumber':
      return index < schemaOf(plan.input).length ? columnOrigin(plan.input, index) : undefined
    case 'projection':
      return originOf(plan.exprs[index].expr, plan.input)
    case 'aggregate':
      return index < plan.groups.length ? originOf(plan.groups[index].expr, plan.input) : undefined
    case 'join': {
      const field = schemaOf(plan)[index]
      const column: Expr = { kind: 'column', ...field }
      return originOf(column, plan.left) ?? originOf(column, plan.right)
    }
    case 'union':
    case 'values':
    case 'empty':
    case 'write':
      return undefined
  }
}

/** The part of the rows that pass all conjuncts; lower and upper bounds of one column are taken together. */
function selectivity(conjuncts: readonly Expr[], plan: LogicalPlan): number {
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
  for (const { from, to } of ranges.values()) product *= Math.max(to - from, 0.001)
  return product
}

/** `column < literal` and the like as a part of the column's range, where its bounds are known. */
function rangeBound(expr: Expr, plan: LogicalPlan): { column: string; from: number; to: number } | undefined {
  if (expr.kind !== 'binary') return undefined
  const swapped = expr.left.kind === 'literal'
  const [side, constant] = swapped ? [expr.right, expr.left] : [expr.left, expr.right]
  const less = expr.op === '<' || expr.op === '<='
  if ((!less && expr.op !== '>' && expr.op !== '>=') || side.kind !== 'column' || constant.kind !== 'literal')
    return undefined
  const statistics = originOf(side, plan)?.statistics
  const [min, max, value] = [statistics?.min, statistics?.max, constant.value].map(bound => asNumber(bound))
  if (min === undefined || max === undefined || value === undefined || max <= min) return undefined
  const part = Math.min(1, Math.max(0, (value - min) / (max - min)))
  const column = `${side.relation ?? ''}.${side.name}`
  return less !== swapped ? { column, from: 0, to: part } : { column, from: part, to: 1 }
}

/** The part of the rows for which one predicate holds. */
function guess(expr: Expr, plan: LogicalPlan): number {
  switch (expr.kind) {
    case 'literal':
      return expr.value === true ? 1 : 0
    case 'not':
      return 1 - guess(expr.input, plan)
    case 'isNull':
      return expr.negated ? 1 - EQUALITY_SELECTIVITY : EQUALITY_SELECTIVITY
    case 'inList': {
      const part = Math.min(1, expr.list.length * equality(expr.input, plan))
      return expr.negated ? 1 - part : part
    }
    case 'binary':
      return guessBinary(expr.op, expr, plan)
    default:
      return DEFAULT_SELECTIVITY
  }
}

function guessBinary(op: string, expr: Extract<Expr, { kind: 'binary' }>, plan: LogicalPlan): number {
  if (op === 'and') return selectivity(splitConjunction(expr), plan)
  if (op === 'or') return 1 - splitDisjunction(expr).reduce((miss, branch) => miss * (1 - guess(branch, plan)), 1)
  const value = expr.left.kind === 'literal' ? expr.right : expr.left
  if (op === ('=' satisfies ComparisonOp)) return equality(value, plan)
  return op === ('<>' satisfies ComparisonOp) ? 1 - equality(value, plan) : DEFAULT_SELECTIVITY
}

/** One of the distinct values, where they are counted or few by their range; else the default. */
function equality(value: Expr, plan: LogicalPlan): number {
  const distinct = distinctValues(value, plan)
  if (distinct === undefined) return EQUALITY_SELECTIVITY
  const known = distinct.exact || distinct.count < tableRows(distinct.scan)
  return known ? 1 / Math.max(1, distinct.count) : EQUALITY_SELECTIVITY
}
