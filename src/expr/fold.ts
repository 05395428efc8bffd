/** Constant folding: subexpressions without columns become literals; what would raise an error is left for run time. */
import { BallistaError } from '../common/errors.js'
import { exprTree, literal, typeOf, type Expr } from './expr.js'
import { scalarFunction } from './functions/index.js'
import { evaluateRow } from './interpret.js'

/** The expression with every constant part computed; the same object when there was none. */
export const foldConstants = (expr: Expr): Expr => exprTree.transformUp(expr, foldNode)

function foldNode(node: Expr): Expr {
  if (node.kind === 'binary' && (node.op === 'and' || node.op === 'or')) return foldLogic(node)
  if (node.kind === 'case') return foldCase(node)
  if (!isFoldable(node) || !exprTree.children(node).every(child => child.kind === 'literal')) return node
  try {
    return literal(evaluateRow(node, []), typeOf(node))
  } catch (error) {
    // 1/0 in a branch that is never reached must not fail the query.
    if (error instanceof BallistaError) return node
    throw error
  }
}

function isFoldable(node: Expr): boolean {
  if (node.kind === 'call') return scalarFunction(node.name)?.volatility === 'immutable'
  return node.kind !== 'column' && node.kind !== 'input' && node.kind !== 'literal' && node.kind !== 'aggregate'
}

const isLiteral = (expr: Expr, value: boolean): boolean => expr.kind === 'literal' && expr.value === value

/**
 * `false AND x` is false and `true AND x` is x; a deciding right side may only replace a left side that cannot raise.
 */
function foldLogic(node: Extract<Expr, { kind: 'binary' }>): Expr {
  const decides = node.op === 'or'
  const { left, right } = node
  if (isLiteral(left, decides) || isLiteral(right, !decides)) return left
  if (isLiteral(left, !decides)) return right
  if (left.kind === 'literal' && right.kind === 'literal') return literal(evaluateRow(node, []), node.type)
  return isLiteral(right, decides) && !mayRaise(left) ? right : node
}

/** Branches that are never taken go; the first that is always taken ends the CASE. */
function foldCase(node: Extract<Expr, { kind: 'case' }>): Expr {
  const never = (when: Expr): boolean => when.kind === 'literal' && when.value !== true
  if (!node.whens.some(when => when.kind === 'literal')) return node
  const whens: Expr[] = []
  const thens: Expr[] = []
  let otherwise = node.otherwise
  for (const [i, when] of node.whens.entries()) {
    if (never(when)) continue
    if (isLiteral(when, true)) {
      otherwise = node.thens[i]
      break
    }
    whens.push(when)
    thens.push(node.thens[i])
  }
  if (whens.length === 0) return otherwise ?? literal(null, node.type)
  return otherwise === undefined
    ? { kind: 'case', whens, thens, type: node.type }
    : { kind: 'case', whens, thens, otherwise, type: node.type }
}

/** Whether evaluating the expression can throw for some row; used where an evaluation would be speculative. */
export function mayRaise(expr: Expr): boolean {
  return exprTree.some(expr, node => {
    switch (node.kind) {
      case 'chain':
        return node.type.kind !== 'float'
      case 'binary':
        return ['+', '-', '*', '/', '%'].includes(node.op) && !(node.type.kind === 'float')
      case 'negate':
        return node.type.kind !== 'float'
      case 'cast':
        return !node.safe && !isWidening(node)
      case 'call':
        return node.name !== 'coalesce' && node.name !== 'nullif'
      default:
        return false
    }
  })
}

function isWidening(node: Extract<Expr, { kind: 'cast' }>): boolean {
  const from = typeOf(node.input)
  if (node.type.kind === 'float') return from.kind === 'int' || from.kind === 'float' || from.kind === 'decimal'
  if (from.kind === 'int' && node.type.kind === 'int')
    return from.signed && node.type.signed && from.bits <= node.type.bits
  return node.type.kind === 'utf8' && from.kind !== 'binary'
}
