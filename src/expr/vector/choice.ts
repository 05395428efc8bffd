/** CASE and COALESCE: every branch is computed on the rows that reach it, and the pieces are put together again. */
import type { Column } from '../../arrow/batch.js'
import { bitmapBytes, constantColumn, releaseColumn } from '../../arrow/column.js'
import { views, withScratch } from '../../arrow/memory.js'
import { concatColumns, takeColumn } from '../../arrow/take.js'
import type { DataType } from '../../arrow/types.js'
import type { Scratch } from './arithmetic.js'
import { using, withFlat } from './columns.js'
import type { Frame } from './frame.js'
import { exprKernels } from './kernel-calls.js'
import { trueBits } from './logic.js'

export type Evaluate = (frame: Frame) => Column

/** Rows of a frame: none of `count` has been decided yet. `indices` 0 stands for all rows. */
interface Rows {
  readonly indices: number
  readonly count: number
}

/** The pieces of a result: a column each, for the rows at `indices`. */
interface Piece {
  readonly rows: Rows
  readonly column: Column
}

/** Evaluates on some rows of a frame; the result has `rows.count` rows. */
export function evaluateOn(frame: Frame, rows: Rows, evaluate: Evaluate): Column {
  if (rows.indices === 0) return evaluate(frame)
  const selected = frame.select(rows.indices, rows.count)
  try {
    return evaluate(selected)
  } finally {
    selected.close()
  }
}

/** Searched CASE: the first `when` that is true decides; without `otherwise` the rest is NULL. */
export function evaluateCase(
  frame: Frame,
  whens: readonly Evaluate[],
  thens: readonly Evaluate[],
  otherwise: Evaluate | undefined,
  type: DataType,
): Column {
  const pieces: Piece[] = []
  try {
    return withScratch(scratch => {
      let rest: Rows = { indices: 0, count: frame.rowCount }
      for (const [i, when] of whens.entries()) {
        if (rest.count === 0) break
        const [taken, left] = using2(evaluateOn(frame, rest, when), condition => split(condition, rest, scratch))
        if (taken.count > 0) pieces.push({ rows: taken, column: evaluateOn(frame, taken, thens[i]) })
        rest = left
      }
      if (rest.count > 0 && otherwise !== undefined)
        pieces.push({ rows: rest, column: evaluateOn(frame, rest, otherwise) })
      return assemble(pieces, frame.rowCount, type, scratch)
    })
  } finally {
    pieces.forEach(piece => releaseColumn(piece.column))
  }
}

/** COALESCE: each argument is computed on the rows where all before it were NULL. */
export function evaluateCoalesce(frame: Frame, args: readonly Evaluate[], type: DataType): Column {
  const pieces: Piece[] = []
  try {
    return withScratch(scratch => {
      let rest: Rows = { indices: 0, count: frame.rowCount }
      for (const arg of args) {
        if (rest.count === 0) break
        const column = evaluateOn(frame, rest, arg)
        pieces.push({ rows: rest, column })
        if (column.nullCount === 0) break
        rest = nullRows(column, rest, scratch)
      }
      return assemble(pieces, frame.rowCount, type, scratch)
    })
  } finally {
    pieces.forEach(piece => releaseColumn(piece.column))
  }
}

const using2 = <T>(column: Column, use: (column: Column) => T): T => using([column], () => use(column))

/** The rows of `among` where a condition over them is true, and the others; positions in the whole frame. */
function split(condition: Column, among: Rows, scratch: Scratch): readonly [Rows, Rows] {
  return withFlat(condition, flat => {
    const bits = scratch(bitmapBytes(among.count))
    const count = trueBits(flat, false, bits)
    if (count === among.count) return [among, { indices: 0, count: 0 }]
    if (count === 0) return [{ indices: 0, count: 0 }, among]
    const taken = rowsOfBits(bits, count, among, scratch)
    exprKernels().logicIntersect(0, bits, 1, among.count, bits)
    return [taken, rowsOfBits(bits, among.count - count, among, scratch)]
  })
}

function nullRows(column: Column, among: Rows, scratch: Scratch): Rows {
  if (column.nullCount === among.count) return among
  const bits = scratch(bitmapBytes(among.count))
  exprKernels().logicNot(column.validity, among.count, bits)
  return rowsOfBits(bits, column.nullCount, among, scratch)
}

/** Row numbers in the frame of the ones of a bitmap over `among`. */
export function rowsOfBits(bits: number, count: number, among: Rows, scratch: Scratch): Rows {
  const own = scratch(among.count * 4)
  exprKernels().bitmapIndices(bits, among.count, own)
  if (among.indices === 0) return { indices: own, count }
  const composed = scratch(count * 4)
  exprKernels().takeFixedDense(among.indices, 4, own, count, composed)
  return { indices: composed, count }
}

/** One column out of the pieces; a row in several pieces takes the last, a row in none is NULL. */
function assemble(pieces: readonly Piece[], rowCount: number, type: DataType, scratch: Scratch): Column {
  if (pieces.length === 0) return constantColumn(type, null, rowCount)
  const [first] = pieces
  const whole = concatColumns(
    type,
    pieces.map(piece => piece.column),
  )
  if (pieces.length === 1 && first.rows.indices === 0) return whole
  return using([whole], () => {
    const map = scratch(rowCount * 4)
    views().i32.fill(-1, map / 4, map / 4 + rowCount)
    let base = 0
    for (const { rows } of pieces) {
      if (rows.indices === 0) for (let row = 0; row < rowCount; row++) views().i32[map / 4 + row] = base + row
      else exprKernels().logicScatter(rows.indices, rows.count, base, map)
      base += rows.count
    }
    return takeColumn(whole, map, rowCount)
  })
}

/**
 * AND or OR whose right side may raise: it is computed only on the rows that the left side does not decide. `decided`
 * is the value of the left side that decides (false for AND).
 */
export function evaluateRest(frame: Frame, left: Column, right: Evaluate, decided: boolean): Column | undefined {
  return withScratch(scratch => {
    const n = frame.rowCount
    const bits = scratch(bitmapBytes(n))
    const count = withFlat(left, flat => undecidedBits(flat, decided, bits))
    if (count === 0) return undefined
    if (count === n) return right(frame)
    const rows = rowsOfBits(bits, count, { indices: 0, count: n }, scratch)
    const column = evaluateOn(frame, rows, right)
    return using([column], () => assemble([{ rows, column }], n, column.type, scratch))
  })
}

/** Rows that are NULL or not `decided`. */
function undecidedBits(column: Column, decided: boolean, out: number): number {
  const kernels = exprKernels()
  const n = column.length
  if (decided) {
    kernels.logicIntersect(column.values, column.validity, 0, n, out)
    return kernels.logicIntersect(0, out, 1, n, out)
  }
  // false = valid and not true.
  kernels.logicIntersect(column.validity, column.values, 1, n, out)
  return kernels.logicIntersect(0, out, 1, n, out)
}
