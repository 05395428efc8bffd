/** The template tag `sql`: SQL written as SQL, with values, expressions and frames in it. */
import { fail } from '../../common/errors.js'
import type { ExprNode } from '../../parser/ast.js'
import { parseExpression } from '../../parser/parse.js'
import { joinText, namedText, text, type SqlText, type Step } from '../sql-text.js'
import { isSqlValue, literalText, type SqlValue } from './literal.js'

/** Gives the query that a frame stands for: what makes it usable within other queries. */
export const asStep: unique symbol = Symbol('ballista.step')

export interface StepSource {
  [asStep](): Step
}

/** An expression of a builder. (Not its class: that knows this file.) */
interface ExprLike {
  readonly text: SqlText
  readonly rank: number
}

/** What may stand in `${…}`. */
export type SqlPart = SqlValue | Sql | ExprLike | StepSource | readonly (SqlValue | Sql | ExprLike)[]

/** A piece of SQL. As an expression it must be exactly one; as a statement, exactly one. */
export class Sql {
  readonly text: SqlText

  constructor(body: SqlText) {
    this.text = body
  }

  /** The text such that more can follow it: a comment at its end ends there. */
  inner(): SqlText {
    return this.text.some(part => typeof part === 'string' && part.includes('--')) ? text`${this.text}\n` : this.text
  }

  /** The tree of the expression it is. SYNTAX if it is not exactly one. */
  node(): ExprNode {
    return parseExpression(namedText(this.text).sql)
  }
}

/**
 * ``sql`a + ${1} > ${col('b')}` ``: values become literals (never SQL, whatever they hold), expressions operands, other fragments
 * are put in as they are, lists are separated by commas, and a frame stands where a table may: ``sql`SELECT * FROM ${frame}` ``.
 */
export function sql(parts: TemplateStringsArray, ...values: readonly SqlPart[]): Sql {
  return new Sql(
    values.reduce<SqlText>((before, value, i) => text`${before}${partText(value)}${parts[i + 1]}`, [parts[0]]),
  )
}

function partText(part: SqlPart): SqlText {
  if (isList(part)) return joinText(part.map(partText), ', ')
  if (part instanceof Sql) return part.text
  if (isSqlValue(part)) return [literalText(part)]
  if (typeof part === 'object' && asStep in part) return [part[asStep]()]
  if (typeof part === 'object' && 'rank' in part) return text`(${part.text})`
  throw fail('INVALID_ARGUMENT', ['a value of a sql`…` template is no value, expression, fragment or frame'])
}

const isList = (part: SqlPart): part is readonly (SqlValue | Sql | ExprLike)[] => Array.isArray(part)
