/** Physical plans as text in DataFusion's wording: what EXPLAIN shows and the plan tests compare. */
import { indentedTree, type TextTree } from '../common/tree-text.js'
import type { OperatorDefinition, PhysicalPlan } from './plan.js'
import { planEnvironment } from './properties.js'

/** One line a node (`FilterExec: a@0 > 1`), children indented by two spaces under their parent; no trailing newline. */
export const displayPhysical = (plan: PhysicalPlan, operators: readonly OperatorDefinition[]): string =>
  indentedTree(physicalTree(plan, operators))

/** The plan as a tree of texts. */
export function physicalTree(plan: PhysicalPlan, operators: readonly OperatorDefinition[]): TextTree {
  const env = planEnvironment(operators)
  const textOf = (node: PhysicalPlan): TextTree => ({
    name: node.kind,
    details: env.definition(node).details(node),
    notes: [],
    children: node.children.map(textOf),
  })
  return textOf(plan)
}
