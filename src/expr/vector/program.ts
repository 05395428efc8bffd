/** Compiles expressions to closures over frames: which kernel runs each node, and which results are computed once. */
import type { Column } from '../../arrow/batch.js'
import { constantColumn } from '../../arrow/column.js'
import type { Value } from '../../arrow/types.js'
import { invariant, unreachable } from '../../common/invariant.js'
import { chainSteps, exprTree, typeOf, type Expr } from '../expr.js'
import { mayRaise } from '../fold.js'
import { isVolatile } from '../volatile.js'
import { binaryColumn } from './binary.js'
import { applyByRow, borrowed, isConstant, overDictionary, propagatesNull, type Operand } from './by-row.js'
import { castOperand, inListOperand, likeOperand, negateOperand } from './calls.js'
import { evaluateCase, evaluateCoalesce, evaluateRest, type Evaluate } from './choice.js'
import { collect, using } from './columns.js'
import type { Frame } from './frame.js'
import { callColumn } from './function-kernels.js'
import { isNullColumn, logicColumns, notColumn } from './logic.js'
import { constantBranch, evaluateSelect, isSelect, type SelectBranch } from './select.js'
import type { EagerExpr } from '../interpret.js'

export interface Compiled {
  /** One column over the rows of the frame, with one reference for the caller. */
  readonly evaluate: Evaluate
  /** Present for literals, which kernels take as they are. */
  readonly constant?: { readonly value: Value }
}

/** Compiles expressions that are evaluated over the same frames; what several of them contain is computed once. */
export function program(exprs: readonly Expr[]): Compiled[] {
  const interner = new Interner()
  exprs.forEach(expr => interner.count(expr))
  interner.compileAll()
  return exprs.map(expr => interner.compile(expr))
}

/** Gives structurally equal expressions one number. */
class Interner {
  private readonly ids = new Map<string, number>()
  private readonly byNode = new WeakMap<Expr, number>()
  private readonly uses: number[] = []
  private readonly compiled = new Map<number, Compiled>()
  /** Children before their parents. */
  private readonly order: Expr[] = []

  /** Counts how often each subexpression is used. Without recursion: chains of thousands of operators are legal. */
  count(expr: Expr): void {
    const order: Expr[] = []
    exprTree.walk(expr, node => void order.push(node))
    // Children before their parents, whose keys are made of the numbers of the children.
    for (const node of order.toReversed()) {
      this.idOf(node)
      this.order.push(node)
    }
    exprTree.walk(expr, node => {
      const id = this.idOf(node)
      this.uses[id] = (this.uses[id] ?? 0) + 1
      return this.uses[id] === 1
    })
  }

  compileAll(): void {
    for (const node of this.order) this.compile(node)
  }

  compile(expr: Expr): Compiled {
    const id = this.idOf(expr)
    let compiled = this.compiled.get(id)
    if (compiled === undefined) {
      compiled = compileNode(expr, child => this.compile(child))
      if (this.uses[id] > 1 && isShareable(expr)) {
        const { evaluate } = compiled
        compiled = { evaluate: frame => frame.shared(id, () => evaluate(frame)) }
      }
      this.compiled.set(id, compiled)
    }
    return compiled
  }

  private idOf(expr: Expr): number {
    const known = this.byNode.get(expr)
    if (known !== undefined) return known
    const children = new Set<unknown>(exprTree.children(expr))
    const own = JSON.stringify(expr, (key, value: unknown) => {
      if (children.has(value)) return this.idOf(value as Expr)
      if (typeof value === 'bigint') return `${value}n`
      if (typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0)))
        return `float ${Object.is(value, -0) ? '-0' : value}`
      return key === 'name' && expr.kind === 'input' ? undefined : value
    })
    const id = this.ids.get(own) ?? this.ids.size
    this.ids.set(own, id)
    this.byNode.set(expr, id)
    return id
  }
}

function isShareable(expr: Expr): boolean {
  if (expr.kind === 'input' || expr.kind === 'literal') return false
  return !isVolatile(expr)
}

type Compile = (expr: Expr) => Compiled

function compileNode(expr: Expr, compile: Compile): Compiled {
  const evaluateOf = (child: Expr): Evaluate => compile(child).evaluate
  switch (expr.kind) {
    case 'input':
      return { evaluate: frame => frame.input(expr.index) }
    case 'literal':
      return {
        evaluate: frame => constantColumn(expr.type, expr.value, frame.rowCount),
        constant: { value: expr.value },
      }
    case 'case':
      return compileCase(expr, compile)
    case 'call': {
      const args = expr.args.map(evaluateOf)
      if (expr.name === 'coalesce') return { evaluate: frame => evaluateCoalesce(frame, args, expr.type) }
      return eager(expr, compile, callColumn)
    }
    case 'binary':
      if (expr.op === 'and' || expr.op === 'or') return compileLogic(expr, expr.op, compile)
      return eager(expr, compile, binaryColumn)
    case 'chain':
      return compileChain(expr, compile)
    case 'isNull':
      return unary(compile(expr.input), column => isNullColumn(column, expr.negated))
    case 'not':
      return unary(compile(expr.input), notColumn)
    case 'negate':
      return eager(expr, compile, negateOperand)
    case 'cast':
      return eager(expr, compile, castOperand)
    case 'inList':
      return eager(expr, compile, inListOperand)
    case 'like':
      return eager(expr, compile, likeOperand)
    case 'column':
    case 'aggregate':
      return invariant(false, `${expr.kind} ${expr.name} in a compiled expression`) as never
    default:
      return unreachable(expr)
  }
}

function compileCase(expr: Extract<Expr, { kind: 'case' }>, compile: Compile): Compiled {
  const [whens, thens] = [expr.whens.map(compile), expr.thens.map(compile)]
  const otherwise = expr.otherwise === undefined ? undefined : compile(expr.otherwise)
  const general = (frame: Frame): Column =>
    evaluateCase(frame, whens.map(toEvaluate), thens.map(toEvaluate), otherwise?.evaluate, expr.type)
  if (!isSelect(expr)) return { evaluate: general }
  const branches = whens.map(({ evaluate }, i) => ({ when: evaluate, value: branchOf(thens[i]) }))
  const rest = otherwise === undefined ? constantBranch(null) : branchOf(otherwise)
  return { evaluate: frame => evaluateSelect(frame, branches, rest, expr.type) ?? general(frame) }
}

const toEvaluate = ({ evaluate }: Compiled): Evaluate => evaluate

function branchOf({ constant, evaluate }: Compiled): SelectBranch['value'] {
  if (constant !== undefined) return constantBranch(constant.value)
  return (frame, use) => {
    const column = evaluate(frame)
    return using([column], () => use({ column }))
  }
}

function unary(input: Compiled, apply: (column: Column) => Column): Compiled {
  return {
    evaluate(frame) {
      const column = input.evaluate(frame)
      return using([column], () => apply(column))
    },
  }
}

/** The kernel of a node over its operands, or undefined when it has none for them. */
export type NodeKernel<E> = (expr: E, operands: readonly Operand[], rowCount: number) => Column | undefined

/** A node all of whose operands are computed first: by its kernel, else once per dictionary value, else row by row. */
function eager<E extends EagerExpr>(expr: E, compile: Compile, kernel: NodeKernel<E>): Compiled {
  const children = exprTree.children(expr).map(compile)
  const columnAt = children.findIndex(child => child.constant === undefined)
  const single =
    columnAt >= 0 &&
    children.every((child, i) => i === columnAt || child.constant !== undefined) &&
    propagatesNull(expr)
  const apply = (operands: readonly Operand[], rowCount: number): Column =>
    operands.every(isConstant)
      ? applyByRow(expr, operands, rowCount)
      : (kernel(expr, operands, rowCount) ?? applyByRow(expr, operands, rowCount))
  return {
    evaluate(frame) {
      return withOperands(frame, children, operands => {
        const operand = operands[columnAt]
        if (!single || isConstant(operand)) return apply(operands, frame.rowCount)
        return overDictionary(operand.column, column => apply(operands.with(columnAt, { column }), column.length))
      })
    },
  }
}

function withOperands(
  frame: Frame,
  children: readonly Compiled[],
  use: (operands: readonly Operand[]) => Column,
): Column {
  const columns = collect(
    children.filter(child => child.constant === undefined),
    child => child.evaluate(frame),
  )
  return using(columns, () => {
    let next = 0
    return use(children.map(child => child.constant ?? { column: columns[next++] }))
  })
}

/** One step after the other over the result so far: at no time are there more than two columns. */
function compileChain(expr: Extract<Expr, { kind: 'chain' }>, compile: Compile): Compiled {
  const first = compile(expr.head)
  const steps = chainSteps(expr).map(step => ({ step, right: compile(step.right) }))
  return {
    evaluate: frame =>
      steps.reduce(
        (left, { step, right }) =>
          using([left], () =>
            withOperands(frame, [right], ([operand]) => {
              const operands = [{ column: left }, operand]
              return binaryColumn(step, operands, frame.rowCount) ?? applyByRow(step, operands, frame.rowCount)
            }),
          ),
        first.evaluate(frame),
      ),
  }
}

function compileLogic(expr: Extract<Expr, { kind: 'binary' }>, op: 'and' | 'or', compile: Compile): Compiled {
  invariant(typeOf(expr).kind === 'boolean', 'logic on booleans')
  const [left, right] = [compile(expr.left).evaluate, compile(expr.right).evaluate]
  const lazy = mayRaise(expr.right)
  return {
    evaluate(frame) {
      const a = left(frame)
      return using([a], () => {
        const b = lazy ? evaluateRest(frame, a, right, op === 'or') : right(frame)
        if (b === undefined) return borrowed(a)
        return using([b], () => logicColumns(op, a, b))
      })
    },
  }
}
