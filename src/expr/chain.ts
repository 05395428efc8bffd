/** Long runs of arithmetic as one flat node, so that thousands of operands make no deep tree. */
import { sameType } from '../arrow/types.js'
import { binaryExpr, columnExpr } from './build.js'
import { typeOf, type ArithmeticOp, type Expr } from './expr.js'

/**
 * Collects `head op right op right …`, coerced step by step exactly as nested binaryExpr() calls would: steps that keep the
 * type become one chain, the others binary nodes.
 */
export class ChainBuilder {
  #head: Expr
  #ops: ArithmeticOp[] = []
  #rest: Expr[] = []

  constructor(head: Expr) {
    this.#head = head
  }

  /** Throws what binaryExpr() throws. */
  add(op: ArithmeticOp, right: Expr): void {
    const type = typeOf(this.#head)
    const soFar = columnExpr('', type, true)
    const step = this.#rest.length > 0 || this.#head.kind !== 'literal' ? binaryExpr(op, soFar, right) : undefined
    const keepsType = step?.kind === 'binary' && step.left === soFar && sameType(step.type, type)
    if (keepsType && (this.#ops.length === 0 || isSum(this.#ops[0]) === isSum(op))) {
      this.#ops.push(op)
      this.#rest.push(step.right)
    } else {
      this.#head = binaryExpr(op, this.build(), right)
      this.#ops = []
      this.#rest = []
    }
  }

  build(): Expr {
    if (this.#rest.length === 0) return this.#head
    return { kind: 'chain', head: this.#head, ops: this.#ops, rest: this.#rest, type: typeOf(this.#head) }
  }
}

const isSum = (op: ArithmeticOp): boolean => op === '+' || op === '-'
