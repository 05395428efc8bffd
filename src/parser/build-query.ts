/**
 * Builders of query and table nodes, called by the actions of the grammar. Parts that were not written arrive as
 * null.
 */
import { fail } from '../common/errors.js'
import type { Span } from '../common/errors.js'
import type {
  ExprNode,
  Ident,
  JoinCondition,
  JoinType,
  NamedArgument,
  ObjectName,
  OrderAll,
  OrderItem,
  QueryBody,
  QueryNode,
  SelectItem,
  SelectNode,
  TableAlias,
  TableNode,
  TableVersion,
} from './ast.js'
import { joinAll } from './build.js'
import type { Parenthesized } from './build.js'

export interface SetPart {
  readonly op: 'union' | 'intersect' | 'except'
  readonly all: boolean
  readonly byName: boolean
  readonly right: QueryBody
}

export type LimitClause = { readonly span: Span; readonly limit?: ExprNode | null; readonly offset?: ExprNode }

/** All that may follow the first operand of a query. */
export interface QueryRest {
  readonly sets: readonly SetPart[]
  readonly orderBy: readonly OrderItem[] | OrderAll | null
  readonly limits: readonly LimitClause[]
}

export interface WithPart {
  readonly recursive: boolean
  readonly items: QueryNode['with']
}

export interface SelectParts {
  readonly distinct: SelectNode['distinct'] | null
  readonly items: readonly SelectItem[] | null
  readonly from: readonly TableNode[] | null
  readonly where: ExprNode | null
  readonly groupBy: readonly ExprNode[] | 'all' | null
  readonly having: ExprNode | null
  readonly windows?: SelectNode['windows'] | null
  readonly qualify: ExprNode | null
}

export function select(span: Span, parts: SelectParts): SelectNode {
  const { where, having, windows, qualify } = parts
  return {
    kind: 'select',
    distinct: parts.distinct ?? false,
    items: parts.items ?? [everything(span)],
    from: parts.from ?? [],
    ...(where ? { where } : {}),
    groupBy: parts.groupBy ?? [],
    ...(having ? { having } : {}),
    ...(windows ? { windows } : {}),
    ...(qualify ? { qualify } : {}),
    span,
  }
}

/** TABLE t: all of it. */
export function wholeTable(span: Span, name: ObjectName): SelectNode {
  return {
    kind: 'select',
    distinct: false,
    items: [everything(span)],
    from: [{ kind: 'table', name, span }],
    groupBy: [],
    span,
  }
}

function everything(span: Span): SelectItem {
  return { kind: 'wildcard', exclude: [], replace: [], span }
}

export function wildcard(
  span: Span,
  qualifier: ObjectName,
  exclude: readonly Ident[] | null,
  replace: readonly { expr: ExprNode; name: Ident }[] | null,
): SelectItem {
  const parts = { exclude: exclude ?? [], replace: replace ?? [], span }
  return qualifier.length === 0 ? { kind: 'wildcard', ...parts } : { kind: 'wildcard', qualifier, ...parts }
}

export function item(span: Span, expr: ExprNode, alias: Ident | null): SelectItem {
  return alias === null ? { kind: 'expr', expr, span } : { kind: 'expr', expr, alias, span }
}

export function setPart(op: string, quantifier: string | null, byName: boolean, right: QueryBody): SetPart {
  return { op: op.toLowerCase() as SetPart['op'], all: quantifier?.toLowerCase() === 'all', byName, right }
}

/** `head` and the rest as one query; a nested query with no rest and no WITH of its own stays `nested`. */
export function query(span: Span, withPart: WithPart | null, head: QueryBody, rest: QueryRest): QueryNode {
  return {
    kind: 'query',
    with: withPart?.items ?? [],
    recursive: withPart?.recursive ?? false,
    body: setOperations(head, rest.sets),
    orderBy: rest.orderBy ?? [],
    ...limitsOf(rest.limits),
    span,
  }
}

/**
 * INTERSECT binds tighter than UNION and EXCEPT, which associate to the left. Long runs of one operator are balanced.
 */
function setOperations(head: QueryBody, sets: readonly SetPart[]): QueryBody {
  const operands: QueryBody[] = [head]
  const operators: SetPart[] = []
  for (const part of sets) {
    if (part.op === 'intersect') operands.push(combine(part, pop(operands), part.right))
    else {
      operands.push(part.right)
      operators.push(part)
    }
  }
  let left = operands[0]
  for (let at = 0; at < operators.length;) {
    let end = at + 1
    while (end < operators.length && isSameUnion(operators[at], operators[end])) end++
    const run = [left, ...operands.slice(at + 1, end + 1)]
    const operator = operators[at]
    left = joinAll(run, (one, other) => combine(operator, one, other))
    at = end
  }
  return left
}

/** Only UNION may be regrouped: (a EXCEPT b) EXCEPT c is not a EXCEPT (b EXCEPT c). */
function isSameUnion(one: SetPart, other: SetPart): boolean {
  return one.op === 'union' && other.op === 'union' && one.all === other.all && one.byName === other.byName
}

function pop(operands: QueryBody[]): QueryBody {
  const [last] = operands.splice(-1)
  return last
}

function combine({ op, all, byName }: SetPart, left: QueryBody, right: QueryBody): QueryBody {
  return { kind: 'setOperation', op, all, byName, left, right, span: { start: left.span.start, end: right.span.end } }
}

/** LIMIT ALL has a null limit: none. Each clause may be written once. */
function limitsOf(clauses: readonly LimitClause[]): { limit?: ExprNode; offset?: ExprNode } {
  let limited = false
  const found: { limit?: ExprNode; offset?: ExprNode } = {}
  for (const { span, limit, offset } of clauses) {
    if ((limit !== undefined && limited) || (offset !== undefined && found.offset !== undefined)) {
      throw fail('SYNTAX', [`${limit === undefined ? 'OFFSET' : 'LIMIT'} is written twice`], { span })
    }
    if (limit !== undefined) limited = true
    if (limit) found.limit = limit
    if (offset !== undefined) found.offset = offset
  }
  return found
}

/** A query in parentheses as an operand of a set operation. */
export function nested(span: Span, inner: QueryNode): QueryBody {
  return { kind: 'nested', query: inner, span }
}

/** A query in parentheses that turned out to be only the start of a larger query. */
export function continued(span: Span, inner: QueryNode, innerSpan: Span, rest: QueryRest): QueryNode {
  return isEmpty(rest) ? inner : query(span, null, nested(innerSpan, inner), rest)
}

export function isEmpty({ sets, orderBy, limits }: QueryRest): boolean {
  return sets.length === 0 && orderBy === null && limits.length === 0
}

/** One expression that is a subquery in parentheses may have been the start of a larger query, which ends at `end`. */
export function continuedExpr(end: number, first: ExprNode, rest: QueryRest): Parenthesized {
  if (first.kind !== 'scalarSubquery' || isEmpty(rest)) return { exprs: [first] }
  return { query: query({ start: first.span.start, end }, null, nested(first.span, first.query), rest) }
}

export function derived(span: Span, inner: QueryNode, alias: TableAlias | null, lateral: boolean): TableNode {
  return { kind: 'derived', query: inner, ...(alias ? { alias } : {}), lateral, span }
}

/** VALUES in FROM without parentheses. */
export function derivedBody(span: Span, body: QueryBody, alias: TableAlias | null): TableNode {
  return derived(span, query(body.span, null, body, { sets: [], orderBy: null, limits: [] }), alias, false)
}

/** `(query) alias`, `(table JOIN table)`, `(table) alias`. */
export function parenthesizedTable(span: Span, inner: TableNode | QueryNode, alias: TableAlias | null): TableNode {
  if (inner.kind === 'query') return derived(span, inner, alias, false)
  if (alias === null) return { ...inner, span }
  if (inner.kind === 'join' || inner.alias !== undefined) {
    throw fail('NOT_SUPPORTED', ['an alias of a join in parentheses'], { span: alias.name.span })
  }
  return { ...inner, alias, span }
}

/** A derived table without alias may have been the start of a larger query. */
export function continuedTable(span: Span, table: TableNode, rest: QueryRest): TableNode | QueryNode {
  return table.kind === 'derived' ? continued(span, table.query, table.span, rest) : table
}

export function isBareDerived(table: TableNode): boolean {
  return table.kind === 'derived' && table.alias === undefined && !table.lateral
}

interface NamedTable {
  readonly name: ObjectName
  readonly version?: TableVersion | null
  readonly alias: TableAlias | null
}

export const named = (span: Span, { alias, name, version }: NamedTable): TableNode => ({
  kind: 'table',
  name,
  ...(version ? { version } : {}),
  ...(alias === null ? {} : { alias }),
  span,
})

export function file(span: Span, path: string, alias: TableAlias | null): TableNode {
  return alias === null ? { kind: 'file', path, span } : { kind: 'file', path, alias, span }
}

export function tableFunction(
  span: Span,
  name: Ident,
  args: readonly (ExprNode | NamedArgument)[],
  alias: TableAlias | null,
): TableNode {
  return { kind: 'function', name, ...splitArguments(args), ...(alias ? { alias } : {}), span }
}

/** `name = value` among the arguments is a named one, as is `name => value` (which has a `name` already). */
export function splitArguments(args: readonly (ExprNode | NamedArgument)[]): {
  args: readonly ExprNode[]
  named: readonly NamedArgument[]
} {
  const positional: ExprNode[] = []
  const named: NamedArgument[] = []
  for (const arg of args) {
    if (!('kind' in arg)) named.push(arg)
    else if (arg.kind === 'binary' && arg.op === '=' && arg.left.kind === 'column' && arg.left.path.length === 1) {
      named.push({ name: arg.left.path[0], value: arg.right })
    } else positional.push(arg)
  }
  return { args: positional, named }
}

export interface JoinPart {
  readonly type: JoinType
  readonly natural: boolean
  readonly right: TableNode
  readonly condition: JoinCondition | null
  readonly span: Span
}

/** `words` is what stands before JOIN, e.g. `left`, `outer`; SEMI and ANTI alone are LEFT SEMI and LEFT ANTI. */
export function joinPart(
  span: Span,
  natural: boolean,
  words: readonly string[],
  right: TableNode,
  condition: JoinCondition | null,
): JoinPart {
  const text = words
    .map(word => word.toLowerCase())
    .filter(word => word !== 'outer')
    .join(' ')
  const type = (text === '' ? 'inner' : text === 'semi' || text === 'anti' ? `left ${text}` : text) as JoinType
  const free = natural || type === 'cross'
  if (free && condition !== null) {
    throw fail('SYNTAX', [`${natural ? 'NATURAL' : 'CROSS'} JOIN takes no ON or USING`], { span })
  }
  if (!free && condition === null) {
    throw fail('SYNTAX', ['JOIN needs ON or USING after its second table; write CROSS JOIN to pair all rows'], { span })
  }
  return { type, natural, right, condition: natural ? { kind: 'natural' } : condition, span }
}

export function joins(head: TableNode, parts: readonly JoinPart[]): TableNode {
  return parts.reduce(
    (left, { type, right, condition, span }): TableNode => ({
      kind: 'join',
      left,
      right,
      type,
      ...(condition ? { condition } : {}),
      span: { start: left.span.start, end: span.end },
    }),
    head,
  )
}
