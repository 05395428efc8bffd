/** RowNumberExec: numbers the rows of each key. */
import type { Batch, Column } from '../../arrow/batch.js'
import { makeColumn, releaseColumn, retainColumn } from '../../arrow/column.js'
import { alloc, views, withScratch } from '../../arrow/memory.js'
import type { Charge } from '../../arrow/segments.js'
import { field } from '../../arrow/schema.js'
import { INT64 } from '../../arrow/types.js'
import { inputExpr } from '../../expr/build.js'
import { compileExprs } from '../../expr/compile.js'
import { displayExpr } from '../../expr/display.js'
import { typeOf, type Expr } from '../../expr/expr.js'
import { Budget } from '../../runtime/budget.js'
import type { Operator } from '../../runtime/operator.js'
import type { TaskContext } from '../../runtime/task-context.js'
import { defineOperator, type PhysicalPlan } from '../plan.js'
import { numbersSample } from '../samples.js'
import { GroupTable } from './group-table.js'
import { RowKeys } from './row-keys.js'

export interface RowNumberExec extends PhysicalPlan {
  readonly kind: 'RowNumberExec'
  /** Over the columns of the only child; NULL equals NULL. Not empty. */
  readonly partitionBy: readonly Expr[]
}

/**
 * Adds a BIGINT column at the end: 1 for the first row of a key, 2 for the second and so on, in the order in which they come.
 * Streams; keeps order; holds one key and one count for each distinct key. Rows of one key must be in one partition.
 */
export const rowNumberOperator = defineOperator<RowNumberExec>({
  kind: 'RowNumberExec',
  properties: (_plan, [input]) => input,
  requiredDistribution: plan => [{ kind: 'hash', exprs: plan.partitionBy }],
  details: plan => `partition by=[${plan.partitionBy.map(displayExpr).join(', ')}]`,
  lower(plan, [input], context) {
    if (plan.kind !== 'rowNumber') return undefined
    const partitionBy = plan.partitionBy.map(expr => context.resolve(expr, plan.input))
    return numbered(input, partitionBy, plan.name)
  },
  open: (plan, ctx) => openRowNumber(plan, ctx),
  samples() {
    const input = numbersSample()
    const [id, name] = input.schema.fields.map((column, index) => inputExpr(index, column.name, column.type))
    return [numbered(input, [name], 'n'), numbered(input, [id, name], 'n')]
  },
})

const numbered = (input: PhysicalPlan, partitionBy: readonly Expr[], name: string): RowNumberExec => ({
  kind: 'RowNumberExec',
  partitionBy,
  schema: { fields: [...input.schema.fields, field(name, INT64, false)] },
  children: [input],
})

function openRowNumber(plan: RowNumberExec, ctx: TaskContext): Operator {
  const budget = new Budget(ctx, plan.kind)
  const keys = new RowKeys(
    plan.partitionBy.map(expr => ({ type: typeOf(expr), nullable: true })),
    'group',
    budget.charge,
  )
  const groups = new GroupTable(keys.words, keys.isInteger, budget.charge)
  const compiled = compileExprs(plan.partitionBy, plan.children[0].schema)
  let counts = new Float64Array(0)

  const number = (batch: Batch): Column => {
    const columns = compiled.evaluate(batch)
    try {
      return withScratch(scratch => {
        const ids = scratch(batch.rowCount * 4)
        groups.assign(keys.encode(columns, batch.rowCount), batch.rowCount, ids)
        if (counts.length < groups.count) counts = grown(counts, groups.count, budget.charge)
        return numberColumn(ids, batch.rowCount, counts)
      })
    } finally {
      columns.forEach(releaseColumn)
    }
  }
  return {
    *push(batch) {
      const numbers = number(batch)
      batch.columns.forEach(retainColumn)
      yield { schema: plan.schema, rowCount: batch.rowCount, columns: [...batch.columns, numbers] }
    },
    close() {
      groups.close()
      keys.close()
      budget.release()
    },
  }
}

function grown(counts: Float64Array<ArrayBuffer>, needed: number, charge: Charge): Float64Array<ArrayBuffer> {
  const length = Math.max(1024, 2 ** Math.ceil(Math.log2(needed)))
  charge((length - counts.length) * Float64Array.BYTES_PER_ELEMENT)
  const larger = new Float64Array(length)
  larger.set(counts)
  return larger
}

/** The next number of the group of each row, as i64 in two halves. */
function numberColumn(ids: number, rowCount: number, counts: Float64Array): Column {
  const values = alloc(rowCount * 8)
  const { u32 } = views()
  const [from, to] = [ids / 4, values / 4]
  for (let row = 0; row < rowCount; row++) {
    const next = ++counts[u32[from + row]]
    u32[to + 2 * row] = next
    u32[to + 2 * row + 1] = next / 2 ** 32
  }
  return makeColumn({ type: INT64, length: rowCount, values, blocks: [values] })
}
