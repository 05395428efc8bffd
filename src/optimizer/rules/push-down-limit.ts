/** LIMIT moves towards the scans; sorts and scans learn how many rows are wanted. */
import { emptyPlan, limitPlan } from '../../logical/build.js'
import { replaced } from '../../logical/plan-exprs.js'
import { schemaOf } from '../../logical/schema-of.js'
import type { LogicalPlan } from '../../logical/plan.js'
import { logicalRule } from '../rule.js'

type Limit = Extract<LogicalPlan, { kind: 'limit' }>

/**
 * Moves LIMIT below projections and aliases, into sorts (which then keep only the first rows) and scans without
 * filters, and copies it into the inputs of unions. LIMIT 0 is empty.
 *
 *   Limit: skip=0, fetch=10                Projection: a
 *     Projection: a                 =>       Sort: b ASC NULLS LAST, fetch=10
 *       Sort: b ASC NULLS LAST                 TableScan: t
 *         TableScan: t
 */
export const pushDownLimit = logicalRule('push_down_limit', 'topDown', plan =>
  plan.kind === 'limit' ? pushLimit(plan) : plan,
)

function pushLimit(plan: Limit): LogicalPlan {
  const { input, skip, fetch } = plan
  if (fetch === 0) return emptyPlan(schemaOf(plan))
  if (skip === 0 && fetch === undefined) return input.kind === 'limit' ? pushLimit(input) : input
  const wanted = fetch === undefined ? undefined : skip + fetch
  switch (input.kind) {
    case 'limit':
      return pushLimit(mergeLimits(plan, input))
    case 'projection':
    case 'alias':
      return { ...input, input: limitPlan(input.input, skip, fetch) }
    case 'sort':
      if (wanted === undefined) return plan
      return aboveSort(plan, replaced(input, { fetch: Math.min(wanted, input.fetch ?? Infinity) }))
    case 'scan':
      if (wanted === undefined || input.filters.length > 0) return plan
      return replaced(plan, { input: replaced(input, { fetch: Math.min(wanted, input.fetch ?? Infinity) }) })
    case 'union':
      return wanted === undefined ? plan : limitInputs(plan, input, wanted)
    default:
      return plan
  }
}

/** A sort that gives exactly the wanted rows needs no limit above it. */
const aboveSort = (plan: Limit, sort: LogicalPlan): LogicalPlan =>
  plan.skip === 0 ? sort : replaced(plan, { input: sort })

/** The rows that come out of an outer limit over an inner one, as one limit. */
function mergeLimits(outer: Limit, inner: Limit): Limit {
  const skip = outer.skip + inner.skip
  const left = inner.fetch === undefined ? Infinity : Math.max(0, inner.fetch - outer.skip)
  const fetch = Math.min(left, outer.fetch ?? Infinity)
  return { kind: 'limit', input: inner.input, skip, ...(fetch === Infinity ? {} : { fetch }) }
}

/** No input of a union has to give more than the limit takes of all. */
function limitInputs(plan: Limit, union: Extract<LogicalPlan, { kind: 'union' }>, wanted: number): LogicalPlan {
  if (union.inputs.every(input => givesAtMost(input, wanted))) return plan
  const inputs = union.inputs.map(input => (givesAtMost(input, wanted) ? input : limitPlan(input, 0, wanted)))
  return { ...plan, input: { ...union, inputs } }
}

/** Whether a plan is known to give no more than `rows` rows. */
function givesAtMost(plan: LogicalPlan, rows: number): boolean {
  switch (plan.kind) {
    case 'limit':
    case 'sort':
      return (plan.fetch !== undefined && plan.fetch <= rows) || givesAtMost(plan.input, rows)
    case 'projection':
    case 'alias':
    case 'filter':
    case 'distinct':
      return givesAtMost(plan.input, rows)
    case 'values':
      return plan.rows.length <= rows
    case 'empty':
      return !plan.oneRow || rows >= 1
    default:
      return false
  }
}
