/** ProjectionExec: computes one column per expression. */
import type { Schema } from '../../arrow/schema.js'
import { INT64, UTF8 } from '../../arrow/types.js'
import { binaryExpr, inputExpr } from '../../expr/build.js'
import { compileExprs } from '../../expr/compile.js'
import { displayExpr } from '../../expr/display.js'
import { literal, typeOf, type Expr } from '../../expr/expr.js'
import { schemaOf, toArrowSchema } from '../../logical/schema-of.js'
import type { Operator } from '../../runtime/operator.js'
import { defineOperator, type PhysicalPlan } from '../plan.js'
import { projectProperties } from '../properties.js'
import { numbersSample } from '../samples.js'

export interface ProjectionExec extends PhysicalPlan {
  readonly kind: 'ProjectionExec'
  /** One per column of the schema, over the columns of the only child. */
  readonly exprs: readonly Expr[]
}

export const projectionExec = (input: PhysicalPlan, exprs: readonly Expr[], schema: Schema): ProjectionExec => ({
  kind: 'ProjectionExec',
  exprs,
  schema,
  children: [input],
})

/** Computes expressions row by row. Streams; holds no rows; keeps order and partitioning. */
export const projectionOperator = defineOperator<ProjectionExec>({
  kind: 'ProjectionExec',
  properties: (plan, [input]) => projectProperties(input, outputs(plan)),
  details: plan =>
    `expr=[${outputs(plan)
      .map(({ expr, name }) => `${displayExpr(expr)} as ${name}`)
      .join(', ')}]`,
  lower(plan, [input], context) {
    if (plan.kind !== 'projection') return undefined
    const exprs = plan.exprs.map(({ expr }) => context.resolve(expr, plan.input))
    return projectionExec(input, exprs, toArrowSchema(schemaOf(plan)))
  },
  open: plan => openProjection(plan),
  samples: () => [sample()],
})

const outputs = (plan: ProjectionExec): { readonly expr: Expr; readonly name: string }[] =>
  plan.exprs.map((expr, i) => ({ expr, name: plan.schema.fields[i].name }))

function openProjection(plan: ProjectionExec): Operator {
  const program = compileExprs(plan.exprs, plan.children[0].schema)
  return {
    *push(batch) {
      yield { schema: plan.schema, rowCount: batch.rowCount, columns: program.evaluate(batch) }
    },
  }
}

function sample(): ProjectionExec {
  const child = numbersSample()
  const exprs = [inputExpr(1, 'name', UTF8), binaryExpr('+', inputExpr(0, 'id', INT64), literal(1n, INT64))]
  const fields = exprs.map((expr, i) => ({ name: ['name', 'next'][i], type: typeOf(expr), nullable: true }))
  return projectionExec(child, exprs, { fields })
}
