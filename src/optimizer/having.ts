/** The part of the groups of an aggregate that a predicate over its result keeps, by the bounds of what is aggregated. */
import type { AggregateExpr, Expr } from '../expr/expr.js'
import type { LogicalPlan } from '../logical/plan.js'
import { fieldColumn, findColumn, schemaOf } from '../logical/schema-of.js'
import { distinctValues, numberOf, originOf, tableRows } from './column-statistics.js'

type AggregatePlan = Extract<LogicalPlan, { kind: 'aggregate' }>

/** Who groups rows has groups of several; counts of values are mostly bounds, which may say otherwise. */
const LEAST_GROUP = 2

/**
 * Part of the groups whose `result` is above `value`; undefined where that is no result of an aggregate or too little is known. Values are
 * taken to be spread evenly between their bounds, and the rows of a group to be a Poisson distributed number.
 */
export function partAbove(result: Expr, value: number, plan: LogicalPlan): number | undefined {
  const found = aggregateOf(result, plan)
  if (found === undefined) return undefined
  const { call, over } = found
  const rows = groupSize(over)
  if (rows === undefined || call.distinct || call.filter !== undefined) return undefined
  if (call.name === 'count') return above(value, rows, rows)
  const bounds = boundsOf(call.args[0], over.input)
  if (bounds === undefined) return undefined
  const { min, max } = bounds
  const mean = (min + max) / 2
  const variance = (max - min) ** 2 / 12
  const below = Math.min(1, Math.max(0, (value - min) / (max - min)))
  switch (call.name) {
    case 'sum':
      return above(value, rows * mean, rows * (variance + mean ** 2))
    case 'avg':
      return above(value, mean, variance / rows)
    case 'max':
      return 1 - below ** rows
    case 'min':
      return (1 - below) ** rows
    default:
      return undefined
  }
}

/** Of a normal distribution, by the logistic one that is nearest. */
const above = (value: number, mean: number, variance: number): number =>
  1 / (1 + Math.exp((1.702 * (value - mean)) / Math.sqrt(variance)))

/** The aggregate whose result a column is, through projections and aliases. */
function aggregateOf(expr: Expr, plan: LogicalPlan): { call: AggregateExpr; over: AggregatePlan } | undefined {
  if (expr.kind === 'cast') return aggregateOf(expr.input, plan)
  const index = expr.kind === 'column' ? findColumn(schemaOf(plan), expr) : -1
  if (index < 0) return undefined
  switch (plan.kind) {
    case 'filter':
    case 'sort':
    case 'limit':
      return aggregateOf(expr, plan.input)
    case 'alias':
      return aggregateOf(fieldColumn(schemaOf(plan.input)[index]), plan.input)
    case 'projection':
      return aggregateOf(plan.exprs[index].expr, plan.input)
    case 'aggregate': {
      const call = plan.aggregates[index - plan.groups.length]?.expr
      return call?.kind === 'aggregate' ? { call, over: plan } : undefined
    }
    default:
      return undefined
  }
}

/** Rows of a group on average, where the values of all group columns are known; filters are taken to thin all groups out. */
function groupSize({ groups, input }: AggregatePlan): number | undefined {
  const values = groups.map(({ expr }) => distinctValues(expr, input))
  let product = 1
  let rows = 0
  for (const known of values) {
    if (known === undefined) return undefined
    product *= known.count
    rows = Math.max(rows, tableRows(known.scan))
  }
  return groups.length === 0 ? undefined : Math.max(LEAST_GROUP, rows / product)
}

function boundsOf(expr: Expr | undefined, plan: LogicalPlan): { min: number; max: number } | undefined {
  const origin = expr === undefined ? undefined : originOf(expr, plan)
  if (origin?.statistics === undefined) return undefined
  const [min, max] = [numberOf(origin.statistics.min, origin.type), numberOf(origin.statistics.max, origin.type)]
  return min === undefined || max === undefined || max <= min ? undefined : { min, max }
}
