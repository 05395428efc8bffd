/** Physical plans as text in DataFusion's wording: what EXPLAIN shows and the plan tests compare. */
import { indentedTree, type TextTree } from '../common/tree-text.js'
import type { ExchangeExec } from './operators/exchange.js'
import type { OperatorDefinition, PhysicalPlan } from './plan.js'
import { planEnvironment } from './properties.js'

/** One line a node (`FilterExec: a@0 > 1`), children indented by two spaces under their parent; no trailing newline. */
export const displayPhysical = (plan: PhysicalPlan, operators: readonly OperatorDefinition[]): string =>
  indentedTree(physicalTree(plan, operators))

/** The plan as a tree of texts; what exchanges share is below the first of them. */
export function physicalTree(plan: PhysicalPlan, operators: readonly OperatorDefinition[]): TextTree {
  const env = planEnvironment(operators)
  const shown = new Set<number>()
  const textOf = (node: PhysicalPlan): TextTree => {
    const { shared } = node as Partial<ExchangeExec>
    const isKnown = shared !== undefined && shown.has(shared)
    if (shared !== undefined) shown.add(shared)
    return {
      name: node.kind,
      details: env.definition(node).details(node),
      notes: [],
      children: isKnown ? [] : node.children.map(textOf),
    }
  }
  return textOf(plan)
}
