/** What is computed from no rows gives no rows. */
import { literal } from '../../expr/expr.js'
import { emptyPlan, projectionPlan, unionPlan } from '../../logical/build.js'
import { fieldColumn, schemaOf } from '../../logical/schema-of.js'
import type { LogicalPlan, NamedExpr, PlanField } from '../../logical/plan.js'
import { logicalRule } from '../rule.js'

/**
 * Replaces operators over empty relations by empty relations; a missing side of an outer join becomes NULLs.
 *
 *   Inner Join: a = b                                Left Join: a = b               Projection: a, NULL AS b
 *     X                      =>  EmptyRelation         X                       =>     X
 *     EmptyRelation: rows=0                            EmptyRelation: rows=0
 */
export const propagateEmpty = logicalRule('propagate_empty_relation', 'bottomUp', plan => {
  switch (plan.kind) {
    case 'filter':
    case 'projection':
    case 'sort':
    case 'limit':
    case 'distinct':
    case 'rowNumber':
    case 'alias':
      return isEmpty(plan.input) ? emptyPlan(schemaOf(plan)) : plan
    case 'aggregate':
      return isEmpty(plan.input) && plan.groups.length > 0 ? emptyPlan(schemaOf(plan)) : plan
    case 'join':
      return isEmpty(plan.left) || isEmpty(plan.right) ? joinOfEmpty(plan) : plan
    case 'union':
      return plan.inputs.some(isEmpty) ? unionOfRest(plan) : plan
    case 'scan':
    case 'values':
    case 'empty':
    case 'write':
      return plan
  }
})

const isEmpty = (plan: LogicalPlan): boolean => plan.kind === 'empty' && !plan.oneRow

function joinOfEmpty(plan: Extract<LogicalPlan, { kind: 'join' }>): LogicalPlan {
  const { left, right, type } = plan
  const [noLeft, noRight] = [isEmpty(left), isEmpty(right)]
  switch (type) {
    case 'inner':
    case 'leftSemi':
    case 'rightSemi':
      return emptyPlan(schemaOf(plan))
    case 'left':
    case 'leftAnti':
    case 'leftMark':
      return noLeft ? emptyPlan(schemaOf(plan)) : padded(plan, left)
    case 'right':
    case 'rightAnti':
    case 'rightMark':
      return noRight ? emptyPlan(schemaOf(plan)) : padded(plan, right)
    case 'full':
      if (noLeft && noRight) return emptyPlan(schemaOf(plan))
      return padded(plan, noLeft ? right : left)
  }
}

/** The rows of one side, with NULL for the columns of the other one and false for a mark. */
function padded(join: Extract<LogicalPlan, { kind: 'join' }>, side: LogicalPlan): LogicalPlan {
  const own = schemaOf(side)
  const has = (field: PlanField): boolean =>
    own.some(({ name, relation }) => name === field.name && relation === field.relation)
  const exprs = schemaOf(join).map((field): NamedExpr => {
    const value = join.mark === undefined ? null : false
    const named = field.relation === undefined ? { name: field.name } : { relation: field.relation, name: field.name }
    return { ...named, expr: has(field) ? fieldColumn(field) : literal(value, field.type) }
  })
  return exprs.length === own.length ? side : projectionPlan(side, exprs)
}

/** The schema is the first input's, also if that one is empty. */
function unionOfRest(union: Extract<LogicalPlan, { kind: 'union' }>): LogicalPlan {
  const rest = union.inputs.filter(input => !isEmpty(input))
  const schema = schemaOf(union)
  if (rest.length === 0) return emptyPlan(schema)
  const [first, ...others] = rest
  const named = schemaOf(first).map((field, i): NamedExpr => {
    const { relation, name } = schema[i]
    return { expr: fieldColumn(field), ...(relation === undefined ? {} : { relation }), name }
  })
  const leading = first === union.inputs[0] ? first : projectionPlan(first, named)
  return others.length === 0 ? leading : unionPlan([leading, ...others])
}
