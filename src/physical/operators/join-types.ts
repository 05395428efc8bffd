/** What the join types have in common: which sides come out, and with which columns. */
import { field, type Field, type Schema } from '../../arrow/schema.js'
import { BOOLEAN } from '../../arrow/types.js'
import type { LogicalJoinType } from '../../logical/plan.js'

/** `Inner`, `LeftSemi`. */
export const joinTypeName = (type: LogicalJoinType): string => type[0].toUpperCase() + type.slice(1)

/** Whether rows of this side come out, and whether its columns do although it had no match. */
export const JOIN_SIDES: Readonly<Record<LogicalJoinType, { readonly left: boolean; readonly right: boolean }>> = {
  inner: { left: true, right: true },
  left: { left: true, right: true },
  right: { left: true, right: true },
  full: { left: true, right: true },
  leftSemi: { left: true, right: false },
  leftAnti: { left: true, right: false },
  leftMark: { left: true, right: false },
  rightSemi: { left: false, right: true },
  rightAnti: { left: false, right: true },
  rightMark: { left: false, right: true },
}

/** Columns of a join: those of its sides that come out, nullable where a side may be missing, and `mark` of a mark join. */
export function joinSchema(type: LogicalJoinType, left: Schema, right: Schema, mark = 'mark'): Schema {
  const sides = JOIN_SIDES[type]
  const nullable = ({ name, type: columnType }: Field): Field => field(name, columnType)
  const leftFields = type === 'right' || type === 'full' ? left.fields.map(nullable) : left.fields
  const rightFields = type === 'left' || type === 'full' ? right.fields.map(nullable) : right.fields
  const marks = type === 'leftMark' || type === 'rightMark' ? [field(mark, BOOLEAN, false)] : []
  return { fields: [...(sides.left ? leftFields : []), ...(sides.right ? rightFields : []), ...marks] }
}
