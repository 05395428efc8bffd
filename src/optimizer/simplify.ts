/** Expression algebra that is exact in three-valued logic: used by simplify_expressions and by filter pushdown. */
import { BOOLEAN, UTF8 } from '../arrow/types.js'
import { equals, mapList } from '../common/tree.js'
import { conjunction, disjunction, splitConjunction, splitDisjunction } from '../expr/build.js'
import { displayExpr } from '../expr/display.js'
import { exprTree, literal, typeOf, type ComparisonOp, type Expr } from '../expr/expr.js'
import { foldConstants } from '../expr/fold.js'
import { likePieces } from '../expr/like-pattern.js'
import { unwrapComparison, unwrapInList } from './unwrap-cast.js'
import { isVolatile } from '../expr/volatile.js'

type BinaryExpr = Extract<Expr, { kind: 'binary' }>

/** An equal expression with constants folded and boolean operators reduced; the same object when nothing applies. */
export function simplify(expr: Expr): Expr {
  return reduce(foldConstants(expr))
}

function reduce(expr: Expr): Expr {
  if (isLogical(expr)) return reduceLogical(expr)
  const node = exprTree.mapChildren(expr, reduce)
  switch (node.kind) {
    case 'not':
      return reduceNot(node)
    case 'inList':
      return reduceInList(unwrapInList(node))
    case 'binary':
      return unwrapComparison(node)
    case 'like':
      return reduceLike(node)
    default:
      return node
  }
}

/** LIKE without wildcards is equality. */
function reduceLike(node: Extract<Expr, { kind: 'like' }>): Expr {
  const { input, pattern, escape, negated, caseInsensitive } = node
  if (caseInsensitive || pattern.kind !== 'literal' || typeof pattern.value !== 'string') return node
  const pieces = likePieces(pattern.value, escape)
  if (typeOf(input).kind !== 'utf8' || pieces.some(({ kind }) => kind !== 'text')) return node
  const text = pieces.map(piece => (piece.kind === 'text' ? piece.text : '')).join('')
  return { kind: 'binary', op: negated ? '<>' : '=', left: input, right: literal(text, UTF8), type: BOOLEAN }
}

const isLogical = (expr: Expr): expr is BinaryExpr & { op: 'and' | 'or' } =>
  expr.kind === 'binary' && (expr.op === 'and' || expr.op === 'or')

/** `x AND true` is x, `x AND false` is false, repeated terms once; OR likewise. */
function reduceLogical(expr: BinaryExpr & { op: 'and' | 'or' }): Expr {
  const isAnd = expr.op === 'and'
  const terms = isAnd ? splitConjunction(expr) : splitDisjunction(expr)
  const reduced = mapList(terms, reduce).flatMap(term => (isAnd ? splitConjunction(term) : splitDisjunction(term)))
  const kept = distinctExprs(reduced.filter(term => !isBoolean(term, isAnd)))
  if (kept.some(term => isBoolean(term, !isAnd))) return literal(!isAnd, BOOLEAN)
  if (kept.length === 0) return literal(isAnd, BOOLEAN)
  const factored = isAnd ? undefined : factorDisjunction(kept)
  if (factored !== undefined) return factored
  const merged = isAnd ? kept : mergeEqualities(kept)
  if (merged.length === terms.length && merged.every((term, i) => term === terms[i])) return expr
  return (isAnd ? conjunction(merged) : disjunction(merged)) ?? literal(isAnd, BOOLEAN)
}

const isBoolean = (expr: Expr, value: boolean): boolean => expr.kind === 'literal' && expr.value === value

/** The list without repetitions, first occurrences kept; what is volatile repeats nothing. */
export function distinctExprs(exprs: readonly Expr[]): readonly Expr[] {
  const byText = new Map<string, Expr[]>()
  return exprs.filter(expr => {
    if (isVolatile(expr)) return true
    const text = displayExpr(expr)
    const alike = byText.get(text)
    if (alike?.some(other => equals(other, expr))) return false
    if (alike === undefined) byText.set(text, [expr])
    else alike.push(expr)
    return true
  })
}

/** `(a AND b) OR (a AND c)` as `a AND (b OR c)`; undefined when the branches have no common term. */
function factorDisjunction(branches: readonly Expr[]): Expr | undefined {
  if (branches.length < 2) return undefined
  const terms = branches.map(splitConjunction)
  const common = terms[0].filter(
    term => !isVolatile(term) && terms.every(list => list.some(other => equals(other, term))),
  )
  if (common.length === 0) return undefined
  const rests = terms.map(list => list.filter(term => !common.some(other => equals(other, term))))
  if (rests.some(rest => rest.length === 0)) return conjunction(common)
  const rest = disjunction(rests.flatMap(list => conjunction(list) ?? []))
  return conjunction(rest === undefined ? common : [...common, reduce(rest)])
}

/** `x = 1 OR x = 2` as `x IN (1, 2)`, at the place of the first of them. */
function mergeEqualities(branches: readonly Expr[]): readonly Expr[] {
  const groups: { input: Expr; items: Expr[]; first: Expr }[] = []
  const places = branches.map(branch => {
    const choice = choiceOf(branch)
    if (choice === undefined || isVolatile(choice.input)) return branch
    const group = groups.find(({ input }) => equals(input, choice.input))
    if (group !== undefined) {
      group.items.push(...choice.items)
      return undefined
    }
    const started = { input: choice.input, items: [...choice.items], first: branch }
    groups.push(started)
    return started
  })
  return places.flatMap((place): Expr[] => {
    if (place === undefined) return []
    if (!('first' in place)) return [place]
    const merged = branches.filter(branch => equals(choiceOf(branch)?.input, place.input)).length > 1
    return merged
      ? [{ kind: 'inList', input: place.input, list: distinctExprs(place.items), negated: false }]
      : [place.first]
  })
}

/** `x = literal` and `x IN (literals)` as an input and its choices. */
function choiceOf(expr: Expr): { input: Expr; items: readonly Expr[] } | undefined {
  if (expr.kind === 'inList' && !expr.negated && expr.list.every(item => item.kind === 'literal')) {
    return { input: expr.input, items: expr.list }
  }
  if (expr.kind !== 'binary' || expr.op !== '=') return undefined
  if (expr.right.kind === 'literal' && expr.left.kind !== 'literal') return { input: expr.left, items: [expr.right] }
  if (expr.left.kind === 'literal' && expr.right.kind !== 'literal') return { input: expr.right, items: [expr.left] }
  return undefined
}

const INVERSE: Readonly<Record<ComparisonOp, ComparisonOp>> = {
  '=': '<>',
  '<>': '=',
  '<': '>=',
  '<=': '>',
  '>': '<=',
  '>=': '<',
}

/** NOT moves down to the leaves (De Morgan), so that conjuncts come apart and comparisons can be pushed. */
function reduceNot(node: Extract<Expr, { kind: 'not' }>): Expr {
  const { input } = node
  switch (input.kind) {
    case 'not':
      return input.input
    case 'isNull':
    case 'inList':
    case 'like':
      return { ...input, negated: !input.negated }
    case 'binary':
      return negateBinary(input) ?? node
    default:
      return node
  }
}

function negateBinary(input: BinaryExpr): Expr | undefined {
  switch (input.op) {
    case 'and':
      return disjunction(splitConjunction(input).map(term => reduceNot({ kind: 'not', input: term })))
    case 'or':
      return conjunction(splitDisjunction(input).map(term => reduceNot({ kind: 'not', input: term })))
    case 'distinct':
      return { ...input, op: 'notDistinct' }
    case 'notDistinct':
      return { ...input, op: 'distinct' }
    case '=':
    case '<>':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return { ...input, op: INVERSE[input.op] }
    default:
      return undefined
  }
}

/** `x IN (1)` is `x = 1`; repeated items once. */
function reduceInList(node: Extract<Expr, { kind: 'inList' }>): Expr {
  const list = distinctExprs(node.list)
  if (list.length === 1 && typeOf(node.input).kind === typeOf(list[0]).kind) {
    return { kind: 'binary', op: node.negated ? '<>' : '=', left: node.input, right: list[0], type: BOOLEAN }
  }
  return list.length === node.list.length ? node : { ...node, list }
}
