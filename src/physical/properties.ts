/** How properties of a plan (partitioning, order, row estimates) are derived and compared. */
import { fail } from '../common/errors.js'
import { equals } from '../common/tree.js'
import { inputExpr } from '../expr/build.js'
import { exprTree, typeOf, type Expr, type SortKey } from '../expr/expr.js'
import type { OperatorDefinition, Partitioning, PhysicalPlan, Properties } from './plan.js'

/** The share of rows that a predicate of unknown selectivity keeps (DataFusion's default). */
export const DEFAULT_SELECTIVITY = 0.2

export const SINGLE: Partitioning = { kind: 'single' }

/** `count` partitions with rows anywhere. */
export const spread = (count: number): Partitioning => (count === 1 ? SINGLE : { kind: 'unknown', count })

export const partitionCount = (partitioning: Partitioning): number =>
  partitioning.kind === 'single' ? 1 : partitioning.count

/** Definitions by kind, and the properties of any plan over them. */
export interface PlanEnvironment {
  definition(plan: PhysicalPlan): OperatorDefinition
  /** Cached by node identity. */
  properties(plan: PhysicalPlan): Properties
}

/** Throws INTERNAL for a kind that is not in `operators`. */
export function planEnvironment(operators: readonly OperatorDefinition[]): PlanEnvironment {
  const definitions = new Map(operators.map(definition => [definition.kind, definition]))
  const known = new WeakMap<PhysicalPlan, Properties>()
  const env: PlanEnvironment = {
    definition(plan) {
      const definition = definitions.get(plan.kind)
      if (definition === undefined) throw fail('INTERNAL', [`no operator is registered for ${plan.kind}`])
      return definition
    },
    properties(plan) {
      let properties = known.get(plan)
      if (properties === undefined) {
        const inputs = plan.children.map(child => env.properties(child))
        properties = env.definition(plan).properties(plan, inputs)
        known.set(plan, properties)
      }
      return properties
    },
  }
  return env
}

/** Equal expressions over one input: positions count, the names and nullability of inputs do not. */
export const sameExpr = (left: Expr, right: Expr): boolean => left === right || equals(bare(left), bare(right))

const bare = (expr: Expr): Expr =>
  exprTree.transformUp(expr, node => (node.kind === 'input' ? { ...node, name: '', nullable: true } : node))

/** `expr` over the outputs of a projection; undefined if the projection does not compute it. */
export function throughProjection(
  expr: Expr,
  outputs: readonly { readonly expr: Expr; readonly name: string }[],
): Expr | undefined {
  const index = outputs.findIndex(output => sameExpr(output.expr, expr))
  return index < 0 ? undefined : inputExpr(index, outputs[index].name, typeOf(expr))
}

/** The properties of `outputs` computed row by row over an input. */
export function projectProperties(
  input: Properties,
  outputs: readonly { readonly expr: Expr; readonly name: string }[],
): Properties {
  const ordering: SortKey[] = []
  for (const key of input.ordering) {
    const expr = throughProjection(key.expr, outputs)
    if (expr === undefined) break
    ordering.push({ ...key, expr })
  }
  return { ...input, ordering, partitioning: projectPartitioning(input.partitioning, outputs) }
}

function projectPartitioning(
  partitioning: Partitioning,
  outputs: readonly { readonly expr: Expr; readonly name: string }[],
): Partitioning {
  if (partitioning.kind !== 'hash') return partitioning
  const exprs = partitioning.exprs.map(expr => throughProjection(expr, outputs))
  return exprs.every(expr => expr !== undefined) ? { ...partitioning, exprs } : spread(partitioning.count)
}

/** At most `limit` rows, where the input's rows are estimated or not. */
export const atMost = (limit: number, rowCount: number | undefined): number => Math.min(limit, rowCount ?? Infinity)

/** `properties` with the estimate, or without one. */
export const withRowCount = (properties: Properties, rowCount: number | undefined): Properties => {
  const { partitioning, ordering } = properties
  return rowCount === undefined ? { partitioning, ordering } : { partitioning, ordering, rowCount }
}
