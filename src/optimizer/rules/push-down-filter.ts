/** Filters move towards the scans, and into them. */
import { conjunction, disjunction, splitConjunction, splitDisjunction } from '../../expr/build.js'
import { equals } from '../../common/tree.js'
import type { Expr } from '../../expr/expr.js'
import { filterAll, joinKey, withJoinParts, type JoinPlan } from '../../logical/build.js'
import { columnsOf, isOver, rebase, substitute } from '../../logical/plan-exprs.js'
import { schemaOf } from '../../logical/schema-of.js'
import type { LogicalJoinType, LogicalPlan } from '../../logical/plan.js'
import { logicalRule } from '../rule.js'
import { distinctExprs } from '../simplify.js'
import { isVolatile } from '../../expr/volatile.js'

type Filter = Extract<LogicalPlan, { kind: 'filter' }>

/**
 * Moves each conjunct of a filter as far down as it may go: through projections, aliases, sorts, unions, DISTINCT and
 * the group columns of aggregates; into the side of a join that it is about, or the condition of an inner join; into
 * the scan. Never through LIMIT. Volatile conjuncts stay.
 *
 *   Filter: a.x = b.y AND a.z > 1         Inner Join: a.x = b.y
 *     Cross Join:                    =>     TableScan: a full_filters=[a.z > 1]
 *       TableScan: a                        TableScan: b
 *       TableScan: b
 */
export const pushDownFilter = logicalRule('push_down_filter', 'topDown', plan => {
  const pushed = plan.kind === 'filter' ? pushFilter(plan) : plan
  return pushed.kind === 'join' ? pushJoinFilter(pushed) : pushed
})

function pushFilter(plan: Filter): LogicalPlan {
  const { input } = plan
  const conjuncts = distinctExprs(splitConjunction(plan.predicate))
  const movable = conjuncts.filter(expr => !isVolatile(expr))
  const fixed = conjuncts.filter(isVolatile)
  if (movable.length === 0) return plan
  const { below, kept } = pushInto(movable, input)
  if (below === undefined) return plan
  const left = [...kept, ...fixed]
  return left.length === 0 && below.kind === 'filter' ? pushFilter(below) : filterAll(below, left)
}

/** The input with the conjuncts that could go below its node, and those that could not; `below` undefined: none could. */
interface Pushed {
  readonly below: LogicalPlan | undefined
  readonly kept: readonly Expr[]
}

function pushInto(conjuncts: readonly Expr[], input: LogicalPlan): Pushed {
  switch (input.kind) {
    case 'filter':
      return all({
        ...input,
        predicate: conjunction([...splitConjunction(input.predicate), ...conjuncts]) ?? input.predicate,
      })
    case 'projection':
      return pushThroughProjection(conjuncts, input)
    case 'alias': {
      const renamed = conjuncts.map(expr => rebase(expr, schemaOf(input), schemaOf(input.input)))
      return all({ ...input, input: filterAll(input.input, renamed) })
    }
    case 'aggregate':
      return pushThroughAggregate(conjuncts, input)
    case 'join':
      return pushIntoJoin(conjuncts, input)
    case 'union': {
      const schema = schemaOf(input)
      const push = (child: LogicalPlan): LogicalPlan =>
        filterAll(
          child,
          conjuncts.map(expr => rebase(expr, schema, schemaOf(child))),
        )
      return all({ ...input, inputs: input.inputs.map(push) })
    }
    case 'sort':
      if (input.fetch !== undefined) return none(conjuncts)
      return all({ ...input, input: filterAll(input.input, conjuncts) })
    case 'distinct':
      return all({ ...input, input: filterAll(input.input, conjuncts) })
    case 'rowNumber': {
      // Whole keys may be dropped below; dropping single rows would change the numbers of the others.
      const { down, kept } = split(conjuncts, expr => isOverKeys(expr, input.partitionBy))
      return down.length === 0 ? none(kept) : { below: { ...input, input: filterAll(input.input, down) }, kept }
    }
    case 'scan':
      if (input.fetch !== undefined) return none(conjuncts)
      return all({ ...input, filters: distinctExprs([...input.filters, ...conjuncts]) })
    case 'limit':
    case 'values':
    case 'empty':
    case 'write':
      return none(conjuncts)
  }
}

const isOverKeys = (expr: Expr, keys: readonly Expr[]): boolean =>
  !isVolatile(expr) && columnsOf(expr).every(column => keys.some(key => equals(key, column)))

const all = (below: LogicalPlan): Pushed => ({ below, kept: [] })

const none = (kept: readonly Expr[]): Pushed => ({ below: undefined, kept })

/** Splits by a test; those that pass go below. */
function split(
  conjuncts: readonly Expr[],
  test: (expr: Expr) => boolean,
): { down: readonly Expr[]; kept: readonly Expr[] } {
  return { down: conjuncts.filter(test), kept: conjuncts.filter(expr => !test(expr)) }
}

function pushThroughProjection(
  conjuncts: readonly Expr[],
  input: Extract<LogicalPlan, { kind: 'projection' }>,
): Pushed {
  const exprs = input.exprs.map(({ expr }) => expr)
  const lowered = (expr: Expr): Expr => substitute(expr, schemaOf(input), exprs)
  const { down, kept } = split(conjuncts, expr => !isVolatile(lowered(expr)))
  if (down.length === 0) return none(kept)
  return { below: { ...input, input: filterAll(input.input, down.map(lowered)) }, kept }
}

/** Only what is about group columns; and nothing without groups, where one row comes out even of no rows. */
function pushThroughAggregate(conjuncts: readonly Expr[], input: Extract<LogicalPlan, { kind: 'aggregate' }>): Pushed {
  const groups = schemaOf(input).slice(0, input.groups.length)
  const exprs = input.groups.map(({ expr }) => expr)
  const { down, kept } = split(conjuncts, expr => groups.length > 0 && isOver(expr, groups))
  if (down.length === 0) return none(kept)
  return {
    below: {
      ...input,
      input: filterAll(
        input.input,
        down.map(expr => substitute(expr, groups, exprs)),
      ),
    },
    kept,
  }
}

/** The sides whose rows come out of the join unchanged: a filter above it on them may go below it. */
const PRESERVED: Readonly<Record<LogicalJoinType, { left: boolean; right: boolean }>> = {
  inner: { left: true, right: true },
  left: { left: true, right: false },
  right: { left: false, right: true },
  full: { left: false, right: false },
  leftSemi: { left: true, right: false },
  leftAnti: { left: true, right: false },
  leftMark: { left: true, right: false },
  rightSemi: { left: false, right: true },
  rightAnti: { left: false, right: true },
  rightMark: { left: false, right: true },
}

function pushIntoJoin(conjuncts: readonly Expr[], join: JoinPlan): Pushed {
  const sides = PRESERVED[join.type]
  const [leftSchema, rightSchema] = [schemaOf(join.left), schemaOf(join.right)]
  const left = split(conjuncts, expr => sides.left && isOver(expr, leftSchema))
  const right = split(left.kept, expr => sides.right && isOver(expr, rightSchema))
  const inner = join.type === 'inner' ? right.kept : []
  if (left.down.length + right.down.length + inner.length === 0) return none(conjuncts)
  const keys = inner.flatMap(expr => joinKey(expr, leftSchema, rightSchema) ?? [])
  const residual = inner.filter(expr => joinKey(expr, leftSchema, rightSchema) === undefined)
  const below = withJoinParts(join, {
    left: filterAll(join.left, [...left.down, ...residual.flatMap(expr => implied(expr, leftSchema) ?? [])]),
    right: filterAll(join.right, [...right.down, ...residual.flatMap(expr => implied(expr, rightSchema) ?? [])]),
    on: [...join.on, ...keys],
    residual: [...(join.filter === undefined ? [] : splitConjunction(join.filter)), ...residual],
  })
  return { below, kept: join.type === 'inner' ? [] : right.kept }
}

/** What an OR says about one side alone: `(a = 1 AND b = 2) OR (a = 3 AND b = 4)` implies `a = 1 OR a = 3`. */
function implied(expr: Expr, schema: ReturnType<typeof schemaOf>): Expr | undefined {
  const branches = splitDisjunction(expr)
  if (branches.length < 2) return undefined
  const parts = branches.map(branch => conjunction(splitConjunction(branch).filter(term => isOver(term, schema))))
  return parts.includes(undefined) ? undefined : disjunction(parts.filter(part => part !== undefined))
}

/** The sides whose rows can be dropped early when the join condition cannot hold for them. */
const FILTERED_EARLY: Readonly<Record<LogicalJoinType, { left: boolean; right: boolean }>> = {
  inner: { left: true, right: true },
  left: { left: false, right: true },
  right: { left: true, right: false },
  full: { left: false, right: false },
  leftSemi: { left: true, right: true },
  leftAnti: { left: false, right: true },
  leftMark: { left: false, right: true },
  rightSemi: { left: true, right: true },
  rightAnti: { left: true, right: false },
  rightMark: { left: true, right: false },
}

/** Conjuncts of the join condition that are about one side go into it; equalities of an inner join become keys. */
function pushJoinFilter(join: JoinPlan): LogicalPlan {
  if (join.filter === undefined) return join
  const sides = FILTERED_EARLY[join.type]
  const [leftSchema, rightSchema] = [schemaOf(join.left), schemaOf(join.right)]
  const movable = (expr: Expr): boolean => !isVolatile(expr)
  const left = split(splitConjunction(join.filter), expr => sides.left && movable(expr) && isOver(expr, leftSchema))
  const right = split(left.kept, expr => sides.right && movable(expr) && isOver(expr, rightSchema))
  const keys = right.kept.flatMap(expr => joinKey(expr, leftSchema, rightSchema) ?? [])
  const residual = right.kept.filter(expr => joinKey(expr, leftSchema, rightSchema) === undefined)
  if (left.down.length + right.down.length + keys.length === 0) return join
  return withJoinParts(join, {
    left: filterAll(join.left, left.down),
    right: filterAll(join.right, right.down),
    on: [...join.on, ...keys],
    residual,
  })
}
