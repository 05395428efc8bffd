/** AggregateExec: GROUP BY and aggregate functions, in one phase or split in a partial and a final one. */
import { field, type Field, type Schema } from '../../arrow/schema.js'
import { INT64 } from '../../arrow/types.js'
import { invariant } from '../../common/invariant.js'
import { aggregateExpr, inputExpr } from '../../expr/build.js'
import { displayExpr } from '../../expr/display.js'
import { typeOf, type AggregateExpr, type Expr } from '../../expr/expr.js'
import { stateTypesOf } from '../../expr/functions/aggregate/open.js'
import type { LogicalPlan, NamedExpr } from '../../logical/plan.js'
import { schemaOf as logicalSchemaOf } from '../../logical/schema-of.js'
import { defineOperator, type Distribution, type LowerContext, type PhysicalPlan, type Properties } from '../plan.js'
import { projectProperties, withRowCount } from '../properties.js'
import { numbersSample } from '../samples.js'
import { isDistinct } from './aggregate-program.js'
import { openAggregate } from './aggregate-run.js'

export interface AggregateExec extends PhysicalPlan {
  readonly kind: 'AggregateExec'
  /**
   * `partial` gives the group columns, then the state columns of each aggregate; `final` reads exactly that: its group
   * expressions are inputs 0..g-1, the arguments and filters of its aggregates are those of the partial phase and not evaluated.
   */
  readonly mode: 'single' | 'partial' | 'final'
  readonly groups: readonly { readonly expr: Expr; readonly name: string }[]
  readonly aggregates: readonly { readonly expr: AggregateExpr; readonly name: string }[]
}

/** An aggregate over distinct values cannot be split: its input must come by groups. */
export const hasDistinct = (plan: AggregateExec): boolean => plan.aggregates.some(({ expr }) => isDistinct(expr))

/** The partial phase of a `single` aggregate without DISTINCT, over the same input. */
export function partialAggregate(plan: AggregateExec): AggregateExec {
  const groups = plan.schema.fields.slice(0, plan.groups.length)
  return { ...plan, mode: 'partial', schema: { fields: [...groups, ...plan.aggregates.flatMap(stateFields)] } }
}

/** The final phase of a `single` aggregate, over an input with the schema of its partial phase. */
export function finalAggregate(plan: AggregateExec, input: PhysicalPlan): AggregateExec {
  const groups = plan.groups.map(({ name, expr }, index) => ({ name, expr: inputExpr(index, name, typeOf(expr)) }))
  return { ...plan, mode: 'final', groups, children: [input] }
}

function stateFields({ expr, name }: AggregateExec['aggregates'][number]): Field[] {
  return stateTypesOf(expr).map((type, index) => field(`${name}[${index}]`, type))
}

/**
 * Groups rows (NULL equals NULL) and folds the aggregates of each group; no groups: exactly one row, also for no input. Holds
 * one state a group, gives batches at the end, in order of the first row of each group.
 */
export const aggregateOperator = defineOperator<AggregateExec>({
  kind: 'AggregateExec',
  properties: (plan, [input]) => properties(plan, input),
  requiredDistribution: plan => [required(plan)],
  details(plan) {
    const groups = plan.groups.map(({ expr, name }) => `${displayExpr(expr)} as ${name}`)
    const aggregates = plan.aggregates.map(({ name }) => name)
    const mode = { single: 'Single', partial: 'Partial', final: 'Final' }[plan.mode]
    return `mode=${mode}, gby=[${groups.join(', ')}], aggr=[${aggregates.join(', ')}]`
  },
  lower(plan, [input], context) {
    if (plan.kind === 'aggregate') return lowerAggregate(plan, input, context)
    return plan.kind === 'distinct' ? lowerDistinct(input) : undefined
  },
  open: (plan, ctx) => openAggregate(plan, ctx),
  samples: () => samples(),
})

function properties(plan: AggregateExec, input: Properties): Properties {
  const { partitioning } = projectProperties({ ...input, ordering: [] }, plan.groups)
  const count = partitioning.kind === 'single' ? 1 : partitioning.count
  const rowCount =
    plan.groups.length === 0 ? count : input.rowCount === undefined ? undefined : Math.ceil(input.rowCount / 10)
  return withRowCount({ partitioning, ordering: [] }, rowCount)
}

function required(plan: AggregateExec): Distribution {
  if (plan.mode === 'partial') return { kind: 'any' }
  return plan.groups.length === 0 ? { kind: 'single' } : { kind: 'hash', exprs: plan.groups.map(({ expr }) => expr) }
}

function lowerAggregate(
  plan: Extract<LogicalPlan, { kind: 'aggregate' }>,
  input: PhysicalPlan,
  context: LowerContext,
): AggregateExec {
  const resolve = ({ expr, name }: NamedExpr): { expr: Expr; name: string } => ({
    expr: context.resolve(expr, plan.input),
    name,
  })
  const aggregates = plan.aggregates.map(resolve).map(({ expr, name }) => {
    invariant(expr.kind === 'aggregate', 'an aggregate plan holds aggregates')
    return { expr, name }
  })
  const fields = logicalSchemaOf(plan).map(({ name, type, nullable }) => field(name, type, nullable))
  return aggregateExec(input, plan.groups.map(resolve), aggregates, { fields })
}

const aggregateExec = (
  input: PhysicalPlan,
  groups: AggregateExec['groups'],
  aggregates: AggregateExec['aggregates'],
  schema: Schema,
): AggregateExec => ({
  kind: 'AggregateExec',
  mode: 'single',
  groups,
  aggregates,
  schema,
  children: [input],
})

const lowerDistinct = (input: PhysicalPlan): AggregateExec =>
  aggregateExec(
    input,
    input.schema.fields.map(({ name, type, nullable }, index) => ({
      expr: inputExpr(index, name, type, nullable),
      name,
    })),
    [],
    input.schema,
  )

function samples(): AggregateExec[] {
  const input = numbersSample()
  const [id, name] = input.schema.fields.map(({ name, type }, index) => inputExpr(index, name, type))
  const calls = [
    aggregateExpr('count', []),
    aggregateExpr('sum', [id]),
    aggregateExpr('max', [name]),
    aggregateExpr('avg', [id]),
  ]
  const aggregates = calls.map(expr => ({ expr, name: displayExpr(expr) }))
  const fields = aggregates.map(({ expr, name }) => field(name, expr.type))
  const distinct = aggregateExpr('count', [id], { distinct: true })
  const byName = aggregateExec(input, [{ expr: name, name: 'name' }], aggregates, {
    fields: [input.schema.fields[1], ...fields],
  })
  const total = aggregateExec(input, [], aggregates, { fields })
  return [
    byName,
    total,
    finalAggregate(byName, partialAggregate(byName)),
    finalAggregate(total, partialAggregate(total)),
    aggregateExec(input, [{ expr: name, name: 'name' }], [{ expr: distinct, name: 'n' }], {
      fields: [input.schema.fields[1], field('n', INT64)],
    }),
    lowerDistinct(input),
  ]
}
