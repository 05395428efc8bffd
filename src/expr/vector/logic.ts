/** NOT, IS NULL and three-valued AND and OR on BOOLEAN columns. */
import type { Column } from '../../arrow/batch.js'
import { bitmapBytes } from '../../arrow/column.js'
import { BOOLEAN } from '../../arrow/types.js'
import { booleanColumn, buildColumn, withFlat } from './columns.js'
import { fillBits } from './comparison.js'
import { exprKernels } from './kernel-calls.js'

export function notColumn(input: Column): Column {
  return withFlat(input, flat =>
    booleanColumn(flat.length, [flat], bits => exprKernels().logicNot(flat.values, flat.length, bits)),
  )
}

/** IS NULL (IS NOT NULL when `negated`) of any column; never NULL. */
export function isNullColumn(input: Column, negated: boolean): Column {
  const { length, nullCount, validity } = input
  return buildColumn(BOOLEAN, length, own => {
    const values = own(bitmapBytes(length))
    if (nullCount === 0 || nullCount === length) fillBits(values, length, (nullCount === 0) === negated)
    else if (negated) exprKernels().logicIntersect(validity, 0, 0, length, values)
    else exprKernels().logicNot(validity, length, values)
    return { values }
  })
}

/** `left AND right` or `left OR right`. */
export function logicColumns(op: 'and' | 'or', left: Column, right: Column): Column {
  const n = left.length
  return withFlat(left, a =>
    withFlat(right, b =>
      buildColumn(BOOLEAN, n, own => {
        const values = own(bitmapBytes(n))
        const validity = own(bitmapBytes(n))
        const kernel = op === 'and' ? exprKernels().logicAnd : exprKernels().logicOr
        const nullCount = n - kernel(a.values, a.validity, b.values, b.validity, n, values, validity)
        return { values, validity, nullCount }
      }),
    ),
  )
}

/** Writes the rows where a BOOLEAN column is true (false or NULL when `negate`) as a bitmap; returns how many. */
export function trueBits(column: Column, negate: boolean, out: number): number {
  const n = column.length
  // A column of type NULL has neither values nor validity.
  if (column.nullCount === n) {
    fillBits(out, n, negate)
    return negate ? n : 0
  }
  const count = exprKernels().logicIntersect(column.values, column.validity, 0, n, out)
  return negate ? exprKernels().logicIntersect(0, out, 1, n, out) : count
}
