/**
 * Builders of expression nodes, called by the actions of the grammar. Parts that were not written arrive as null.
 * All of them return fresh nodes and may throw SYNTAX or NOT_SUPPORTED with a span.
 */
import { fail } from '../common/errors.js'
import type { Span } from '../common/errors.js'
import type {
  BinaryOperator,
  ComparisonOperator,
  ExprNode,
  Ident,
  OrderAll,
  OrderItem,
  QueryNode,
  TypeNode,
  WindowFrame,
  WindowNode,
} from './ast.js'
import { intervalUnit, isBareCall, isCallableWord } from './words.js'

/**
 * What follows the operand of a comparison: another operand, or an IS test. Each takes the left side and gives the
 * whole.
 */
export type Suffix = (left: ExprNode) => ExprNode

/** What stands in parentheses: a query, or one or more expressions. */
export type Parenthesized = { readonly query: QueryNode } | { readonly exprs: readonly ExprNode[] }

/**
 * Chains up to this length keep the plain left-deep shape; longer ones are balanced so that recursive passes stay
 * shallow.
 */
const LEFT_DEEP_LIMIT = 64

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', '0': '\0' }

export { isLiteralType, isReserved, isSpecial, isStopWord } from './words.js'

export function ident(span: Span, text: string): Ident {
  return { name: text.toLowerCase(), quoted: false, span }
}

/** `text` is what stands between the double quotes. */
export function quotedIdent(span: Span, text: string): Ident {
  return { name: text.replaceAll('""', '"'), quoted: true, span }
}

/** `words` as written, e.g. `double`, `precision`. */
export function type(span: Span, words: readonly string[], args: readonly number[] | null): TypeNode {
  return { name: words.join(' ').toUpperCase(), args: args ?? [], span }
}

export function number(span: Span, text: string): ExprNode {
  return { kind: 'number', text: text.replaceAll('_', ''), span }
}

export function string(span: Span, value: string): ExprNode {
  return { kind: 'string', value, span }
}

/** The value of a string from the text between its quotes. */
export function unquote(text: string): string {
  return text.replaceAll("''", "'")
}

/** The value of an E'…' string: backslash escapes and doubled quotes. */
export function unescape(text: string): string {
  return text.replace(
    /\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{1,2})|\\([^])|''/g,
    (all, unit: string, byte: string, char: string) => {
      if (unit || byte) return String.fromCharCode(parseInt(unit || byte, 16))
      return char === undefined ? all[0] : (ESCAPES[char] ?? char)
    },
  )
}

export function typedString(span: Span, node: TypeNode, value: string): ExprNode {
  return { kind: 'typedString', type: node, value, span }
}

/** `unit` in any case and number; undefined or null when the value names its units itself. */
export function interval(span: Span, value: string, unit: string | null): ExprNode {
  const known = unit === null ? undefined : intervalUnit(unit)
  return known === undefined ? { kind: 'interval', value, span } : { kind: 'interval', value, unit: known, span }
}

/** True when `word` is an interval unit. */
export function isIntervalUnit(word: string): boolean {
  return intervalUnit(word) !== undefined
}

/** True when the name followed by `(` is an ordinary call. */
export function isCallable({ name, quoted }: Ident): boolean {
  return quoted || isCallableWord(name)
}

/** `a`, `t.a`, or one of the standard's calls without parentheses. */
export function column(span: Span, path: readonly Ident[]): ExprNode {
  const [first] = path
  if (path.length === 1 && !first.quoted && isBareCall(first.name)) return call(span, first, {})
  return { kind: 'column', path, span }
}

export interface CallParts {
  readonly distinct?: boolean
  readonly args?: readonly ExprNode[]
  readonly orderBy?: readonly OrderItem[] | null
  readonly withinGroup?: readonly OrderItem[] | null
  readonly nulls?: 'ignore' | 'respect' | null
  readonly filter?: ExprNode | null
  readonly over?: WindowNode | null
}

export function call(span: Span, name: Ident, parts: CallParts): ExprNode {
  const { distinct, args, orderBy, withinGroup, nulls, filter, over } = parts
  return {
    kind: 'call',
    name,
    args: args ?? [],
    distinct: distinct ?? false,
    orderBy: orderBy ?? [],
    ...(withinGroup ? { withinGroup } : {}),
    ...(nulls ? { nulls } : {}),
    ...(filter ? { filter } : {}),
    ...(over ? { over } : {}),
    span,
  }
}

/** A call the standard writes with words between its arguments, as the ordinary call `name(args)`. */
export function wordCall(span: Span, name: string, args: readonly (ExprNode | null)[]): ExprNode {
  const written = args.filter(arg => arg !== null)
  return call(
    span,
    { name, quoted: false, span: { start: span.start, end: span.start + name.length } },
    { args: written },
  )
}

/** TRIM: `side` is BOTH, LEADING, TRAILING or null; `what` is the set of characters or null. */
export function trim(span: Span, side: string | null, what: ExprNode | null, input: ExprNode): ExprNode {
  const name =
    side === null ? 'trim' : ({ both: 'btrim', leading: 'ltrim', trailing: 'rtrim' }[side.toLowerCase()] ?? 'trim')
  return wordCall(span, name, [input, what])
}

export function negate(
  span: Span,
  ops: readonly { readonly op: '-' | '+'; readonly start: number }[],
  input: ExprNode,
): ExprNode {
  return ops.reduceRight(
    (node, { op, start }): ExprNode => ({ kind: 'unary', op, input: node, span: { start, end: span.end } }),
    input,
  )
}

/** One NOT per place in `starts`. NOT EXISTS becomes a negated EXISTS. */
export function not(span: Span, starts: readonly number[], input: ExprNode): ExprNode {
  return starts.reduceRight((node, start): ExprNode => {
    const place = { start, end: span.end }
    if (node.kind === 'exists' && !node.negated) return { ...node, negated: true, span: place }
    return { kind: 'unary', op: 'not', input: node, span: place }
  }, input)
}

export function binary(op: BinaryOperator, left: ExprNode, right: ExprNode): ExprNode {
  return { kind: 'binary', op, left, right, span: { start: left.span.start, end: right.span.end } }
}

/** `head op a op b …` for an associative operator: left-deep up to LEFT_DEEP_LIMIT operands, else balanced. */
export function chain(op: BinaryOperator, head: ExprNode, tail: readonly ExprNode[]): ExprNode {
  return joinAll([head, ...tail], (left, right) => binary(op, left, right))
}

/** Combines items in order: left-deep up to LEFT_DEEP_LIMIT of them, else as a balanced tree. `items` is not empty. */
export function joinAll<T>(items: readonly T[], join: (left: T, right: T) => T): T {
  if (items.length <= LEFT_DEEP_LIMIT) return items.reduce(join)
  const middle = items.length >> 1
  return join(joinAll(items.slice(0, middle), join), joinAll(items.slice(middle), join))
}

/** Applies the suffixes from left to right. */
export function applySuffixes(head: ExprNode, tail: readonly Suffix[]): ExprNode {
  return tail.reduce((node, suffix) => suffix(node), head)
}

export function compare(op: string, right: ExprNode): Suffix {
  const known = { '==': '=', '!=': '<>', '<=>': 'is not distinct from' }[op] ?? op
  return left => binary(known as BinaryOperator, left, right)
}

/** `= ANY (query)` is IN, `<> ALL (query)` is NOT IN; SOME is ANY. */
export function quantified(span: Span, written: string, word: string, query: QueryNode): Suffix {
  const op = { '==': '=', '!=': '<>' }[written] ?? written
  if (op === '<=>') throw fail('NOT_SUPPORTED', [`<=> ${word.toUpperCase()} (subquery)`], { span })
  const quantifier = word.toLowerCase() === 'all' ? 'all' : 'any'
  const isMember = op === (quantifier === 'all' ? '<>' : '=')
  return input => {
    const place = { start: input.span.start, end: span.end }
    if (isMember) return { kind: 'inSubquery', input, query, negated: quantifier === 'all', span: place }
    return { kind: 'quantified', op: op as ComparisonOperator, quantifier, input, query, span: place }
  }
}

/** IS [NOT] NULL, TRUE, FALSE or UNKNOWN. */
export function is(span: Span, negated: boolean, what: string): Suffix {
  const test = what.toLowerCase()
  return input => {
    const place = { start: input.span.start, end: span.end }
    if (test === 'null') return { kind: 'isNull', input, negated, span: place }
    return { kind: 'isTruth', input, truth: test as 'true' | 'false' | 'unknown', negated, span: place }
  }
}

export function distinctFrom(negated: boolean, right: ExprNode): Suffix {
  return left => binary(negated ? 'is not distinct from' : 'is distinct from', left, right)
}

export function between(negated: boolean, low: ExprNode, high: ExprNode): Suffix {
  return input => ({
    kind: 'between',
    input,
    low,
    high,
    negated,
    span: { start: input.span.start, end: high.span.end },
  })
}

export function like(span: Span, word: string, negated: boolean, pattern: ExprNode, escape: ExprNode | null): Suffix {
  const caseInsensitive = word.toLowerCase() === 'ilike'
  return input => ({
    kind: 'like',
    input,
    pattern,
    negated,
    caseInsensitive,
    ...(escape ? { escape } : {}),
    span: { start: input.span.start, end: span.end },
  })
}

/** SIMILAR TO as the call it stands for. */
export function similar(span: Span, negated: boolean, pattern: ExprNode, escape: ExprNode | null): Suffix {
  return input =>
    unless(negated, wordCall({ start: input.span.start, end: span.end }, 'similar_to', [input, pattern, escape]))
}

/** The operators of Postgres: `~` is a regular expression, `~~` LIKE; `*` ignores case, `!` negates. */
export function matchWith(span: Span, op: string, pattern: ExprNode): Suffix {
  const negated = op.startsWith('!')
  const ignoresCase = op.endsWith('*')
  if (op.includes('~~')) return like(span, ignoresCase ? 'ilike' : 'like', negated, pattern, null)
  return input => {
    const place = { start: input.span.start, end: span.end }
    const flags: ExprNode | null = ignoresCase ? { kind: 'string', value: 'i', span: place } : null
    return unless(negated, wordCall(place, 'regexp_like', [input, pattern, flags]))
  }
}

const unless = (negated: boolean, input: ExprNode): ExprNode =>
  negated ? { kind: 'unary', op: 'not', input, span: input.span } : input

/** IN with what stands in its parentheses; a lone query in further parentheses is still the subquery. */
export function inside(span: Span, negated: boolean, body: Parenthesized): Suffix {
  const query = 'query' in body ? body.query : loneQuery(body.exprs)
  return input => {
    const place = { start: input.span.start, end: span.end }
    if (query !== undefined) return { kind: 'inSubquery', input, query, negated, span: place }
    return { kind: 'inList', input, list: 'exprs' in body ? body.exprs : [], negated, span: place }
  }
}

function loneQuery(exprs: readonly ExprNode[]): QueryNode | undefined {
  const [first] = exprs
  return exprs.length === 1 && first.kind === 'scalarSubquery' ? first.query : undefined
}

/** Parentheses around one expression or query; the span takes them in. */
export function parenthesized(span: Span, body: Parenthesized): ExprNode {
  if ('query' in body) return { kind: 'scalarSubquery', query: body.query, span }
  if (body.exprs.length > 1)
    throw fail('NOT_SUPPORTED', ['a row value (a list of expressions in parentheses)'], { span })
  return { ...body.exprs[0], span }
}

export function isSubquery(node: ExprNode): boolean {
  return node.kind === 'scalarSubquery'
}

export function caseOf(
  span: Span,
  operand: ExprNode | null,
  arms: readonly { when: ExprNode; then: ExprNode }[],
  otherwise: ExprNode | null,
): ExprNode {
  return {
    kind: 'case',
    ...(operand ? { operand } : {}),
    whens: arms.map(arm => arm.when),
    thens: arms.map(arm => arm.then),
    ...(otherwise ? { otherwise } : {}),
    span,
  }
}

/** What follows an operand without space for another: `::type`, `[index]`, `[from:to]`. */
export type PostfixPart = { readonly span: Span } & (
  | { readonly type: TypeNode }
  | { readonly from: ExprNode | null; readonly to: ExprNode | null | undefined }
)

export function postfix(input: ExprNode, parts: readonly PostfixPart[]): ExprNode {
  return parts.reduce((node, part): ExprNode => {
    const span = { start: input.span.start, end: part.span.end }
    if ('type' in part) return { kind: 'cast', input: node, type: part.type, safe: false, span }
    const { from, to } = part
    return { kind: 'subscript', input: node, ...(from ? { from } : {}), ...(to === undefined ? {} : { to }), span }
  }, input)
}

/** STRUCT(…), MAP(…) and lists are no types of columns yet. */
export function nestedType(span: Span, what: string): TypeNode {
  throw fail('NOT_SUPPORTED', [`a column of the type ${what.toUpperCase()}`], { span })
}

export function groupingSets(span: Span, how: string, sets: readonly (readonly ExprNode[])[]): ExprNode {
  return { kind: 'groupingSets', how: how.toLowerCase() as 'rollup' | 'cube' | 'sets', sets, span }
}

export function window(
  base: Ident | null,
  partitionBy: readonly ExprNode[] | null,
  orderBy: readonly OrderItem[] | null,
  frame: WindowFrame | null,
): WindowNode {
  return {
    ...(base ? { base } : {}),
    partitionBy: partitionBy ?? [],
    orderBy: orderBy ?? [],
    ...(frame ? { frame } : {}),
  }
}

/** ORDER BY ALL: what it says of each column. */
export function orderAll(direction: string | null, nulls: string | null): OrderAll {
  const descending = direction?.toLowerCase() === 'desc'
  return nulls === null
    ? { kind: 'all', descending }
    : { kind: 'all', descending, nullsFirst: nulls.toLowerCase() === 'first' }
}

export function orderItem(expr: ExprNode, direction: string | null, nulls: string | null): OrderItem {
  const descending = direction?.toLowerCase() === 'desc'
  return nulls === null ? { expr, descending } : { expr, descending, nullsFirst: nulls.toLowerCase() === 'first' }
}
