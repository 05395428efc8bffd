/** Aliases of the select list as the expressions they name. */
import { fail } from '../../common/errors.js'
import { equals } from '../../common/tree.js'
import { exprTree, type Expr } from '../../expr/expr.js'
import { isVolatile } from '../../expr/volatile.js'
import type { Ident, SelectItem } from '../../parser/ast.js'
import { at } from './context.js'
import { bindExpr, type ExprContext } from './expr.js'
import type { OutputItem } from './select.js'

export type AliasLookup = (name: Ident) => Expr | undefined

/** Nodes of an expression whose aliases are replaced: `1 AS a, a + a AS b, b + b AS c …` doubles with each item. */
const MAX_NODES = 100_000

/** For clauses after the select list. Throws COLUMN_AMBIGUOUS when two different expressions have the name. */
export const aliasLookup =
  (items: readonly OutputItem[]): AliasLookup =>
  name => {
    const matches = items.filter(item => item.aliased && item.name === name.name)
    if (matches.some(item => !equals(item.expr, matches[0].expr))) {
      throw fail('COLUMN_AMBIGUOUS', [name.name, 'the select list more than once'], { span: name.span })
    }
    return matches[0]?.expr
  }

/** For the select list itself: the nearest item before. What is volatile would be computed anew for each use: refused. */
export const earlierAliases =
  (items: readonly OutputItem[]): AliasLookup =>
  name => {
    const found = items.findLast(item => item.aliased && item.name === name.name)
    if (found !== undefined) checkReuse(found.expr, name)
    return found?.expr
  }

/** For WHERE, which is bound before the select list: each item is bound in `ctx` when it is first named. */
export function aliasesBefore(items: readonly SelectItem[], ctx: ExprContext): AliasLookup {
  const bound = new Map<SelectItem, Expr>()
  const lookup =
    (visible: number): AliasLookup =>
    name => {
      const index = items
        .slice(0, visible)
        .findLastIndex(item => item.kind === 'expr' && item.alias?.name === name.name)
      const item = items[index]
      if (item?.kind !== 'expr') return undefined
      const known = bound.get(item)
      if (known !== undefined) return known
      const expr = bindExpr(item.expr, { ...ctx, reusable: lookup(index) })
      checkReuse(expr, name)
      bound.set(item, expr)
      return expr
    }
  return lookup(items.length)
}

function checkReuse(expr: Expr, name: Ident): void {
  let nodes = 0
  at(name.span, () => {
    exprTree.walk(expr, () => {
      if (++nodes > MAX_NODES) throw fail('QUERY_TOO_DEEP')
    })
    if (isVolatile(expr)) throw fail('NOT_SUPPORTED', [`the alias '${name.name}' of a volatile expression here`])
  })
}
