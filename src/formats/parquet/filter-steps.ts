/** The predicate of a scan in steps, so that columns which are dear to decode are decoded for fewer rows. */
import type { Column } from '../../arrow/batch.js'
import type { Schema } from '../../arrow/schema.js'
import { conjunction, splitConjunction } from '../../expr/build.js'
import { compilePredicate, type Selection } from '../../expr/compile.js'
import { exprTree, type Expr } from '../../expr/expr.js'
import { mayRaise } from '../../expr/fold.js'

export interface FilterStep {
  /** Columns of the table that `select` needs, in its order. */
  readonly columns: readonly number[]
  /** The rows of these columns, of which there are `rowCount`, that the step keeps. */
  select(columns: readonly Column[], rowCount: number): Selection
}

/**
 * Steps that together keep the rows for which `predicate`, over `input` columns of `schema`, is true. The first reads cheap
 * columns only and cannot raise; the others keep the order in which compilePredicate would run them.
 */
export function filterSteps(
  predicate: Expr | undefined,
  schema: Schema,
  isCheap: (column: number) => boolean,
): FilterStep[] {
  if (predicate === undefined) return []
  const conjuncts = splitConjunction(predicate)
  const isFirst = (conjunct: Expr): boolean => !mayRaise(conjunct) && inputsOf(conjunct).every(isCheap)
  return [conjuncts.filter(isFirst), conjuncts.filter(conjunct => !isFirst(conjunct))].flatMap(group => {
    const joined = conjunction(group)
    return joined === undefined ? [] : [stepOf(joined, schema)]
  })
}

/** Numbers of the input columns of an expression, ascending. */
export function inputsOf(expr: Expr): number[] {
  const inputs = new Set<number>()
  exprTree.walk(expr, node => {
    if (node.kind === 'input') inputs.add(node.index)
  })
  return [...inputs].sort((left, right) => left - right)
}

function stepOf(predicate: Expr, schema: Schema): FilterStep {
  const columns = inputsOf(predicate)
  const over = { fields: columns.map(column => schema.fields[column]) }
  const compiled = compilePredicate(
    exprTree.transformUp(predicate, node =>
      node.kind === 'input' ? { ...node, index: columns.indexOf(node.index) } : node,
    ),
    over,
  )
  return { columns, select: (read, rowCount) => compiled.select({ schema: over, rowCount, columns: read }) }
}
