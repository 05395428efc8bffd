/** Sort keys and ordinals, shared by SELECT and set operations. */
import { fail } from '../../common/errors.js'
import type { Expr, SortKey } from '../../expr/expr.js'
import type { ExprNode, OrderAll, OrderItem } from '../../parser/ast.js'

/** NULLs are greater than every value unless NULLS FIRST or LAST was written. */
export const orderKey = (item: Omit<OrderItem, 'expr'>, expr: Expr): SortKey => ({
  expr,
  descending: item.descending,
  nullsFirst: item.nullsFirst ?? item.descending,
})

export const isOrderAll = (orderBy: readonly OrderItem[] | OrderAll): orderBy is OrderAll => 'kind' in orderBy

/** The zero-based column that an integer such as `2` means in GROUP BY and ORDER BY; undefined for other expressions. */
export function ordinalOf(node: ExprNode, columnCount: number, clause: string): number | undefined {
  if (node.kind !== 'number' || !/^\d+$/.test(node.text)) return undefined
  const ordinal = Number(node.text)
  if (ordinal >= 1 && ordinal <= columnCount) return ordinal - 1
  throw fail(
    'INVALID_ARGUMENT',
    [
      `${clause} position ${node.text} is not in the select list, which has ${columnCount} column${columnCount === 1 ? '' : 's'}`,
    ],
    {
      span: node.span,
    },
  )
}
