/** Constant folding and boolean algebra in every expression of the plan. */
import { mapPlanExprs } from '../../logical/plan-exprs.js'
import { logicalRule } from '../rule.js'
import { simplify } from '../simplify.js'

/**
 * Simplifies all expressions, exactly in three-valued logic; predicates common to all branches of an OR come out of it.
 *
 *   Filter: NOT a < 2 + 3                      =>  Filter: a >= 5
 *   Filter: (x = y AND p) OR (x = y AND q)     =>  Filter: x = y AND (p OR q)
 *   Filter: a = 1 OR a = 2                     =>  Filter: a IN (1, 2)
 */
export const simplifyExpressions = logicalRule('simplify_expressions', 'bottomUp', plan => mapPlanExprs(plan, simplify))
