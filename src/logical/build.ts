/** Small constructors of logical plans, shared by the binder, the optimizer and the DataFrame API. */
import type { TableProvider } from '../catalog/table-provider.js'
import type { StagedWrite } from '../catalog/table-write.js'
import { conjunction, splitConjunction } from '../expr/build.js'
import type { Expr, SortKey } from '../expr/expr.js'
import { isOver } from './plan-exprs.js'
import { fieldColumn, schemaOf } from './schema-of.js'
import type { LogicalJoinType, LogicalPlan, MarkColumn, NamedExpr, PlanSchema } from './plan.js'

export type JoinPlan = Extract<LogicalPlan, { kind: 'join' }>
export type ScanPlanNode = Extract<LogicalPlan, { kind: 'scan' }>
export type ProjectionPlan = Extract<LogicalPlan, { kind: 'projection' }>

/** All columns of a table under the name `relation`. */
export const scanPlan = (table: string, relation: string, provider: TableProvider): LogicalPlan => ({
  kind: 'scan',
  table,
  relation,
  provider,
  projection: provider.schema.fields.map((_, index) => index),
  filters: [],
})

/** `input` itself when there is no predicate. */
export const filterPlan = (input: LogicalPlan, predicate: Expr | undefined): LogicalPlan =>
  predicate === undefined ? input : { kind: 'filter', input, predicate }

/** A filter of all `predicates`; `input` itself when there are none. */
export const filterAll = (input: LogicalPlan, predicates: readonly Expr[]): LogicalPlan =>
  filterPlan(input, conjunction(predicates))

export const projectionPlan = (input: LogicalPlan, exprs: readonly NamedExpr[]): LogicalPlan => ({
  kind: 'projection',
  input,
  exprs,
})

export const aggregatePlan = (
  input: LogicalPlan,
  groups: readonly NamedExpr[],
  aggregates: readonly NamedExpr[],
): LogicalPlan => ({ kind: 'aggregate', input, groups, aggregates })

export const sortPlan = (input: LogicalPlan, keys: readonly SortKey[], fetch?: number): LogicalPlan =>
  fetch === undefined ? { kind: 'sort', input, keys } : { kind: 'sort', input, keys, fetch }

/** Skips `skip` rows, then gives at most `fetch` (absent: all). */
export const limitPlan = (input: LogicalPlan, skip: number, fetch?: number): LogicalPlan =>
  fetch === undefined ? { kind: 'limit', input, skip } : { kind: 'limit', input, skip, fetch }

export const distinctPlan = (input: LogicalPlan): LogicalPlan => ({ kind: 'distinct', input })

export const rowNumberPlan = (input: LogicalPlan, partitionBy: readonly Expr[], name: string): LogicalPlan => ({
  kind: 'rowNumber',
  input,
  partitionBy,
  name,
})

export const aliasPlan = (input: LogicalPlan, relation: string): LogicalPlan => ({ kind: 'alias', input, relation })

/** UNION ALL of inputs with the same column count and types. */
export const unionPlan = (inputs: readonly LogicalPlan[]): LogicalPlan => ({ kind: 'union', inputs })

export const emptyPlan = (schema: PlanSchema): LogicalPlan => ({ kind: 'empty', schema, oneRow: false })

/** The input of a SELECT without FROM: one row without columns. */
export const oneRowPlan = (): LogicalPlan => ({ kind: 'empty', schema: [], oneRow: true })

export const writePlan = (input: LogicalPlan, staged: StagedWrite): LogicalPlan => ({ kind: 'write', input, staged })

/**
 * A join whose condition may be any predicate over both sides: equalities of a left with a right expression become
 * `on` keys, the other conjuncts the `filter`.
 */
export function joinPlan(left: LogicalPlan, right: LogicalPlan, type: LogicalJoinType, condition?: Expr): JoinPlan {
  const { on, rest } = splitJoinCondition(condition, schemaOf(left), schemaOf(right))
  return makeJoin(left, right, type, on, rest)
}

/** A join from separated keys and residual conjuncts. */
export function makeJoin(
  left: LogicalPlan,
  right: LogicalPlan,
  type: LogicalJoinType,
  on: JoinPlan['on'],
  residual: readonly Expr[],
): JoinPlan {
  const filter = conjunction(residual)
  const join = { kind: 'join', left, right, type, on } as const
  return filter === undefined ? join : { ...join, filter }
}

/** Marks the rows of `left` that have a partner in `right`, in the column `mark`. */
export const markJoin = (left: LogicalPlan, right: LogicalPlan, mark: MarkColumn, condition?: Expr): JoinPlan => ({
  ...joinPlan(left, right, 'leftMark', condition),
  mark,
})

/** The join with other sides and another condition. */
export function withJoinParts(
  join: JoinPlan,
  parts: {
    readonly left: LogicalPlan
    readonly right: LogicalPlan
    readonly on: JoinPlan['on']
    readonly residual: readonly Expr[]
  },
): JoinPlan {
  const made = makeJoin(parts.left, parts.right, join.type, parts.on, parts.residual)
  return join.mark === undefined ? made : { ...made, mark: join.mark }
}

/** The equi-keys of a join condition, and its other conjuncts. */
export function splitJoinCondition(
  condition: Expr | undefined,
  left: PlanSchema,
  right: PlanSchema,
): { on: JoinPlan['on']; rest: readonly Expr[] } {
  const on: { left: Expr; right: Expr }[] = []
  const rest: Expr[] = []
  for (const conjunct of condition === undefined ? [] : splitConjunction(condition)) {
    const key = joinKey(conjunct, left, right)
    if (key === undefined) rest.push(conjunct)
    else on.push(key)
  }
  return { on, rest }
}

/** The two sides of `l = r` when one is over `left` and the other over `right`, both with columns; else undefined. */
export function joinKey(conjunct: Expr, left: PlanSchema, right: PlanSchema): JoinPlan['on'][number] | undefined {
  if (conjunct.kind !== 'binary' || conjunct.op !== '=') return undefined
  const { left: a, right: b } = conjunct
  if (isKeyOver(a, left) && isKeyOver(b, right)) return { left: a, right: b }
  return isKeyOver(b, left) && isKeyOver(a, right) ? { left: b, right: a } : undefined
}

const isKeyOver = (expr: Expr, schema: PlanSchema): boolean =>
  expr.kind !== 'literal' && isOver(expr, schema) && !isConstant(expr)

const isConstant = (expr: Expr): boolean => isOver(expr, [])

/** The column itself under its own name. */
export const namedColumn = (field: PlanSchema[number]): NamedExpr =>
  field.relation === undefined
    ? { expr: fieldColumn(field), name: field.name }
    : { expr: fieldColumn(field), relation: field.relation, name: field.name }

/** `plan` with exactly the columns of `schema`, in its order; `plan` itself if it has them so. */
export function withColumns(plan: LogicalPlan, schema: PlanSchema): LogicalPlan {
  const own = schemaOf(plan)
  const same =
    own.length === schema.length &&
    own.every((field, i) => field.name === schema[i].name && field.relation === schema[i].relation)
  return same ? plan : projectionPlan(plan, schema.map(namedColumn))
}
