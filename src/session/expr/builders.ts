/** The free functions with which expressions begin. */
import { fail } from '../../common/errors.js'
import { quoteIdent } from '../../parser/quote.js'
import { joinText, text, type SqlText } from '../sql-text.js'
import { chain, ColumnExpr, Expr, operand, RANK, toExpr, type ExprInput } from './expr.js'
import type { SqlValue } from './literal.js'
import { asStep, Sql, type StepSource } from './sql.js'

/** A column by name, exactly as written: `a`, or `t.a` of the table or frame called `t`. For a name with a dot, see `ident`. */
export function col(name: string): Expr {
  return new ColumnExpr([name.split('.').map(quoteIdent).join('.')])
}

/** A column by its exact name, dots included. */
export function ident(name: string): Expr {
  return new ColumnExpr([quoteIdent(name)])
}

/** A value: see SqlValue for the SQL types. */
export function lit(value: SqlValue): Expr {
  return toExpr(value)
}

/** An expression written as SQL: `expr('a + 1')`. SYNTAX if it is not exactly one. Values belong into ``sql`…` `` instead. */
export const expr = (text: string): Expr => toExpr(new Sql([text]))

/** `$1` or `$name`, whose value `withParams` gives later. */
export function placeholder(name: string | number): Expr {
  const bare = String(name).replace(/^\$/, '')
  if (!/^(\d+|[a-z_][a-z0-9_]*)$/i.test(bare)) throw fail('INVALID_ARGUMENT', [`'${name}' cannot name a parameter`])
  return new Expr([`$${bare}`], RANK.operand)
}

/** True if all are; with none, true. */
export const and = (...inputs: readonly ExprInput[]): Expr =>
  inputs.length === 0 ? lit(true) : chain('AND', RANK.and, inputs)

/** True if one is; with none, false. */
export const or = (...inputs: readonly ExprInput[]): Expr =>
  inputs.length === 0 ? lit(false) : chain('OR', RANK.or, inputs)

export const not = (input: ExprInput): Expr => toExpr(input).not()
export const cast = (input: ExprInput, type: string): Expr => toExpr(input).cast(type)
export const tryCast = (input: ExprInput, type: string): Expr => toExpr(input).tryCast(type)

/** True if the query has a row. */
export const exists = (query: StepSource | Sql): Expr => new Expr(text`EXISTS (${queryText(query)})`, RANK.operand)
export const notExists = (query: StepSource | Sql): Expr => exists(query).not()

/** Whether the value is among those of a query of one column; NULL when it is not and the query gives a NULL. */
export const inSubquery = (input: ExprInput, query: StepSource | Sql): Expr =>
  new Expr(text`${operand(input, RANK.concat)} IN (${queryText(query)})`, RANK.comparison)

export const notInSubquery = (input: ExprInput, query: StepSource | Sql): Expr =>
  new Expr(text`${operand(input, RANK.concat)} NOT IN (${queryText(query)})`, RANK.comparison)

/** The one value of a query of one column and at most one row (NULL for none). More rows are an error when it runs. */
export const scalarSubquery = (query: StepSource | Sql): Expr => new Expr(text`(${queryText(query)})`, RANK.operand)

const queryText = (query: StepSource | Sql): SqlText =>
  query instanceof Sql ? query.inner() : text`SELECT * FROM ${query[asStep]()}`

/** `CASE WHEN condition THEN value …`: the value of the first condition that is true, else NULL or that of `otherwise`. */
export const when = (condition: ExprInput, value: ExprInput): CaseExpr =>
  new CaseExpr(undefined, []).when(condition, value)

/** `CASE operand WHEN value THEN …`: compares one operand with each value. */
export const caseOf = (input: ExprInput): Pick<CaseExpr, 'when'> => new CaseExpr(toExpr(input).text, [])

/** A CASE, complete after every `when`; `otherwise` gives what no arm does. */
export class CaseExpr extends Expr {
  readonly #input: SqlText | undefined
  readonly #arms: readonly SqlText[]

  constructor(input: SqlText | undefined, arms: readonly SqlText[], otherwise?: SqlText) {
    const head = input === undefined ? 'CASE' : text`CASE ${input}`
    const rest = otherwise === undefined ? [] : [text`ELSE ${otherwise}`]
    super(joinText([head, ...arms, ...rest, 'END'], ' '), RANK.operand)
    this.#input = input
    this.#arms = arms
  }

  when(condition: ExprInput, value: ExprInput): CaseExpr {
    const arm = text`WHEN ${toExpr(condition).text} THEN ${toExpr(value).text}`
    return new CaseExpr(this.#input, [...this.#arms, arm])
  }

  otherwise(value: ExprInput): Expr {
    return new CaseExpr(this.#input, this.#arms, toExpr(value).text)
  }
}
