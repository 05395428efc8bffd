/** A tree of inner joins as a graph: relations, classes of equal expressions, and the other conditions between them. */
import { sameType, type DataType } from '../arrow/types.js'
import { equals } from '../common/tree.js'
import { binaryExpr, splitConjunction } from '../expr/build.js'
import { typeOf, type Expr } from '../expr/expr.js'
import { filterAll, makeJoin, type JoinPlan } from '../logical/build.js'
import { columnsOf } from '../logical/plan-exprs.js'
import { findColumn, schemaOf } from '../logical/schema-of.js'
import type { LogicalPlan } from '../logical/plan.js'
import { estimateRows } from './cardinality.js'
import { distinctValues, type DistinctValues } from './column-statistics.js'
import { guess } from './selectivity.js'

/** Which relations are joined in which shape: the number of a relation, or a pair. */
export type JoinShape = number | { readonly left: JoinShape; readonly right: JoinShape }

/** An expression over one relation that equals the other members of its class in every result row. */
export interface ClassMember {
  readonly relation: number
  readonly expr: Expr
  readonly distinct: DistinctValues | undefined
}

export interface Condition {
  readonly expr: Expr
  /** Bit r: it has columns of relation r. */
  readonly relations: bigint
  readonly selectivity: number
  /** An equality of two relations that is a join key although it is in no class. */
  readonly isKey: boolean
}

export interface JoinGraph {
  /** In written order, with the conditions on them alone as filters. */
  readonly relations: readonly LogicalPlan[]
  readonly rows: readonly number[]
  /** At most one member a relation. */
  readonly classes: readonly (readonly ClassMember[])[]
  /** Over at least two relations. */
  readonly conditions: readonly Condition[]
  /** Over none. */
  readonly constants: readonly Expr[]
}

/** The relations of a tree of inner joins, also through projections that only drop columns; its shape; its conditions. */
export interface JoinTree {
  readonly relations: readonly LogicalPlan[]
  readonly shape: JoinShape
  readonly predicates: readonly Expr[]
}

export function joinTree(join: JoinPlan): JoinTree {
  const relations: LogicalPlan[] = []
  const predicates: Expr[] = []
  const visit = (plan: LogicalPlan): JoinShape => {
    const inner = throughPruning(plan)
    if (inner.kind !== 'join' || inner.type !== 'inner') return relations.push(plan) - 1
    const shape = { left: visit(inner.left), right: visit(inner.right) }
    for (const { left, right } of inner.on) predicates.push(binaryExpr('=', left, right))
    if (inner.filter !== undefined) predicates.push(...splitConjunction(inner.filter))
    return shape
  }
  const shape = visit(join)
  return { relations, shape, predicates }
}

/** The join below projections of plain columns under their own names; else the plan itself. */
function throughPruning(plan: LogicalPlan): LogicalPlan {
  if (plan.kind !== 'projection') return plan
  const isPruning = plan.exprs.every(
    ({ expr, relation, name }) => expr.kind === 'column' && expr.name === name && expr.relation === relation,
  )
  return isPruning ? throughPruning(plan.input) : plan
}

/** Equalities become classes: what equals the same equals each other, which gives edges that nobody wrote. */
export function joinGraph({ relations, predicates }: JoinTree): JoinGraph {
  const all = predicates.map(expr => ({ expr, relations: relationsOf(expr, relations) }))
  const members: { relation: number; expr: Expr; group: number }[] = []
  const rest: { expr: Expr; relations: readonly number[] }[] = []
  for (const predicate of all) if (!unite(predicate, members, relations)) rest.push(predicate)
  const local = localConditions(relations.length, members, rest)
  const filtered = relations.map((plan, r) => filterAll(plan, local[r]))
  const whole = filtered.reduce((left, right) => makeJoin(left, right, 'inner', [], []))
  return {
    relations: filtered,
    rows: filtered.map(estimateRows),
    classes: classesOf(members, filtered),
    conditions: rest
      .filter(condition => condition.relations.length > 1)
      .map(({ expr, relations: over }) => ({
        expr,
        relations: over.reduce((set, relation) => set | (1n << BigInt(relation)), 0n),
        selectivity: guess(expr, whole),
        isKey: sidesOf(expr, relations) !== undefined,
      })),
    constants: rest.filter(condition => condition.relations.length === 0).map(({ expr }) => expr),
  }
}

function relationsOf(expr: Expr, relations: readonly LogicalPlan[]): readonly number[] {
  const found = columnsOf(expr).map(column => relations.findIndex(plan => findColumn(schemaOf(plan), column) >= 0))
  return [...new Set(found)].sort((left, right) => left - right)
}

/** The two sides of an equality of expressions over one relation each, with the relations; else undefined. */
function sidesOf(
  expr: Expr,
  relations: readonly LogicalPlan[],
): readonly { readonly relation: number; readonly expr: Expr }[] | undefined {
  if (expr.kind !== 'binary' || expr.op !== '=') return undefined
  const sides = [expr.left, expr.right].map(side => ({ expr: side, over: relationsOf(side, relations) }))
  if (sides.some(({ over }) => over.length !== 1)) return undefined
  return sides.map(side => ({ expr: side.expr, relation: side.over[0] }))
}

/** Puts the sides of an equality into one class; false if the predicate is none, or not transitive. */
function unite(
  predicate: { readonly expr: Expr },
  members: { relation: number; expr: Expr; group: number }[],
  relations: readonly LogicalPlan[],
): boolean {
  const sides = sidesOf(predicate.expr, relations)
  if (sides === undefined || !isTransitive(typeOf(sides[0].expr), typeOf(sides[1].expr))) return false
  const [left, right] = sides.map(({ relation, expr }) => {
    const known = members.find(member => member.relation === relation && equals(member.expr, expr))
    if (known !== undefined) return known
    const member = { relation, expr, group: members.length }
    members.push(member)
    return member
  })
  const joined = right.group
  for (const member of members) if (member.group === joined) member.group = left.group
  return true
}

/** Equality of these types is exact: integers compared as floats are not, and so two that equal one float may differ. */
function isTransitive(left: DataType, right: DataType): boolean {
  const isExact = ({ kind }: DataType): boolean => kind === 'int' || kind === 'decimal'
  return sameType(left, right) || (isExact(left) && isExact(right))
}

/** By relation: conditions over it alone, and equalities of its own expressions that follow from the classes. */
function localConditions(
  count: number,
  members: readonly { relation: number; expr: Expr; group: number }[],
  rest: readonly { expr: Expr; relations: readonly number[] }[],
): readonly (readonly Expr[])[] {
  return Array.from({ length: count }, (_, relation) => {
    const own = members.filter(member => member.relation === relation)
    const equalities = own.flatMap((member, i) => {
      const earlier = own.slice(0, i).find(other => other.group === member.group)
      return earlier === undefined ? [] : [binaryExpr('=', earlier.expr, member.expr)]
    })
    const alone = rest.filter(({ relations }) => relations.length === 1 && relations[0] === relation)
    return [...alone.map(({ expr }) => expr), ...equalities]
  })
}

function classesOf(
  members: readonly { relation: number; expr: Expr; group: number }[],
  relations: readonly LogicalPlan[],
): readonly (readonly ClassMember[])[] {
  const groups = new Map<number, ClassMember[]>()
  for (const { relation, expr, group } of members) {
    const list = groups.get(group) ?? []
    groups.set(group, list)
    if (list.some(member => member.relation === relation)) continue
    list.push({ relation, expr, distinct: distinctValues(expr, relations[relation]) })
  }
  return [...groups.values()].filter(list => list.length > 1)
}
