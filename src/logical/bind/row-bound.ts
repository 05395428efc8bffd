/** How many rows a plan gives whatever the data are: what makes a scalar subquery legal. */
import type { LogicalPlan } from '../plan.js'

/** Exactly one row, at most one, or not known. */
export function rowBound(plan: LogicalPlan): 'one' | 'atMostOne' | 'many' {
  switch (plan.kind) {
    case 'aggregate':
      return plan.groups.length === 0 ? 'one' : 'many'
    case 'empty':
      return plan.oneRow ? 'one' : 'atMostOne'
    case 'values':
      return plan.rows.length === 1 ? 'one' : 'many'
    case 'projection':
    case 'alias':
    case 'distinct':
    case 'rowNumber':
      return rowBound(plan.input)
    case 'filter':
      return rowBound(plan.input) === 'many' ? 'many' : 'atMostOne'
    case 'sort':
    case 'limit':
      if (plan.kind === 'sort' && plan.fetch === undefined) return rowBound(plan.input)
      return rowBound(plan.input) === 'many' && (plan.fetch === undefined || plan.fetch > 1) ? 'many' : 'atMostOne'
    case 'write':
      return 'one'
    case 'join':
    case 'scan':
    case 'union':
      return 'many'
  }
}
