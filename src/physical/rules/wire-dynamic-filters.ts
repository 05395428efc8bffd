/** Connects joins and top-k operators with the scans below them, which then drop rows that these would drop. */
import { mapList } from '../../common/tree.js'
import { typeOf, type Expr } from '../../expr/expr.js'
import { holdsIntegers } from '../../expr/types.js'
import { hasIntegerValues } from '../../runtime/dynamic-filter.js'
import type { AggregateExec } from '../operators/aggregate.js'
import type { DataSourceExec } from '../operators/data-source.js'
import type { HashJoinExec } from '../operators/hash-join.js'
import { JOIN_SIDES } from '../operators/join-types.js'
import type { JoinExec } from '../operators/join-output.js'
import type { ProjectionExec } from '../operators/projection.js'
import type { TopKExec } from '../operators/top-k.js'
import type { PhysicalPlan } from '../plan.js'

/** Joins for which a probe row without a partner changes nothing. */
const DROPS_PROBE_ROWS: ReadonlySet<string> = new Set(['inner', 'left', 'leftSemi', 'leftAnti', 'leftMark'])

/** Joins of which a row less on that side only means its own output rows less. */
const FOLLOWS_LEFT: ReadonlySet<string> = new Set(['inner', 'left', 'leftSemi', 'leftAnti', 'leftMark'])
const FOLLOWS_RIGHT: ReadonlySet<string> = new Set(['inner', 'right', 'rightSemi', 'rightAnti', 'rightMark'])

/** Dropping rows of their input drops just these rows of their output; columns keep their positions. */
const TRANSPARENT_KINDS: ReadonlySet<string> = new Set([
  'CoalesceExec',
  'FilterExec',
  'ReplicateExec',
  'SortExec',
  'UnionExec',
])

/**
 *   HashJoinExec: Inner, a = b            HashJoinExec: Inner, a = b, publishes filter 0
 *     X                              =>     X
 *     DataSourceExec: b, c                  DataSourceExec: b, c, drops rows by filter 0 on b
 *
 * Build sides are complete before the probe side starts, also those of joins below the probe side. Filters stay in one task:
 * nothing is connected through an exchange.
 */
export function wireDynamicFilters(plan: PhysicalPlan): PhysicalPlan {
  let filterCount = 0
  // A shared subplan stays one.
  const seen = new Map<PhysicalPlan, PhysicalPlan>()
  const visit = (node: PhysicalPlan): PhysicalPlan => {
    const known = seen.get(node)
    if (known !== undefined) return known
    const nextId = (): number => filterCount++
    const wired = isHashJoin(node) ? wireJoin(node, nextId) : isTopK(node) ? wireTopK(node, nextId) : node
    const children = mapList(wired.children, visit)
    const made = children === wired.children ? wired : { ...wired, children }
    seen.set(node, made)
    return made
  }
  return visit(plan)
}

function wireJoin(join: HashJoinExec, nextId: () => number): HashJoinExec {
  if (!DROPS_PROBE_ROWS.has(join.joinType) || join.dynamicFilters !== undefined) return join
  const dynamicFilters: { id: number; key: number }[] = []
  let probe = join.children[1]
  join.on.forEach(({ right }, key) => {
    const column = plainColumn(right)
    if (column === undefined) return
    const id = nextId()
    const wired = wireScan(probe, column, id)
    if (wired === probe) return
    probe = wired
    dynamicFilters.push({ id, key })
  })
  return dynamicFilters.length === 0 ? join : { ...join, dynamicFilters, children: [join.children[0], probe] }
}

/** Rows behind the worst one that a top-k holds are of no use to it. */
function wireTopK(plan: TopKExec, nextId: () => number): TopKExec {
  const { expr } = plan.keys[0]
  const column = plainColumn(expr)
  const type = typeOf(expr)
  if (column === undefined || plan.boundFilter !== undefined || (type.kind === 'int' && !type.signed)) return plan
  const boundFilter = nextId()
  const input = wireScan(plan.children[0], column, boundFilter)
  return input === plan.children[0] ? plan : { ...plan, boundFilter, children: [input] }
}

/** The input column whose values the key has, if they are integers. */
function plainColumn(expr: Expr): number | undefined {
  const type = typeOf(expr)
  if (!hasIntegerValues(type)) return undefined
  if (expr.kind === 'input') return expr.index
  if (expr.kind !== 'cast' || type.kind !== 'int') return undefined
  // A wider integer is the same number; a narrower one may be NULL instead.
  const inner = typeOf(expr.input)
  return inner.kind === 'int' && holdsIntegers(inner, type) ? plainColumn(expr.input) : undefined
}

/** `plan` with the filter on its output column in every scan that gives it; the same plan if there is none. */
function wireScan(plan: PhysicalPlan, column: number, id: number): PhysicalPlan {
  const into = (child: number, inner: number): PhysicalPlan => {
    const wired = wireScan(plan.children[child], inner, id)
    return wired === plan.children[child]
      ? plan
      : { ...plan, children: plan.children.map((one, i) => (i === child ? wired : one)) }
  }
  if (isScan(plan)) return wireSource(plan, column, id)
  if (TRANSPARENT_KINDS.has(plan.kind)) {
    const children = mapList(plan.children, child => wireScan(child, column, id))
    return children === plan.children ? plan : { ...plan, children }
  }
  if (isProjection(plan)) {
    const inner = plainColumn(plan.exprs[column])
    return inner === undefined ? plan : into(0, inner)
  }
  if (isAggregate(plan)) {
    const inner = column < plan.groups.length ? plainColumn(plan.groups[column].expr) : undefined
    return inner === undefined ? plan : into(0, inner)
  }
  const source = isJoin(plan) ? joinColumn(plan, column) : undefined
  return source === undefined ? plan : into(...source)
}

/** The side that an output column of a join comes from, and its place there, if rows of that side may be dropped. */
function joinColumn({ joinType, children }: JoinExec, column: number): [child: number, inner: number] | undefined {
  const leftCount = JOIN_SIDES[joinType].left ? children[0].schema.fields.length : 0
  if (column < leftCount) return FOLLOWS_LEFT.has(joinType) ? [0, column] : undefined
  return FOLLOWS_RIGHT.has(joinType) ? [1, column - leftCount] : undefined
}

function wireSource(scan: DataSourceExec, column: number, id: number): DataSourceExec {
  // A scan that may stop early has to count rows that the join drops.
  if (scan.fetch !== undefined || !hasIntegerValues(scan.schema.fields[column].type)) return scan
  return { ...scan, dynamicFilters: [...(scan.dynamicFilters ?? []), { id, column }] }
}

const isHashJoin = (plan: PhysicalPlan): plan is HashJoinExec => plan.kind === 'HashJoinExec'
const isTopK = (plan: PhysicalPlan): plan is TopKExec => plan.kind === 'TopKExec'
const isJoin = (plan: PhysicalPlan): plan is JoinExec => isHashJoin(plan) || plan.kind === 'NestedLoopJoinExec'
const isScan = (plan: PhysicalPlan): plan is DataSourceExec => plan.kind === 'DataSourceExec'
const isProjection = (plan: PhysicalPlan): plan is ProjectionExec => plan.kind === 'ProjectionExec'
const isAggregate = (plan: PhysicalPlan): plan is AggregateExec => plan.kind === 'AggregateExec'
