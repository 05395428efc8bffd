/** Connects joins and top-k operators with the scans below them, which then drop rows that these would drop. */
import { mapList } from '../../common/tree.js'
import { typeOf } from '../../expr/expr.js'
import { hasIntegerValues } from '../../runtime/dynamic-filter.js'
import type { DataSourceExec } from '../operators/data-source.js'
import type { HashJoinExec } from '../operators/hash-join.js'
import type { TopKExec } from '../operators/top-k.js'
import type { PhysicalPlan } from '../plan.js'
import { columnSources, DROPS_PROBE_ROWS, isHashJoin, plainColumn, withChild } from './column-source.js'

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

/** `plan` with the filter on its output column in every scan that gives it; the same plan if there is none. */
function wireScan(plan: PhysicalPlan, column: number, id: number): PhysicalPlan {
  if (isScan(plan)) return wireSource(plan, column, id)
  let wired = plan
  for (const source of columnSources(plan, column)) {
    const input = wireScan(wired.children[source.child], source.column, id)
    wired = withChild(wired, source.child, input)
  }
  return wired
}

function wireSource(scan: DataSourceExec, column: number, id: number): DataSourceExec {
  // A scan that may stop early has to count rows that the join drops.
  if (scan.fetch !== undefined || !hasIntegerValues(scan.schema.fields[column].type)) return scan
  return { ...scan, dynamicFilters: [...(scan.dynamicFilters ?? []), { id, column }] }
}

const isTopK = (plan: PhysicalPlan): plan is TopKExec => plan.kind === 'TopKExec'
const isScan = (plan: PhysicalPlan): plan is DataSourceExec => plan.kind === 'DataSourceExec'
