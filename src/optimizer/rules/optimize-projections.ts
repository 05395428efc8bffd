/** Columns that nobody reads are not made: pruned down to the scans. */
import { columnsOf, replaced, substitute } from '../../logical/plan-exprs.js'
import { namedColumn, projectionPlan, type JoinPlan, type ProjectionPlan } from '../../logical/build.js'
import { columnIndex, findColumn, schemaOf } from '../../logical/schema-of.js'
import type { LogicalPlan, NamedExpr, PlanSchema } from '../../logical/plan.js'
import { equals, mapList } from '../../common/tree.js'
import type { Expr } from '../../expr/expr.js'
import { logicalRule } from '../rule.js'
import { isUniqueBy } from '../unique.js'
import { isVolatile } from '../../expr/volatile.js'

/**
 * Prunes columns that are not used above, merges adjacent projections and drops those that change nothing; and joins that give each
 * row of one side once, when only that side is used.
 *
 *   Projection: a                       Projection: t.a
 *     Projection: t.a, t.b + 1 AS c  =>   TableScan: t projection=[a]
 *       TableScan: t projection=[a, b, d]
 */
export const optimizeProjections = logicalRule('optimize_projections', 'once', plan =>
  prune(plan, allColumns(plan), 'exact'),
)

/**
 * What the parent needs of the pruned plan: `exact`: these columns in this order (it reads by position); `narrow`: these
 * columns in any order (it carries them along, so more would cost); `any`: at least these (it reads by name).
 */
type Need = 'exact' | 'narrow' | 'any'

/** Column numbers of the plan's schema. */
type Columns = ReadonlySet<number>

const allColumns = (plan: LogicalPlan): Columns => new Set(schemaOf(plan).keys())

/** The plan with only the needed columns (in the order they had), and below it only what these need. */
function prune(plan: LogicalPlan, columns: Columns, need: Need): LogicalPlan {
  switch (plan.kind) {
    case 'scan':
      return replaced(plan, { projection: keep(plan.projection, columns) })
    case 'projection':
      return pruneProjection(plan, columns, need)
    case 'filter': {
      // `any`: a projection right below would be what push_down_filter moves the filter through again.
      const input = prune(plan.input, withExprs(columns, [plan.predicate], plan.input), 'any')
      return narrowed(replaced(plan, { input }), schemaOf(plan), columns, need)
    }
    case 'sort': {
      const input = prune(
        plan.input,
        withExprs(
          columns,
          plan.keys.map(key => key.expr),
          plan.input,
        ),
        'narrow',
      )
      return narrowed(replaced(plan, { input }), schemaOf(plan), columns, need)
    }
    case 'limit':
      return replaced(plan, { input: prune(plan.input, columns, need) })
    case 'distinct': {
      const input = prune(plan.input, allColumns(plan.input), 'exact')
      return narrowed(replaced(plan, { input }), schemaOf(plan), columns, need)
    }
    case 'rowNumber': {
      const own = schemaOf(plan).length - 1
      const below = new Set([...columns].filter(column => column < own))
      const input = prune(plan.input, withExprs(below, plan.partitionBy, plan.input), 'narrow')
      return narrowed(replaced(plan, { input }), schemaOf(plan), columns, need)
    }
    case 'aggregate':
      return pruneAggregate(plan, columns, need)
    case 'join':
      return pruneJoin(plan, columns, need)
    case 'union':
      return replaced(plan, { inputs: mapList(plan.inputs, input => prune(input, columns, 'exact')) })
    case 'values':
      return columns.size === plan.schema.length ? plan : pruneValues(plan, columns)
    case 'empty':
      return replaced(plan, { schema: keep(plan.schema, columns) })
    case 'alias':
      return replaced(plan, { input: prune(plan.input, columns, need) })
    case 'write':
      return replaced(plan, { input: prune(plan.input, allColumns(plan.input), 'exact') })
  }
}

/** The list's items at `columns`; the same list if these are all. */
const keep = <T>(list: readonly T[], columns: Columns): readonly T[] =>
  columns.size === list.length ? list : list.filter((_, i) => columns.has(i))

/** The numbers of the columns that `exprs` read in the schema of `input`. */
function columnsRead(exprs: readonly Expr[], input: LogicalPlan): Columns {
  const schema = schemaOf(input)
  return new Set(exprs.flatMap(expr => columnsOf(expr).map(column => columnIndex(schema, column))))
}

const withExprs = (columns: Columns, exprs: readonly Expr[], input: LogicalPlan): Columns =>
  new Set([...columns, ...columnsRead(exprs, input)])

/** Adds a projection above a plan that still has more columns than, or another order than, is needed. */
function narrowed(plan: LogicalPlan, before: PlanSchema, columns: Columns, need: Need): LogicalPlan {
  const wanted = keep(before, columns)
  const own = schemaOf(plan)
  if (need === 'any' || (need === 'narrow' && own.length === wanted.length)) return plan
  const inPlace = own.length === wanted.length && own.every((field, i) => sameColumn(field, wanted[i]))
  return inPlace ? plan : projectionPlan(plan, wanted.map(namedColumn))
}

const sameColumn = (left: PlanSchema[number], right: PlanSchema[number]): boolean =>
  left.name === right.name && left.relation === right.relation

function pruneProjection(plan: ProjectionPlan, columns: Columns, need: Need): LogicalPlan {
  const merged = mergeProjections(replaced(plan, { exprs: keep(plan.exprs, columns) }))
  if (merged.kind !== 'projection') return merged
  const { exprs } = merged
  const read = columnsRead(
    exprs.map(({ expr }) => expr),
    merged.input,
  )
  if (!exprs.every(isIdentity) || !distinctColumns(exprs)) {
    return replaced(merged, { input: prune(merged.input, read, 'any') })
  }
  const input = prune(merged.input, read, need === 'exact' ? 'narrow' : need)
  const dropped = need !== 'exact' || hasColumns(input, exprs)
  return unlessEqual(plan, dropped ? input : replaced(merged, { input }))
}

/** Whether the plan's columns are just those of an identity projection. */
function hasColumns(plan: LogicalPlan, exprs: readonly NamedExpr[]): boolean {
  const schema = schemaOf(plan)
  return (
    schema.length === exprs.length &&
    exprs.every(({ relation, name }, i) => name === schema[i].name && relation === schema[i].relation)
  )
}

/** `before` if `after` is the same projection of the same input: it was dropped, and found to be needed. */
const unlessEqual = (before: ProjectionPlan, after: LogicalPlan): LogicalPlan =>
  after.kind === 'projection' && after.input === before.input && equals(after.exprs, before.exprs) ? before : after

/** A column under its own name. */
const isIdentity = ({ expr, relation, name }: NamedExpr): boolean =>
  expr.kind === 'column' && expr.name === name && expr.relation === relation

const distinctColumns = (exprs: readonly NamedExpr[]): boolean =>
  new Set(exprs.map(({ relation, name }) => JSON.stringify([relation, name]))).size === exprs.length

/** A projection over projections as one, unless an expression would be computed more than once or is volatile. */
function mergeProjections(plan: ProjectionPlan): ProjectionPlan {
  const input = throughAliases(plan.input)
  const schema = schemaOf(plan.input)
  if (input.kind !== 'projection' || !isMergeable(plan, input, schema)) return plan
  const inner = input.exprs.map(({ expr }) => expr)
  const exprs = plan.exprs.map(named => ({ ...named, expr: substitute(named.expr, schema, inner) }))
  return mergeProjections({ ...plan, exprs, input: input.input })
}

const throughAliases = (plan: LogicalPlan): LogicalPlan => (plan.kind === 'alias' ? throughAliases(plan.input) : plan)

/** `schema`: the columns of `inner` as `outer` names them. */
function isMergeable(outer: ProjectionPlan, inner: ProjectionPlan, schema: PlanSchema): boolean {
  const uses = new Map<number, number>()
  for (const { expr } of outer.exprs) {
    for (const column of columnsOf(expr)) {
      const index = findColumn(schema, column)
      uses.set(index, (uses.get(index) ?? 0) + 1)
    }
  }
  return inner.exprs.every(({ expr }, i) => {
    if (isVolatile(expr)) return false
    return expr.kind === 'column' || expr.kind === 'literal' || (uses.get(i) ?? 0) <= 1
  })
}

function pruneAggregate(plan: Extract<LogicalPlan, { kind: 'aggregate' }>, columns: Columns, need: Need): LogicalPlan {
  const needed = plan.aggregates.filter((_, i) => columns.has(plan.groups.length + i))
  // One aggregate stays where there are no groups: it makes the one row.
  const aggregates = needed.length + plan.groups.length === 0 ? plan.aggregates.slice(0, 1) : needed
  const kept = replaced(plan, {
    aggregates: aggregates.length === plan.aggregates.length ? plan.aggregates : aggregates,
  })
  const exprs = [...kept.groups, ...kept.aggregates].map(({ expr }) => expr)
  const input = prune(kept.input, columnsRead(exprs, kept.input), 'any')
  return narrowed(replaced(kept, { input }), schemaOf(plan), columns, need)
}

function pruneJoin(plan: JoinPlan, columns: Columns, need: Need): LogicalPlan {
  const before = schemaOf(plan)
  // Nobody asks whether the rows have partners: all of them come out, each once.
  if (plan.mark !== undefined && !columns.has(before.length - 1))
    return prune(plan.type === 'leftMark' ? plan.left : plan.right, columns, need)
  if (isOnlyPadding(plan, columns)) return prune(plan.left, columns, need)
  const filters = plan.filter === undefined ? [] : [plan.filter]
  const wanted = [...columns].map(index => before[index])
  const side = (input: LogicalPlan, keys: readonly Expr[]): LogicalPlan => {
    const schema = schemaOf(input)
    const used = [...filters, ...keys].flatMap(columnsOf)
    const indexes = [
      ...wanted.map(field => findField(schema, field)),
      ...used.map(column => findColumn(schema, column)),
    ]
    return prune(input, new Set(indexes.filter(index => index >= 0)), 'narrow')
  }
  const left = side(
    plan.left,
    plan.on.map(pair => pair.left),
  )
  const right = side(
    plan.right,
    plan.on.map(pair => pair.right),
  )
  return narrowed(replaced(plan, { left, right }), before, columns, need)
}

/** A left join of which only left columns are read, and which gives each left row once. */
function isOnlyPadding({ type, left, right, on }: JoinPlan, columns: Columns): boolean {
  const leftCount = schemaOf(left).length
  return (
    type === 'left' &&
    [...columns].every(column => column < leftCount) &&
    isUniqueBy(
      right,
      on.map(key => key.right),
    )
  )
}

const findField = (schema: PlanSchema, { relation, name }: PlanSchema[number]): number =>
  schema.findIndex(field => field.name === name && field.relation === relation)

function pruneValues(plan: Extract<LogicalPlan, { kind: 'values' }>, columns: Columns): LogicalPlan {
  return { ...plan, schema: keep(plan.schema, columns), rows: plan.rows.map(row => keep(row, columns)) }
}
