/** Runs of arithmetic operators as trees: what binds tighter is folded first, everything from left to right. */
import type { BinaryOperator, ExprNode } from './ast.js'
import { binary, chain, wordCall } from './build.js'

export interface Operation {
  readonly op: BinaryOperator | BitOperator
  readonly right: ExprNode
}

const ARITHMETIC_PRECEDENCE: Readonly<Partial<Record<BinaryOperator, number>>> = {
  '+': 1,
  '-': 1,
  '*': 2,
  '/': 2,
  '%': 2,
}

/** A flat run of `||` and bit operators, `+ -`, `* / %` (loosest first) as a tree; each of them associates to the left. */
export function arithmetic(head: ExprNode, tail: readonly Operation[]): ExprNode {
  if (tail.length === 0) return head
  const parts: { readonly op: LooseOperator; readonly right: ExprNode }[] = []
  let [op, first, start]: [LooseOperator, ExprNode, number] = ['||', head, 0]
  for (let at = 0; at <= tail.length; at++) {
    const next = at < tail.length ? tail[at] : undefined
    if (next !== undefined && !isLoose(next.op)) continue
    parts.push({ op, right: foldArithmetic(first, tail.slice(start, at)) })
    if (next !== undefined && isLoose(next.op)) [op, first, start] = [next.op, next.right, at + 1]
  }
  const operands = parts.map(({ right }) => right)
  if (parts.every(part => part.op === '||')) return chain('||', operands[0], operands.slice(1))
  return parts.slice(1).reduce((left, part) => loose(part.op, left, part.right), operands[0])
}

/** Operators on bits, as the functions that they stand for. */
const BIT_FUNCTIONS = {
  '&': 'bitwise_and',
  '|': 'bitwise_or',
  '#': 'bitwise_xor',
  '<<': 'bitwise_shift_left',
  '>>': 'bitwise_shift_right',
} as const

type BitOperator = keyof typeof BIT_FUNCTIONS
type LooseOperator = '||' | BitOperator

const isLoose = (op: Operation['op']): op is LooseOperator => op === '||' || op in BIT_FUNCTIONS

function loose(op: LooseOperator, left: ExprNode, right: ExprNode): ExprNode {
  if (op === '||') return binary(op, left, right)
  return wordCall({ start: left.span.start, end: right.span.end }, BIT_FUNCTIONS[op], [left, right])
}

/** Operator precedence with two levels: the sum so far and the product under way. */
function foldArithmetic(head: ExprNode, tail: readonly Operation[]): ExprNode {
  let sum: { left: ExprNode; op: BinaryOperator } | undefined
  let product = head
  for (const { op, right } of tail) {
    if (isLoose(op)) continue
    if (ARITHMETIC_PRECEDENCE[op] === 2) product = binary(op, product, right)
    else {
      sum = { left: sum === undefined ? product : binary(sum.op, sum.left, product), op }
      product = right
    }
  }
  return sum === undefined ? product : binary(sum.op, sum.left, product)
}
