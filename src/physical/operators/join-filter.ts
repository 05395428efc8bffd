/** A join's residual filter: evaluated over candidate pairs, with only the columns that it reads. */
import type { Batch, Column } from '../../arrow/batch.js'
import { releaseColumn } from '../../arrow/column.js'
import { kernels } from '../../arrow/memory.js'
import type { Schema } from '../../arrow/schema.js'
import { takeColumn } from '../../arrow/take.js'
import { compilePredicate } from '../../expr/compile.js'
import { exprTree, type Expr } from '../../expr/expr.js'

export interface PairFilter {
  /**
   * Keeps of `count` pairs (u32 row numbers of the two batches) those for which the filter is true, in place and in order;
   * their number.
   */
  keep(left: Batch, right: Batch, leftRows: number, rightRows: number, count: number): number
}

/** `filter` is over the columns of `left`, then those of `right`. */
export function pairFilter(filter: Expr, left: Schema, right: Schema): PairFilter {
  const read = inputsOf(filter)
  const fields = [...left.fields, ...right.fields]
  const leftCount = left.fields.length
  const narrow = exprTree.transformUp(filter, node =>
    node.kind === 'input' ? { ...node, index: read.indexOf(node.index) } : node,
  )
  const schema = { fields: read.map(index => fields[index]) }
  const predicate = compilePredicate(narrow, schema)
  return {
    keep(leftBatch, rightBatch, leftRows, rightRows, count) {
      const columns: Column[] = []
      try {
        for (const index of read) {
          if (index < leftCount) columns.push(takeColumn(leftBatch.columns[index], leftRows, count))
          else columns.push(takeColumn(rightBatch.columns[index - leftCount], rightRows, count))
        }
        const selection = predicate.select({ schema, rowCount: count, columns })
        if (selection.indices !== 0) kernels().joinKeep(selection.indices, selection.count, rightRows, leftRows)
        selection.release()
        return selection.count
      } finally {
        columns.forEach(releaseColumn)
      }
    },
  }
}

/** The input columns that an expression reads, ascending. */
function inputsOf(expr: Expr): number[] {
  const indices = new Set<number>()
  exprTree.walk(expr, node => {
    if (node.kind === 'input') indices.add(node.index)
  })
  return [...indices].sort((a, b) => a - b)
}
