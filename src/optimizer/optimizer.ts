/** The driver of the logical rules: runs them in order until nothing fires, times them and checks what they return. */
import { sameType, typeName } from '../arrow/types.js'
import { fail } from '../common/errors.js'
import { schemaOf } from '../logical/schema-of.js'
import type { LogicalPlan, PlanSchema } from '../logical/plan.js'
import type { LogicalRule } from './rule.js'
import { LOGICAL_RULES } from './rules/index.js'

/** A rule that changed the plan. */
export interface RuleEvent {
  readonly rule: string
  /** From 1. */
  readonly pass: number
  readonly before: LogicalPlan
  readonly after: LogicalPlan
  readonly elapsedMs: number
}

export interface OptimizeOptions {
  /** Names of rules that are left out. */
  readonly disabled?: readonly string[]
  /** Default: all rules, in their order. */
  readonly rules?: readonly LogicalRule[]
  /** Default 6. */
  readonly maxPasses?: number
  /** Called for every rule that fired, in order (EXPLAIN VERBOSE). */
  readonly observer?: (event: RuleEvent) => void
}

/** What one rule infers another one moves; most plans settle in two passes. */
const DEFAULT_MAX_PASSES = 6

/**
 * An equivalent plan that is cheaper to run: same columns (names, relations, types, order), same rows. Throws INTERNAL
 * naming the rule if one of them breaks the schema.
 */
export function optimize(plan: LogicalPlan, options: OptimizeOptions = {}): LogicalPlan {
  const rules = (options.rules ?? LOGICAL_RULES).filter(rule => !options.disabled?.includes(rule.name))
  const maxPasses = options.maxPasses ?? DEFAULT_MAX_PASSES
  let current = plan
  for (let pass = 1; pass <= maxPasses; pass++) {
    const before = current
    for (const rule of rules) current = applyRule(rule, current, pass, options.observer)
    if (current === before) break
  }
  return current
}

function applyRule(
  rule: LogicalRule,
  plan: LogicalPlan,
  pass: number,
  observer: OptimizeOptions['observer'],
): LogicalPlan {
  const start = performance.now()
  const after = rule.apply(plan)
  if (after === plan) return plan
  checkSchema(rule.name, schemaOf(plan), schemaOf(after))
  observer?.({ rule: rule.name, pass, before: plan, after, elapsedMs: performance.now() - start })
  return after
}

/** Nullability may change (a rule may learn that a column is never NULL); nothing else may. */
function checkSchema(rule: string, before: PlanSchema, after: PlanSchema): void {
  const same =
    before.length === after.length &&
    before.every(
      (field, i) =>
        field.name === after[i].name && field.relation === after[i].relation && sameType(field.type, after[i].type),
    )
  if (!same)
    throw fail('INTERNAL', [`rule ${rule} changed the schema from (${schemaText(before)}) to (${schemaText(after)})`])
}

const schemaText = (schema: PlanSchema): string =>
  schema
    .map(({ relation, name, type }) => `${relation === undefined ? '' : `${relation}.`}${name} ${typeName(type)}`)
    .join(', ')
