/** Expressions as programs build them: immutable SQL text, put in parentheses wherever it becomes an operand. */
import { fail } from '../../common/errors.js'
import type { BinaryOperator, ExprNode } from '../../parser/ast.js'
import { quoteIdent } from '../../parser/quote.js'
import { typeNodeFrom } from '../../expr/type-text.js'
import { joinText, text, type SqlText } from '../sql-text.js'
import { isSqlValue, literalText, type SqlValue } from './literal.js'
import { Sql } from './sql.js'

/** Where an expression is wanted: one, a fragment of SQL, or a value (a string is the text itself, not SQL and not a name). */
export type ExprInput = Expr | Sql | SqlValue

export interface SortOptions {
  /** Default: NULLs are greater than every value, so last when ascending and first when descending. */
  readonly nullsFirst?: boolean
}

export interface WindowOptions {
  readonly partitionBy?: readonly ExprInput[]
  readonly orderBy?: readonly (ExprInput | SortExpr)[]
  /** As SQL writes it: `ROWS BETWEEN 1 PRECEDING AND CURRENT ROW`. */
  readonly frame?: string
}

/** How tightly the outermost operator of a text binds; the order of the grammar. */
export const RANK = { or: 1, and: 2, not: 3, comparison: 4, concat: 5, sum: 6, product: 7, operand: 8 } as const
export type Rank = (typeof RANK)[keyof typeof RANK]

/** A direction and a place for NULLs beside an expression; made by `asc` and `desc`. */
export class SortExpr {
  readonly text: SqlText

  constructor(expr: Expr, direction: 'ASC' | 'DESC', { nullsFirst }: SortOptions) {
    const nulls = nullsFirst === undefined ? '' : nullsFirst ? ' NULLS FIRST' : ' NULLS LAST'
    this.text = text`${keyText(expr)} ${direction}${nulls}`
  }
}

/** A value of a row. Methods give new expressions; names and types are checked by the frame that takes the expression. */
export class Expr {
  /** Without the alias. */
  readonly text: SqlText
  readonly rank: Rank
  /** Given by `alias`. */
  readonly name: string | undefined

  constructor(body: SqlText, rank: Rank, name?: string) {
    this.text = body
    this.rank = rank
    this.name = name
  }

  /** The name of the column it makes without `alias`; undefined where SQL's own is right: that of a column. */
  protected get defaultName(): string | undefined {
    return this.toString()
  }

  /** As an item of a select list. */
  toItem(): SqlText {
    const name = this.name ?? this.defaultName
    return name === undefined ? this.text : text`${this.text} AS ${quoteIdent(name)}`
  }

  /** Equal; NULL if a side is NULL. */
  eq(other: ExprInput): Expr {
    return this.#compare('=', other)
  }

  neq(other: ExprInput): Expr {
    return this.#compare('<>', other)
  }

  gt(other: ExprInput): Expr {
    return this.#compare('>', other)
  }

  gte(other: ExprInput): Expr {
    return this.#compare('>=', other)
  }

  lt(other: ExprInput): Expr {
    return this.#compare('<', other)
  }

  lte(other: ExprInput): Expr {
    return this.#compare('<=', other)
  }

  /** Never NULL: two NULLs are the same. */
  isNotDistinctFrom(other: ExprInput): Expr {
    return this.#compare('IS NOT DISTINCT FROM', other)
  }

  isDistinctFrom(other: ExprInput): Expr {
    return this.#compare('IS DISTINCT FROM', other)
  }

  and(...others: readonly ExprInput[]): Expr {
    return chain('AND', RANK.and, [this, ...others])
  }

  or(...others: readonly ExprInput[]): Expr {
    return chain('OR', RANK.or, [this, ...others])
  }

  not(): Expr {
    return new Expr(text`NOT ${operand(this, RANK.comparison)}`, RANK.not)
  }

  /** `%` is any text, `_` any character. */
  like(pattern: ExprInput): Expr {
    return this.#compare('LIKE', pattern)
  }

  notLike(pattern: ExprInput): Expr {
    return this.#compare('NOT LIKE', pattern)
  }

  /** `like` without regard to case. */
  ilike(pattern: ExprInput): Expr {
    return this.#compare('ILIKE', pattern)
  }

  notIlike(pattern: ExprInput): Expr {
    return this.#compare('NOT ILIKE', pattern)
  }

  /** Both bounds included. */
  between(low: ExprInput, high: ExprInput): Expr {
    return this.#test(text`BETWEEN ${operand(low, RANK.concat)} AND ${operand(high, RANK.concat)}`)
  }

  notBetween(low: ExprInput, high: ExprInput): Expr {
    return this.#test(text`NOT BETWEEN ${operand(low, RANK.concat)} AND ${operand(high, RANK.concat)}`)
  }

  /** NULL when it is not found and the list holds NULL. The list may not be empty. */
  inList(list: readonly ExprInput[]): Expr {
    return this.#test(text`IN (${listText(list)})`)
  }

  notInList(list: readonly ExprInput[]): Expr {
    return this.#test(text`NOT IN (${listText(list)})`)
  }

  isNull(): Expr {
    return this.#test(['IS NULL'])
  }

  isNotNull(): Expr {
    return this.#test(['IS NOT NULL'])
  }

  isTrue(): Expr {
    return this.#test(['IS TRUE'])
  }

  isFalse(): Expr {
    return this.#test(['IS FALSE'])
  }

  isUnknown(): Expr {
    return this.#test(['IS UNKNOWN'])
  }

  add(other: ExprInput): Expr {
    return binary(this, '+', other, RANK.sum)
  }

  sub(other: ExprInput): Expr {
    return binary(this, '-', other, RANK.sum)
  }

  mul(other: ExprInput): Expr {
    return binary(this, '*', other, RANK.product)
  }

  /** Of two whole numbers the whole part. Division by zero is an error, not NULL. */
  div(other: ExprInput): Expr {
    return binary(this, '/', other, RANK.product)
  }

  mod(other: ExprInput): Expr {
    return binary(this, '%', other, RANK.product)
  }

  neg(): Expr {
    return new Expr(text`(- ${operand(this, RANK.operand)})`, RANK.operand)
  }

  /** Texts one after the other; NULL if one is NULL. */
  concat(...others: readonly ExprInput[]): Expr {
    return chain('||', RANK.concat, [this, ...others])
  }

  /** To a type as SQL writes it: `DECIMAL(15, 2)`. A value that has no such form is an INVALID_CAST error. */
  cast(type: string): Expr {
    return castText('CAST', this, type)
  }

  /** `cast` that gives NULL instead of an error. */
  tryCast(type: string): Expr {
    return castText('TRY_CAST', this, type)
  }

  /** The same expression under a name of its own. */
  alias(name: string): Expr {
    return new Expr(this.text, this.rank, name)
  }

  asc(options: SortOptions = {}): SortExpr {
    return new SortExpr(this, 'ASC', options)
  }

  desc(options: SortOptions = {}): SortExpr {
    return new SortExpr(this, 'DESC', options)
  }

  /** The SQL that this stands for; a frame within it is shown by a made-up name. */
  toString(): string {
    return this.text.map(part => (typeof part === 'string' ? part : 'frame')).join('')
  }

  #compare(operator: string, other: ExprInput): Expr {
    return binary(this, operator, other, RANK.comparison)
  }

  #test(what: SqlText): Expr {
    return new Expr(text`${operand(this, RANK.concat)} ${what}`, RANK.comparison)
  }
}

/** A column by name: its name goes with it. */
export class ColumnExpr extends Expr {
  constructor(body: SqlText) {
    super(body, RANK.operand)
  }

  protected override get defaultName(): undefined {
    return undefined
  }
}

/** Any input as an expression. SYNTAX for a fragment that is not exactly one; INVALID_ARGUMENT for what is no value. */
export function toExpr(input: ExprInput): Expr {
  if (input instanceof Expr) return input
  if (input instanceof Sql) return ofFragment(input)
  if (isSqlValue(input)) return new Expr([literalText(input)], RANK.operand)
  throw fail('INVALID_ARGUMENT', ['expected an expression, a sql`…` fragment or a value'])
}

function ofFragment(fragment: Sql): Expr {
  const node = fragment.node()
  if (node.kind === 'column') return new ColumnExpr(fragment.inner())
  // Without blanks and parentheses it is known for a number wherever that matters.
  return node.kind === 'number' ? new Expr([node.text], RANK.operand) : new Expr(fragment.inner(), rankOf(node))
}

/** How the text of a node binds; too low a rank only costs parentheses. */
function rankOf(node: ExprNode): Rank {
  switch (node.kind) {
    case 'string':
    case 'boolean':
    case 'null':
    case 'call':
      return RANK.operand
    case 'binary':
      return node.op === 'and' ? RANK.and : node.op === 'or' ? RANK.or : (ARITHMETIC_RANKS[node.op] ?? RANK.comparison)
    case 'isNull':
    case 'like':
    case 'between':
    case 'inList':
    case 'inSubquery':
      return RANK.comparison
    default:
      return RANK.or
  }
}

const ARITHMETIC_RANKS: Readonly<Partial<Record<BinaryOperator, Rank>>> = {
  '||': RANK.concat,
  '+': RANK.sum,
  '-': RANK.sum,
  '*': RANK.product,
  '/': RANK.product,
  '%': RANK.product,
}

/** The text of an input where only what binds at least as tightly as `rank` may stand without parentheses. */
export function operand(input: ExprInput, rank: Rank): SqlText {
  const expr = toExpr(input)
  return expr.rank >= rank ? expr.text : text`(${expr.text})`
}

/** As an entry of GROUP BY or ORDER BY, where a bare number would mean the column at that place. */
export function keyText(expr: Expr): SqlText {
  const isNumber = expr.text.length === 1 && typeof expr.text[0] === 'string' && /^\d+$/.test(expr.text[0])
  return isNumber ? text`CAST(${expr.text} AS BIGINT)` : expr.text
}

export const sortText = (key: Expr | SortExpr): SqlText => (key instanceof SortExpr ? key.text : keyText(key))

/** `left operator right`; only the left side may hold the same operator bare, as the grammar reads it. */
function binary(left: Expr, operator: string, right: ExprInput, rank: Rank): Expr {
  const isChain = rank === RANK.sum || rank === RANK.product
  const tighter = (rank + 1) as Rank
  return new Expr(text`${operand(left, isChain ? rank : tighter)} ${operator} ${operand(right, tighter)}`, rank)
}

/** A flat chain of an associative operator: long ones do not nest. */
export function chain(operator: string, rank: Rank, inputs: readonly ExprInput[]): Expr {
  return new Expr(
    joinText(
      inputs.map(input => operand(input, rank)),
      ` ${operator} `,
    ),
    rank,
  )
}

function castText(how: string, input: Expr, type: string): Expr {
  typeNodeFrom(type)
  return new Expr(text`${how}(${input.text} AS ${new Sql([type]).inner()})`, RANK.operand)
}

export function listText(list: readonly ExprInput[]): SqlText {
  if (list.length === 0) throw fail('INVALID_ARGUMENT', ['the list is empty; it needs at least one expression'])
  return joinText(
    list.map(input => toExpr(input).text),
    ', ',
  )
}
