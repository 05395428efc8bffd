/** Joins of frames as SQL: which side a name is of, and how sides are called. */
import { fail } from '../common/errors.js'
import { quoteIdent } from '../parser/quote.js'
import { columnExpr, predicateText, type ColumnInput, type PredicateInput } from './columns-argument.js'
import { frameStep, type FrameQuery } from './frame-query.js'
import { operand, RANK } from './expr/expr.js'
import { closed, isBare, selectFrom, selectJoin, type SelectText } from './select-text.js'
import { joinText, text, type SqlText } from './sql-text.js'

const JOINS = {
  inner: 'INNER JOIN',
  left: 'LEFT JOIN',
  right: 'RIGHT JOIN',
  full: 'FULL JOIN',
  leftSemi: 'LEFT SEMI JOIN',
  rightSemi: 'RIGHT SEMI JOIN',
  leftAnti: 'LEFT ANTI JOIN',
  rightAnti: 'RIGHT ANTI JOIN',
} as const

/** `leftSemi`: rows of the left side that have a partner, `leftAnti`: those that have none; each once. */
export type JoinType = keyof typeof JOINS | 'cross'

export interface JoinOptions {
  /** Names that both sides have; the result has each of them once (of a side that has a value). */
  readonly on?: string | readonly string[]
  /** Keys of the left side, equal in this order to those of `rightOn`; both sides' columns stay. */
  readonly leftOn?: ColumnInput | readonly ColumnInput[]
  readonly rightOn?: ColumnInput | readonly ColumnInput[]
  /** Default: inner. */
  readonly how?: JoinType
  /** A further condition on pairs of rows, beside leftOn and rightOn. */
  readonly filter?: PredicateInput
}

/** FROM with both sides. A side keeps its qualifier; a side that is more than a table becomes a query of its own. */
export function joinedFrames(left: FrameQuery, right: FrameQuery, options: JoinOptions): SelectText {
  const leftSide = isBare(left.query) ? left.query : closed(left.query, left.schema, left.uses)
  const rightSide = rightOf(right, leftSide.relations)
  const { how = 'inner' } = options
  const relations = [...leftSide.relations, ...rightSide.relations]
  if (how === 'cross') return selectJoin(text`${leftSide.from} CROSS JOIN ${rightSide.from}`, relations)
  const on = condition(leftSide, rightSide, options)
  return selectJoin(text`${leftSide.from} ${joinWord(how)} ${rightSide.from} ${on}`, relations)
}

/** One table or query; without its qualifier if that already is one of the left side. */
function rightOf(right: FrameQuery, taken: readonly string[]): SelectText {
  const isTable = isBare(right.query) && right.query.source !== undefined
  const side = isTable ? right.query : closed(right.query, right.schema, right.uses)
  return side.relations.some(name => taken.includes(name)) ? selectFrom([frameStep(right)]) : side
}

function joinWord(how: Exclude<JoinType, 'cross'>): string {
  const words: string | undefined = JOINS[how]
  if (words !== undefined) return words
  throw fail('INVALID_ARGUMENT', [
    `'${String(how)}' is no type of join; there are ${Object.keys(JOINS).join(', ')}, cross`,
  ])
}

function condition(left: SelectText, right: SelectText, { on, leftOn, rightOn, filter }: JoinOptions): SqlText {
  const [names, leftKeys, rightKeys] = [listOf(on), listOf(leftOn), listOf(rightOn)]
  if (leftKeys.length !== rightKeys.length)
    throw fail('INVALID_ARGUMENT', [`leftOn has ${leftKeys.length} keys and rightOn ${rightKeys.length}`])
  if (names.length > 0) {
    if (leftKeys.length > 0 || filter !== undefined)
      throw fail('INVALID_ARGUMENT', ['use either on, or leftOn and rightOn (and filter)'])
    return text`USING (${names.map(quoteIdent).join(', ')})`
  }
  const equal = leftKeys.map((key, i) => text`${keyOf(key, left)} = ${keyOf(rightKeys[i], right)}`)
  const all = filter === undefined ? equal : [...equal, predicateText(filter)]
  if (all.length === 0)
    throw fail('INVALID_ARGUMENT', ['a join needs on, leftOn and rightOn, or filter (or how: cross)'])
  return text`ON ${joinText(all, ' AND ')}`
}

/** A key by its bare name is of its side, whatever the other side has. */
function keyOf(key: ColumnInput, side: SelectText): SqlText {
  const isName = typeof key === 'string' && !key.includes('.') && side.source !== undefined
  if (!isName) return operand(columnExpr(key), RANK.concat)
  const qualifier = side.relations.length === 0 ? side.source : [quoteIdent(side.relations[0])]
  return text`${qualifier}.${quoteIdent(key)}`
}

const listOf = <T>(value: T | readonly T[] | undefined): readonly T[] => {
  if (value === undefined) return []
  return Array.isArray(value) ? (value as readonly T[]) : [value as T]
}
