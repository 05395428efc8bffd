/** Expressions of the syntax tree as typed expressions: names resolved, arguments coerced, every error with its place. */
import { BOOLEAN, DATE, INTERVAL, NULL, UTF8, timestamp, type DataType } from '../../arrow/types.js'
import { fail, type Span } from '../../common/errors.js'
import { unreachable } from '../../common/invariant.js'
import {
  binaryExpr,
  callExpr,
  caseExpr,
  castExpr,
  inListExpr,
  isNullExpr,
  likeExpr,
  negateExpr,
  notExpr,
  numberLiteral,
} from '../../expr/build.js'
import { ChainBuilder } from '../../expr/chain.js'
import { literal, type ArithmeticOp, type BinaryOp, type Expr } from '../../expr/expr.js'
import { aggregateFunction } from '../../expr/functions/index.js'
import { parseTypeNode } from '../../expr/types.js'
import { parseValue } from '../../expr/value-text.js'
import type { BinaryOperator, ExprNode, Ident, TypeNode } from '../../parser/ast.js'
import { bindAggregate } from './aggregate-call.js'
import { at, type Binder } from './context.js'
import { toOuter } from './correlation.js'
import { exprName } from './name.js'
import { columnNotFound, findInScope, pathText, type Scope } from './scope.js'

/** Where an expression stands: what it may refer to. */
export interface ExprContext {
  readonly binder: Binder
  readonly scope: Scope
  /** For messages: `WHERE`, `GROUP BY`, `LIMIT`. */
  readonly clause: string
  /** Aggregates are refused where absent. */
  readonly allowAggregates?: boolean
  /** Select-list aliases usable where no column has the name: the aliased expression. */
  readonly aliases?: (name: Ident) => Expr | undefined
  /** Select-list aliases usable where neither this query nor one around it has such a column. */
  readonly reusable?: (name: Ident) => Expr | undefined
  /** All select-list aliases: for a helpful message about one that comes later. */
  readonly hiddenAliases?: ReadonlySet<string>
  /** Binds a subquery expression; refused where absent. */
  readonly subquery?: (node: SubqueryNode, ctx: ExprContext) => Expr
}

export type SubqueryNode = Extract<ExprNode, { kind: 'inSubquery' | 'quantified' | 'exists' | 'scalarSubquery' }>
type Node<Kind extends ExprNode['kind']> = Extract<ExprNode, { kind: Kind }>

/** The typed expression of a syntax node. Throws coded errors that carry the span of the smallest wrong part. */
export function bindExpr(node: ExprNode, ctx: ExprContext): Expr {
  return at(node.span, () => bindNode(node, ctx))
}

function bindNode(node: ExprNode, ctx: ExprContext): Expr {
  const bind = (child: ExprNode): Expr => bindExpr(child, ctx)
  switch (node.kind) {
    case 'column':
      return bindColumn(node, ctx)
    case 'number':
    case 'string':
    case 'boolean':
    case 'null':
    case 'typedString':
    case 'interval':
    case 'parameter':
      return bindLiteral(node, ctx.binder)
    case 'unary':
      return bindUnary(node.op, bind(node.input))
    case 'binary':
      return bindBinary(node, bind)
    case 'isNull':
      return isNullExpr(bind(node.input), node.negated)
    case 'isTruth':
      return bindTruth(node, bind(node.input))
    case 'between':
      return bindBetween(node, bind)
    case 'inList':
      return inListExpr(bind(node.input), node.list.map(bind), node.negated)
    case 'inSubquery':
    case 'quantified':
    case 'exists':
    case 'scalarSubquery':
      if (ctx.subquery === undefined) throw fail('NOT_SUPPORTED', [`a subquery in ${ctx.clause}`])
      return ctx.subquery(node, ctx)
    case 'like':
      return bindLike(node, bind)
    case 'case':
      return bindCase(node, bind)
    case 'cast':
      return castExpr(bind(node.input), bindType(node.type), node.safe)
    case 'extract':
      return callExpr('date_part', [literal(node.field, UTF8), bind(node.input)])
    case 'call':
      return bindCall(node, ctx)
    case 'list':
    case 'struct':
      throw fail('NOT_SUPPORTED', [`a ${node.kind} as a value`])
    case 'subscript':
      throw fail('NOT_SUPPORTED', ['an element of a value'])
    case 'groupingSets':
      throw fail('NOT_SUPPORTED', [{ rollup: 'ROLLUP', cube: 'CUBE', sets: 'GROUPING SETS' }[node.how]])
    case 'star':
      throw fail('INVALID_ARGUMENT', ['* is not an expression here; it may be the argument of count(*)'])
    default:
      return unreachable(node)
  }
}

type LiteralNode = Node<'number' | 'string' | 'boolean' | 'null' | 'typedString' | 'interval' | 'parameter'>

function bindLiteral(node: LiteralNode, binder: Binder): Expr {
  switch (node.kind) {
    case 'number':
      return numberLiteral(node.text)
    case 'string':
      return literal(node.value, UTF8)
    case 'boolean':
      return literal(node.value, BOOLEAN)
    case 'null':
      return literal(null, NULL)
    case 'typedString': {
      const type = bindType(node.type)
      return literal(parseValue(node.value, type), type)
    }
    case 'interval': {
      const text = node.unit === undefined ? node.value : `${node.value} ${node.unit}`
      return literal(parseValue(text, INTERVAL), INTERVAL)
    }
    case 'parameter': {
      const value = binder.context.parameters?.get(node.name)
      if (value === undefined) throw fail('INVALID_ARGUMENT', [`parameter $${node.name} has no value`])
      return value
    }
    default:
      return unreachable(node)
  }
}

/** Longer runs of arithmetic would make a tree too deep for the stack. */
const MAX_ARITHMETIC_DEPTH = 64

/** Operators to the left of each other are bound in a loop, not by recursion: there may be thousands. */
function bindBinary(node: Node<'binary'>, bind: (child: ExprNode) => Expr): Expr {
  const steps: { readonly node: Node<'binary'>; readonly op: ArithmeticOp }[] = []
  let first: ExprNode = node
  for (let op = arithmeticOp(first); first.kind === 'binary' && op !== undefined; op = arithmeticOp(first)) {
    steps.push({ node: first, op })
    first = first.left
  }
  if (steps.length <= MAX_ARITHMETIC_DEPTH) return binaryExpr(BINARY_OPS[node.op], bind(node.left), bind(node.right))
  const chain = new ChainBuilder(bind(first))
  for (const step of steps.toReversed()) at(step.node.span, () => chain.add(step.op, bind(step.node.right)))
  return chain.build()
}

function arithmeticOp(node: ExprNode): ArithmeticOp | undefined {
  if (node.kind !== 'binary') return undefined
  const op = BINARY_OPS[node.op]
  return op === '+' || op === '-' || op === '*' || op === '/' || op === '%' ? op : undefined
}

function bindBetween(node: Node<'between'>, bind: (child: ExprNode) => Expr): Expr {
  const input = bind(node.input)
  const [low, high] = [bind(node.low), bind(node.high)]
  if (node.negated) return binaryExpr('or', binaryExpr('<', input, low), binaryExpr('>', input, high))
  return binaryExpr('and', binaryExpr('>=', input, low), binaryExpr('<=', input, high))
}

export const BINARY_OPS: Readonly<Record<BinaryOperator, BinaryOp>> = {
  '+': '+',
  '-': '-',
  '*': '*',
  '/': '/',
  '%': '%',
  '||': '||',
  '=': '=',
  '<>': '<>',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
  and: 'and',
  or: 'or',
  'is distinct from': 'distinct',
  'is not distinct from': 'notDistinct',
}

/** A SQL type; throws TYPE_MISMATCH with the place of the type's name. */
export const bindType = (node: TypeNode): DataType => at(node.span, () => parseTypeNode(node.name, node.args))

/** `sum(t.x)`: the column name of an expression without alias. */
export const nodeName = (node: ExprNode, scope: Scope): string => exprName(node, path => qualifiedText(path, scope))

function qualifiedText(path: readonly Ident[], scope: Scope): string {
  const column = findInScope(scope, path, path[0].span)
  if (column === undefined) return pathText(path)
  return column.relation === undefined ? column.name : `${column.relation}.${column.name}`
}

function bindColumn(node: Node<'column'>, ctx: ExprContext): Expr {
  const found =
    findInScope(ctx.scope, node.path, node.span)?.expr ??
    (node.path.length === 1 ? ctx.aliases?.(node.path[0]) : undefined)
  if (found !== undefined) return noted(found, node.span, ctx.binder)
  const name = node.path[0].name
  if (node.path.length === 1 && !node.path[0].quoted) {
    const value = instantValue(name, ctx.binder)
    if (value !== undefined) return value
  }
  const outer = outerColumn(node, ctx.binder)
  if (outer !== undefined) return outer
  const reused = node.path.length === 1 ? ctx.reusable?.(node.path[0]) : undefined
  if (reused !== undefined) return reused
  const hidden = node.path.length === 1 && ctx.hiddenAliases?.has(name)
  const note = hidden ? ': it is an alias, which can only be used after its definition' : ''
  throw columnNotFound(ctx.scope, node.path, node.span, note)
}

/** A column of a query around this subquery, of the nearest that has it. */
function outerColumn(node: Node<'column'>, binder: Binder): Expr | undefined {
  for (const [distance, scope] of binder.outer.toReversed().entries()) {
    const found = findInScope(scope, node.path, node.span)
    if (found === undefined) continue
    let expr = found.expr
    for (let level = 0; level <= distance; level++) expr = toOuter(expr)
    return noted(expr, node.span, binder)
  }
  return undefined
}

/** The same column as an object of its own, so that its place can be remembered. */
export function noted(expr: Expr, span: Span, binder: Binder): Expr {
  if (expr.kind !== 'column') return expr
  const copy = { ...expr }
  binder.spans.set(copy, span)
  return copy
}

const NANOS_PER_DAY = 86_400_000_000_000n

/** The words and functions that mean the instant of the query. */
function instantValue(name: string, binder: Binder): Expr | undefined {
  const { now, onNow } = binder.context
  switch (name) {
    case 'now':
    case 'current_timestamp':
      onNow?.()
      return literal(now, timestamp('ns'))
    case 'current_date':
    case 'today':
      onNow?.()
      return literal(Number((now - (((now % NANOS_PER_DAY) + NANOS_PER_DAY) % NANOS_PER_DAY)) / NANOS_PER_DAY), DATE)
    default:
      return undefined
  }
}

function bindUnary(op: '-' | '+' | 'not', input: Expr): Expr {
  switch (op) {
    case 'not':
      return notExpr(input)
    case '-':
      return negateExpr(input)
    case '+':
      negateExpr(input)
      return input
  }
}

/** IS [NOT] TRUE, FALSE, UNKNOWN: never NULL. */
function bindTruth(node: Node<'isTruth'>, input: Expr): Expr {
  if (node.truth === 'unknown') return isNullExpr(castExpr(input, BOOLEAN), node.negated)
  return binaryExpr(
    node.negated ? 'distinct' : 'notDistinct',
    castExpr(input, BOOLEAN),
    literal(node.truth === 'true', BOOLEAN),
  )
}

function bindLike(node: Node<'like'>, bind: (child: ExprNode) => Expr): Expr {
  const { negated, caseInsensitive } = node
  const options = { negated, caseInsensitive }
  if (node.escape === undefined) return likeExpr(bind(node.input), bind(node.pattern), options)
  if (node.escape.kind !== 'string') {
    throw fail('INVALID_ARGUMENT', ['ESCAPE takes one character in quotes'], { span: node.escape.span })
  }
  return likeExpr(bind(node.input), bind(node.pattern), { ...options, escape: node.escape.value })
}

function bindCase(node: Node<'case'>, bind: (child: ExprNode) => Expr): Expr {
  const operand = node.operand === undefined ? undefined : bind(node.operand)
  const whens = node.whens.map(when =>
    operand === undefined ? bind(when) : at(when.span, () => binaryExpr('=', operand, bind(when))),
  )
  return caseExpr(whens, node.thens.map(bind), node.otherwise === undefined ? undefined : bind(node.otherwise))
}

function bindCall(node: Node<'call'>, ctx: ExprContext): Expr {
  const written = node.name.name.toLowerCase()
  const name = ctx.binder.context.functions?.get(written) ?? written
  if (node.over !== undefined) throw fail('NOT_SUPPORTED', [`the window function ${written}() OVER (…)`])
  if (aggregateFunction(name) !== undefined) {
    const aggregate = bindAggregate(node, name, ctx, bindExpr)
    ctx.binder.names.set(aggregate, nodeName(node, ctx.scope))
    ctx.binder.spans.set(aggregate, node.span)
    return aggregate
  }
  const isModified = node.withinGroup !== undefined || node.nulls !== undefined
  if (node.distinct || node.filter !== undefined || node.orderBy.length > 0 || isModified) {
    throw fail('INVALID_ARGUMENT', [
      `${written} is not an aggregate: DISTINCT, ORDER BY, FILTER and NULLS have no meaning for it`,
    ])
  }
  const instant = node.args.length === 0 ? instantValue(name, ctx.binder) : undefined
  return (
    instant ??
    callExpr(
      name,
      node.args.map(arg => bindExpr(arg, ctx)),
    )
  )
}
