/** Merges what selective filters and joins leave, below operators that work better on full batches. */
import { mapList } from '../../common/tree.js'
import type { PhysicalPlan } from '../plan.js'
import { coalesceExec } from '../operators/coalesce.js'
import type { DataSourceExec } from '../operators/data-source.js'
import type { PhysicalRule } from './rule.js'

/** They read all of their input, so that merging delays no LIMIT, and pay per batch (hash tables, frames). */
const EAGER_KINDS = new Set([
  'AggregateExec',
  'EncodeExec',
  'ExchangeExec',
  'HashJoinExec',
  'NestedLoopJoinExec',
  'SortExec',
  'WriteExec',
])

/** They may keep few rows of each batch. */
const SELECTIVE_KINDS = new Set(['FilterExec', 'HashJoinExec', 'NestedLoopJoinExec'])

/**
 *   AggregateExec           AggregateExec
 *     ProjectionExec          ProjectionExec
 *       FilterExec       =>     CoalesceExec
 *         X                       FilterExec
 *                                   X
 */
export const coalesceBatches: PhysicalRule = {
  name: 'coalesce_batches',
  apply(plan) {
    if (!EAGER_KINDS.has(plan.kind)) return plan
    return withChildren(plan, aboveSelective)
  },
}

/** A scan that drops rows, a filter or a join, also below projections, with a CoalesceExec on top. */
function aboveSelective(plan: PhysicalPlan): PhysicalPlan {
  if (SELECTIVE_KINDS.has(plan.kind) || isSelectiveScan(plan)) return coalesceExec(plan)
  return plan.kind === 'ProjectionExec' ? withChildren(plan, aboveSelective) : plan
}

function isSelectiveScan(plan: PhysicalPlan): boolean {
  if (plan.kind !== 'DataSourceExec') return false
  const { source, dynamicFilters } = plan as DataSourceExec
  return dynamicFilters !== undefined || (source.kind === 'files' && source.predicate !== undefined)
}

function withChildren(plan: PhysicalPlan, change: (child: PhysicalPlan) => PhysicalPlan): PhysicalPlan {
  const children = mapList(plan.children, change)
  return children === plan.children ? plan : { ...plan, children }
}
