/** Physical plans as indented text in DataFusion's wording: what EXPLAIN shows and the plan tests compare. */
import type { OperatorDefinition, PhysicalPlan } from './plan.js'
import { planEnvironment } from './properties.js'

/** `FilterExec: a@0 > 1`. */
export function displayPhysicalNode(plan: PhysicalPlan, definition: OperatorDefinition): string {
  const details = definition.details(plan)
  return details === '' ? plan.kind : `${plan.kind}: ${details}`
}

/**
 * One line a node, children indented by two spaces under their parent; no trailing newline. `suffix` adds to the line of the
 * node at a place (`0.1`), such as its metrics.
 */
export function displayPhysical(
  plan: PhysicalPlan,
  operators: readonly OperatorDefinition[],
  suffix: (path: string) => string = () => '',
): string {
  const env = planEnvironment(operators)
  const lines: string[] = []
  const visit = (node: PhysicalPlan, path: string, depth: number): void => {
    lines.push('  '.repeat(depth) + displayPhysicalNode(node, env.definition(node)) + suffix(path))
    node.children.forEach((child, i) => visit(child, `${path}.${i}`, depth + 1))
  }
  visit(plan, '0', 0)
  return lines.join('\n')
}
