/** Expressions to kernel programs: what operators call once a batch. */
import type { Batch, Column } from '../arrow/batch.js'
import { bitmapBytes } from '../arrow/column.js'
import { alloc, release, withScratch } from '../arrow/memory.js'
import type { Schema } from '../arrow/schema.js'
import { splitConjunction } from './build.js'
import type { Expr } from './expr.js'
import { foldConstants, mayRaise } from './fold.js'
import { collect, using, withFlat } from './vector/columns.js'
import { frameOf, type Frame } from './vector/frame.js'
import { exprKernels } from './vector/kernel-calls.js'
import { trueBits } from './vector/logic.js'
import { program, type Compiled } from './vector/program.js'

export interface CompiledExprs {
  /** One column an expression, in order, each with one reference for the caller. The batch is borrowed. */
  evaluate(batch: Batch): Column[]
}

/** Rows that a predicate kept. */
export interface Selection {
  readonly count: number
  /** Position of `count` ascending i32 row numbers; 0 when all rows pass or none does. */
  readonly indices: number
  release(): void
}

export interface CompiledPredicate {
  /** The rows where the predicate is true (not false, not NULL). The batch is borrowed. */
  select(batch: Batch): Selection
}

/**
 * Compiles expressions over the `input` columns of batches of a schema. Constants are folded, common subexpressions
 * computed once. `evaluate` throws what the operations throw: NUMERIC_OVERFLOW, DIVIDE_BY_ZERO, INVALID_CAST, …
 */
export function compileExprs(exprs: readonly Expr[], _input: Schema): CompiledExprs {
  const compiled = program(exprs.map(foldConstants))
  return {
    evaluate(batch) {
      const frame = frameOf(batch)
      try {
        return collect(compiled, expr => expr.evaluate(frame))
      } finally {
        frame.close()
      }
    },
  }
}

/**
 * Compiles a predicate. Its conjuncts run on the rows that the ones before have kept: first those that are cheap and
 * cannot raise, then the others in their order; so `a <> 0 AND 10 / a > 1` never divides by zero.
 */
export function compilePredicate(expr: Expr, _input: Schema): CompiledPredicate {
  const conjuncts = splitConjunction(foldConstants(expr))
  const rank = (conjunct: Expr): number => (mayRaise(conjunct) ? 2 : isCheap(conjunct) ? 0 : 1)
  const ordered = conjuncts
    .map((conjunct, i) => ({ conjunct, i }))
    .sort((a, b) => rank(a.conjunct) - rank(b.conjunct) || a.i - b.i)
  const compiled = program(ordered.map(({ conjunct }) => conjunct))
  const steps = compiled.map((step, i) => ({ step, rank: rank(ordered[i].conjunct) }))
  return { select: batch => select(batch, steps) }
}

interface Step {
  readonly step: Compiled
  readonly rank: number
}

/** Comparisons of columns and constants: quicker on all rows than on a selection. */
function isCheap(expr: Expr): boolean {
  const simple = (operand: Expr): boolean => operand.kind === 'input' || operand.kind === 'literal'
  if (expr.kind === 'binary') return simple(expr.left) && simple(expr.right) && expr.left.kind !== expr.right.kind
  return (expr.kind === 'isNull' || expr.kind === 'inList') && simple(expr.input)
}

/** Keeps running on all rows unless the step may raise, or so few are left that gathering their columns pays. */
const GATHER_BELOW = 0.5

const all = (count: number): Selection => ({ count, indices: 0, release: () => undefined })

function select(batch: Batch, steps: readonly Step[]): Selection {
  const n = batch.rowCount
  const root = frameOf(batch)
  try {
    return withScratch(scratch => {
      const kept = scratch(bitmapBytes(n))
      let count = n
      for (const { step, rank } of steps) {
        if (count === 0) break
        if (count === n) count = keepTrue(step, root, kept)
        else if (rank === 0 || (rank === 1 && count > n * GATHER_BELOW)) {
          const bits = scratch(bitmapBytes(n))
          keepTrue(step, root, bits)
          count = exprKernels().logicIntersect(kept, bits, 0, n, kept)
        } else {
          count = keepAmong(step, root, kept, count, n)
        }
      }
      if (count === n || count === 0) return all(count)
      const indices = alloc(count * 4 + 4)
      exprKernels().bitmapIndices(kept, n, indices)
      return { count, indices, release: () => release(indices) }
    })
  } finally {
    root.close()
  }
}

/** Writes the rows of a frame where a step is true; returns how many. */
function keepTrue(step: Compiled, frame: Frame, bits: number): number {
  const column = step.evaluate(frame)
  return using([column], () => withFlat(column, flat => trueBits(flat, false, bits)))
}

/** Runs a step on the rows of `kept` only and removes those where it is not true; returns how many are left. */
function keepAmong(step: Compiled, root: Frame, kept: number, count: number, n: number): number {
  return withScratch(scratch => {
    const rows = scratch(count * 4)
    exprKernels().bitmapIndices(kept, n, rows)
    const frame = root.select(rows, count)
    try {
      const bits = scratch(bitmapBytes(count))
      const left = keepTrue(step, frame, bits)
      if (left === count) return count
      return narrow(kept, rows, bits, count, left, n, scratch)
    } finally {
      frame.close()
    }
  })
}

/** Replaces the ones of `kept` (at `rows`) by those whose bit in `bits` is set. */
function narrow(
  kept: number,
  rows: number,
  bits: number,
  count: number,
  left: number,
  n: number,
  scratch: (byteLength: number) => number,
): number {
  const chosen = scratch(count * 4)
  exprKernels().bitmapIndices(bits, count, chosen)
  const remaining = scratch(left * 4 + 4)
  exprKernels().takeFixedDense(rows, 4, chosen, left, remaining)
  exprKernels().logicMark(remaining, left, n, kept)
  return left
}
