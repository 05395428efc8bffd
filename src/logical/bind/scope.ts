/** Which columns a name can mean, and the exact rules by which it finds one. */
import { didYouMean, fail, type Span } from '../../common/errors.js'
import { equals } from '../../common/tree.js'
import type { Expr } from '../../expr/expr.js'
import type { Ident } from '../../parser/ast.js'
import { fieldColumn } from '../schema-of.js'
import type { PlanSchema } from '../plan.js'

export interface ScopeColumn {
  readonly relation?: string
  readonly name: string
  /** Over the columns of the FROM plan; more than a column reference only for FULL JOIN … USING. */
  readonly expr: Expr
}

export interface Scope {
  /** What `*` gives and unqualified names find, in order: a USING column is here once. */
  readonly visible: readonly ScopeColumn[]
  /** What `t.x` and `t.*` find: every column of every relation. */
  readonly qualified: readonly ScopeColumn[]
}

export const EMPTY_SCOPE: Scope = { visible: [], qualified: [] }

export function scopeOf(schema: PlanSchema): Scope {
  const columns = schema.map(field => ({ ...field, expr: fieldColumn(field) }))
  return { visible: columns, qualified: columns }
}

export const joinScopes = (left: Scope, right: Scope): Scope => ({
  visible: [...left.visible, ...right.visible],
  qualified: [...left.qualified, ...right.qualified],
})

/**
 * The column that a written name means; undefined if there is none. Exact names win; an unquoted name that finds
 * nothing is tried without regard to case. Throws COLUMN_AMBIGUOUS when several different columns match.
 */
export function findInScope(scope: Scope, path: readonly Ident[], span: Span): ScopeColumn | undefined {
  const name = path[path.length - 1]
  const relation = path.length > 1 ? path[path.length - 2] : undefined
  const pool = relation === undefined ? scope.visible : columnsOfRelation(scope, relation)
  const exact = pool.filter(column => column.name === name.name)
  const matches = exact.length > 0 || name.quoted ? exact : pool.filter(column => sameLetters(column.name, name.name))
  if (matches.length > 1 && matches.some(column => !equals(column.expr, matches[0].expr))) {
    throw fail('COLUMN_AMBIGUOUS', [pathText(path), places(matches)], { span })
  }
  return matches[0]
}

/** The error for a name that means nothing: it names the nearest column, or the nearest relation of a wrong qualifier. */
export function columnNotFound(scope: Scope, path: readonly Ident[], span: Span, note = ''): Error {
  const name = path[path.length - 1].name
  const relation = path.length > 1 ? path[path.length - 2] : undefined
  const text = pathText(path)
  if (relation !== undefined && columnsOfRelation(scope, relation).length === 0) {
    const hint = didYouMean(relation.name, relationsOf(scope))
    return fail('COLUMN_NOT_FOUND', [text, `: there is no table '${relation.name}' in FROM${hint}`], { span })
  }
  const pool = relation === undefined ? scope.visible : columnsOfRelation(scope, relation)
  const hint = didYouMean(
    name,
    pool.map(column => column.name),
  )
  return fail('COLUMN_NOT_FOUND', [text, note === '' ? hint : note], { span })
}

/** The columns of `t` in `t.x` and `t.*`; empty if FROM has no such relation. */
export function columnsOfRelation(scope: Scope, relation: Ident): readonly ScopeColumn[] {
  const exact = scope.qualified.filter(column => column.relation === relation.name)
  if (exact.length > 0 || relation.quoted) return exact
  return scope.qualified.filter(column => column.relation !== undefined && sameLetters(column.relation, relation.name))
}

/** Relation names in FROM order. */
export const relationsOf = (scope: Scope): readonly string[] => [
  ...new Set(scope.qualified.flatMap(column => (column.relation === undefined ? [] : [column.relation]))),
]

export const pathText = (path: readonly Ident[]): string => path.map(ident => ident.name).join('.')

const sameLetters = (left: string, right: string): boolean => left.toLowerCase() === right.toLowerCase()

function places(matches: readonly ScopeColumn[]): string {
  const relations = [...new Set(matches.map(column => column.relation ?? 'the select list'))]
  return relations.length === 1 ? `${relations[0]} more than once` : relations.join(' and ')
}
