/** `*` and `t.*` with EXCLUDE and REPLACE. */
import { fail } from '../../common/errors.js'
import type { Expr } from '../../expr/expr.js'
import type { Ident, SelectItem } from '../../parser/ast.js'
import { bindExpr, type ExprContext } from './expr.js'
import { columnNotFound, columnsOfRelation, type ScopeColumn } from './scope.js'
import type { OutputItem } from './select.js'

type Wildcard = Extract<SelectItem, { kind: 'wildcard' }>

/** The columns a wildcard stands for, in scope order. Throws for names that it does not have, and if nothing is left. */
export function expandWildcard(item: Wildcard, ctx: ExprContext): readonly OutputItem[] {
  const columns = wildcardColumns(item, ctx)
  const excluded = namedColumns(item.exclude, columns, ctx)
  const replaced = namedColumns(
    item.replace.map(({ name }) => name),
    columns,
    ctx,
  )
  const replacement = (column: ScopeColumn): Expr => {
    const index = replaced.indexOf(column.name)
    return index < 0 ? column.expr : bindExpr(item.replace[index].expr, ctx)
  }
  const kept = columns.filter(column => !excluded.includes(column.name))
  if (kept.length === 0) throw fail('INVALID_ARGUMENT', ['EXCLUDE leaves no column'], { span: item.span })
  return kept.map(column => {
    const expr = replacement(column)
    const { relation, name } = column
    const named = relation === undefined || expr !== column.expr ? { name } : { relation, name }
    return { ...named, expr, aliased: expr !== column.expr, span: item.span }
  })
}

function wildcardColumns(item: Wildcard, ctx: ExprContext): readonly ScopeColumn[] {
  if (item.qualifier === undefined) {
    if (ctx.scope.visible.length > 0) return ctx.scope.visible
    throw fail('INVALID_ARGUMENT', ['SELECT * needs a FROM clause'], { span: item.span })
  }
  const relation = item.qualifier[item.qualifier.length - 1]
  const columns = columnsOfRelation(ctx.scope, relation)
  if (columns.length > 0) return columns
  const star: Ident = { name: '*', quoted: true, span: item.span }
  throw columnNotFound(ctx.scope, [relation, star], item.span)
}

/** The exact column names meant by EXCLUDE or REPLACE. */
function namedColumns(names: readonly Ident[], columns: readonly ScopeColumn[], ctx: ExprContext): readonly string[] {
  const found = names.map(ident => {
    const same = (column: ScopeColumn): boolean => column.name === ident.name
    const alike = (column: ScopeColumn): boolean =>
      !ident.quoted && column.name.toLowerCase() === ident.name.toLowerCase()
    const column = columns.find(same) ?? columns.find(alike)
    if (column === undefined) throw columnNotFound({ ...ctx.scope, visible: columns }, [ident], ident.span)
    return column.name
  })
  const repeated = names.find((_, i) => found.indexOf(found[i]) < i)
  if (repeated !== undefined)
    throw fail('INVALID_ARGUMENT', [`column '${repeated.name}' is repeated in EXCLUDE or REPLACE`], {
      span: repeated.span,
    })
  return found
}
