/**
 * CASE whose branches can be computed for every row: each row takes its value by a mask, nothing is gathered and put
 * together again.
 */
import type { Column, Range } from '../../arrow/batch.js'
import { bitmapBytes, columnFromValues, defaultWidth } from '../../arrow/column.js'
import { withScratch } from '../../arrow/memory.js'
import { type DataType, type Value } from '../../arrow/types.js'
import { exprTree, typeOf, type Expr } from '../expr.js'
import { mayRaise } from '../fold.js'
import { isConstant, type Operand } from './by-row.js'
import type { Evaluate } from './choice.js'
import { buildColumn, using, withFlat } from './columns.js'
import type { Frame } from './frame.js'
import { exprKernels } from './kernel-calls.js'
import { trueBits } from './logic.js'

type CaseExpr = Extract<Expr, { kind: 'case' }>

/** Values and columns as they are, or something that is quick and cannot fail. */
const isSimple = (expr: Expr): boolean => !mayRaise(expr) && !exprTree.some(expr, isSlow)

const isSlow = (expr: Expr): boolean => expr.kind === 'call' || expr.kind === 'like' || expr.kind === 'case'

/** Whether every condition but the first and every branch can be computed for rows that do not reach them. */
export function isSelect(expr: CaseExpr): boolean {
  const width = defaultWidth(expr.type)
  if (expr.type.kind !== 'boolean' && !(width > 0 && width <= 8)) return false
  const branches = expr.otherwise === undefined ? expr.thens : [...expr.thens, expr.otherwise]
  return (
    expr.whens.slice(1).every(isSimple) && branches.every(branch => isSimple(branch) && typeOf(branch).kind !== 'null')
  )
}

export interface SelectBranch {
  readonly when: Evaluate
  readonly value: (frame: Frame, use: (operand: Operand) => Column | undefined) => Column | undefined
}

/** The branches from the last to the first, each over the result of those behind it; undefined when widths differ. */
export function evaluateSelect(
  frame: Frame,
  branches: readonly SelectBranch[],
  otherwise: SelectBranch['value'],
  type: DataType,
): Column | undefined {
  let result: Column | undefined
  for (const { when, value } of branches.toReversed()) {
    const rest = result
    const selected = value(frame, left => {
      const select = (right: Operand): Column | undefined => selectColumn(frame, when, left, right, type)
      return rest === undefined ? otherwise(frame, select) : using([rest], () => select({ column: rest }))
    })
    if (selected === undefined) return undefined
    result = selected
  }
  return result
}

/** Rows of `left` where the condition is true, of `right` elsewhere. */
function selectColumn(frame: Frame, when: Evaluate, left: Operand, right: Operand, type: DataType): Column | undefined {
  const n = frame.rowCount
  return withRows(left, type, a =>
    withRows(right, type, b => {
      const width = type.kind === 'boolean' ? 0 : defaultWidth(type)
      if (a.column.width !== width || b.column.width !== width) return undefined
      const condition = when(frame)
      return using([condition], () =>
        withFlat(condition, flat =>
          withScratch(scratch => {
            const mask = scratch(bitmapBytes(n))
            trueBits(flat, false, mask)
            return chosen(mask, a, b, type, n)
          }),
        ),
      )
    }),
  )
}

/** A flat column, or one row that stands for all (`stride` 0). */
interface Rows {
  readonly column: Column
  readonly stride: 0 | 1
}

function withRows(operand: Operand, type: DataType, use: (rows: Rows) => Column | undefined): Column | undefined {
  if (!isConstant(operand)) return withFlat(operand.column, column => use({ column, stride: 1 }))
  const one = columnFromValues(type, [operand.value])
  return using([one], () => use({ column: one, stride: 0 }))
}

function chosen(mask: number, left: Rows, right: Rows, type: DataType, n: number): Column {
  const { choiceBits, choiceFixed } = exprKernels()
  const [a, b] = [left.column, right.column]
  return buildColumn(type, n, own =>
    withScratch(scratch => {
      const bitsOf = (bitmap: number, { stride }: Rows): number => {
        if (bitmap === 0 || stride === 1) return bitmap
        const repeated = scratch(bitmapBytes(n))
        const isSet = exprKernels().bitmapCount(bitmap, 1) === 1
        exprKernels().logicIntersect(0, 0, isSet ? 0 : 1, n, repeated)
        return repeated
      }
      const values = own(type.kind === 'boolean' ? bitmapBytes(n) : n * a.width)
      if (type.kind === 'boolean') choiceBits(mask, bitsOf(a.values, left), bitsOf(b.values, right), n, values)
      else choiceFixed(mask, a.values, left.stride, b.values, right.stride, a.width, n, values)
      const range = joined(a, b)
      const parts = { values, ...(range === undefined ? {} : { range }) }
      if (a.nullCount === 0 && b.nullCount === 0) return parts
      const validity = own(bitmapBytes(n))
      const valid = choiceBits(mask, bitsOf(a.validity, left), bitsOf(b.validity, right), n, validity)
      return { ...parts, validity, nullCount: n - valid }
    }),
  )
}

/** The bounds of both; a side of NULLs only has none and needs none. */
function joined(a: Column, b: Column): Range | undefined {
  if (a.nullCount === a.length) return b.range
  if (b.nullCount === b.length) return a.range
  if (a.range === undefined || b.range === undefined) return undefined
  return {
    min: a.range.min < b.range.min ? a.range.min : b.range.min,
    max: a.range.max > b.range.max ? a.range.max : b.range.max,
  }
}

/** A branch that is a constant, such as the NULL of a CASE without ELSE. */
export const constantBranch =
  (value: Value): SelectBranch['value'] =>
  (_, use) =>
    use({ value })
