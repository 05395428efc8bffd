/** Expressions as SQL-like text, for EXPLAIN, column names and error messages. */
import { typeName, type DataType, type Value } from '../arrow/types.js'
import { unreachable } from '../common/invariant.js'
import { typeOf, type BinaryOp, type Expr, type SortKey } from './expr.js'
import { displayedName } from './functions/internal-name.js'
import { valueText } from './value-text.js'

/** How tightly an operator binds; a child that binds less tightly gets parentheses. */
const PRECEDENCE: Readonly<Record<BinaryOp, number>> = {
  or: 1,
  and: 2,
  '=': 4,
  '<>': 4,
  '<': 4,
  '<=': 4,
  '>': 4,
  '>=': 4,
  distinct: 4,
  notDistinct: 4,
  '||': 6,
  '+': 7,
  '-': 7,
  '*': 8,
  '/': 8,
  '%': 8,
}
const NOT_PRECEDENCE = 3
const PREDICATE_PRECEDENCE = 5
const UNARY_PRECEDENCE = 9
const ATOM_PRECEDENCE = 10

const OPERATOR_TEXT: Readonly<Partial<Record<BinaryOp, string>>> = {
  and: 'AND',
  or: 'OR',
  distinct: 'IS DISTINCT FROM',
  notDistinct: 'IS NOT DISTINCT FROM',
}

/** Columns as `t.a`, inputs as `a@0`, literals as SQL; parentheses only where precedence needs them. */
export function displayExpr(expr: Expr): string {
  switch (expr.kind) {
    case 'column':
      return expr.relation === undefined ? expr.name : `${expr.relation}.${expr.name}`
    case 'input':
      return `${expr.name}@${expr.index}`
    case 'literal':
      return literalText(expr.value, expr.type)
    case 'binary': {
      const level = PRECEDENCE[expr.op]
      const left = operand(expr.left, level)
      const right = operand(expr.right, level, expr.op !== 'and' && expr.op !== 'or')
      return `${left} ${OPERATOR_TEXT[expr.op] ?? expr.op} ${right}`
    }
    case 'chain': {
      const level = PRECEDENCE[expr.ops[0]]
      const steps = expr.rest.map((right, i) => ` ${expr.ops[i]} ${operand(right, level, true)}`)
      return operand(expr.head, level) + steps.join('')
    }
    case 'not':
      return `NOT ${operand(expr.input, NOT_PRECEDENCE)}`
    case 'negate':
      return `-${operand(expr.input, UNARY_PRECEDENCE, true)}`
    case 'isNull':
      return `${operand(expr.input, PREDICATE_PRECEDENCE)} IS ${not(expr)}NULL`
    case 'inList':
      return `${operand(expr.input, PREDICATE_PRECEDENCE)} ${not(expr)}IN (${list(expr.list)})`
    case 'like': {
      const escape = expr.escape === undefined ? '' : ` ESCAPE ${quoted(expr.escape)}`
      const word = expr.caseInsensitive ? 'ILIKE' : 'LIKE'
      const [input, pattern] = [expr.input, expr.pattern].map(side => operand(side, PREDICATE_PRECEDENCE))
      return `${input} ${not(expr)}${word} ${pattern}${escape}`
    }
    case 'case':
      return caseText(expr)
    case 'cast':
      return `${expr.safe ? 'TRY_CAST' : 'CAST'}(${displayExpr(expr.input)} AS ${typeName(expr.type)})`
    case 'call':
      return `${displayedName(expr.name)}(${list(expr.args)})`
    case 'aggregate':
      return aggregateText(expr)
    default:
      return unreachable(expr)
  }
}

/** `t.a DESC NULLS FIRST`. */
export const displaySortKey = (key: SortKey): string =>
  `${displayExpr(key.expr)} ${key.descending ? 'DESC' : 'ASC'} NULLS ${key.nullsFirst ? 'FIRST' : 'LAST'}`

/** A value as the SQL that writes it. */
export function literalText(value: Value, type: DataType): string {
  if (value === null) return 'NULL'
  const text = valueText(value, type)
  switch (type.kind) {
    case 'utf8':
      return quoted(text)
    case 'binary':
      return `X'${text}'`
    case 'date':
    case 'interval':
      return `${typeName(type)} '${text}'`
    case 'timestamp':
      return `TIMESTAMP '${text}'`
    default:
      return text
  }
}

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`
const not = (expr: { readonly negated: boolean }): string => (expr.negated ? 'NOT ' : '')
const list = (exprs: readonly Expr[]): string => exprs.map(displayExpr).join(', ')

function operand(expr: Expr, level: number, strict = false): string {
  const own = precedence(expr)
  const text = displayExpr(expr)
  return own < level || (strict && own === level) ? `(${text})` : text
}

function precedence(expr: Expr): number {
  switch (expr.kind) {
    case 'binary':
      return PRECEDENCE[expr.op]
    case 'chain':
      return PRECEDENCE[expr.ops[0]]
    case 'not':
      return NOT_PRECEDENCE
    case 'isNull':
    case 'inList':
    case 'like':
      return PREDICATE_PRECEDENCE
    case 'negate':
      return UNARY_PRECEDENCE
    case 'literal':
      return typeOf(expr).kind !== 'utf8' && literalText(expr.value, expr.type).startsWith('-')
        ? UNARY_PRECEDENCE
        : ATOM_PRECEDENCE
    default:
      return ATOM_PRECEDENCE
  }
}

function caseText(expr: Extract<Expr, { kind: 'case' }>): string {
  const branches = expr.whens.map((when, i) => `WHEN ${displayExpr(when)} THEN ${displayExpr(expr.thens[i])} `)
  const otherwise = expr.otherwise === undefined ? '' : `ELSE ${displayExpr(expr.otherwise)} `
  return `CASE ${branches.join('')}${otherwise}END`
}

function aggregateText(expr: Extract<Expr, { kind: 'aggregate' }>): string {
  const args = expr.args.length === 0 ? '*' : list(expr.args)
  const filter = expr.filter === undefined ? '' : ` FILTER (WHERE ${displayExpr(expr.filter)})`
  const keys = (expr.orderBy ?? []).map((key, i) => displaySortKey({ expr: key, ...(expr.orders ?? [])[i] }))
  const order = keys.length === 0 ? '' : ` ORDER BY ${keys.join(', ')}`
  return `${displayedName(expr.name)}(${expr.distinct ? 'DISTINCT ' : ''}${args}${order})${filter}`
}
