/** The query that a frame is writing: one SELECT, or one chain of set operations, to which further operations are added. */
import type { Schema } from '../arrow/schema.js'
import { quoteIdent } from '../parser/quote.js'
import { joinText, text, type SqlText, type Step, type TableUses } from './sql-text.js'

/** Clauses in the order in which SQL applies them; absent: not written. */
export interface SelectText {
  readonly kind: 'select'
  readonly from: SqlText
  /** The one table or frame of `from`, without an alias; absent for joins. */
  readonly source?: SqlText
  /** The names that qualify columns; none for a frame without a name. */
  readonly relations: readonly string[]
  /** All must be true. */
  readonly where: readonly SqlText[]
  readonly groupBy?: SqlText
  /** Absent: `*`. */
  readonly items?: SqlText
  /** `DISTINCT` or `DISTINCT ON (…)`. */
  readonly distinct?: SqlText
  readonly orderBy?: SqlText
  readonly limit?: SqlText
}

export interface SetText {
  readonly kind: 'set'
  /** `UNION ALL`, `EXCEPT`, … */
  readonly operator: string
  readonly terms: readonly Step[]
}

export type QueryText = SelectText | SetText

/** Where an operation stands in a SELECT: it may be added when nothing of its own or a later place is there. */
const PLACES = ['where', 'items', 'distinct', 'orderBy', 'limit'] as const
type Place = (typeof PLACES)[number]

/** All rows and columns of a table or frame, under a name of its own if one is given. */
export function selectFrom(source: SqlText, relation?: string): SelectText {
  const name = relation === undefined ? undefined : quoteIdent(relation)
  const from = name === undefined || (source.length === 1 && source[0] === name) ? source : text`${source} AS ${name}`
  return { kind: 'select', from, source, relations: relation === undefined ? [] : [relation], where: [] }
}

/** All pairs of rows that a join gives. */
export const selectJoin = (from: SqlText, relations: readonly string[]): SelectText => ({
  kind: 'select',
  from,
  relations,
  where: [],
})

/** Whether `place` can be added to the SELECT without a change of what is there. */
export function isOpenAt(query: QueryText, place: Place): query is SelectText {
  if (query.kind === 'set') return false
  if (place === 'where' && !isWrittenFrom(query, 'items')) return true
  return !isWrittenFrom(query, place)
}

const isWrittenFrom = (query: SelectText, place: Place): boolean =>
  PLACES.slice(PLACES.indexOf(place)).some(clause => {
    const written = query[clause]
    return written !== undefined && written.length > 0
  })

/** Only FROM is written: a table, a frame or joins of them. */
export const isBare = (query: QueryText): query is SelectText => isOpenAt(query, 'where') && query.where.length === 0

/** The query as text. */
export function queryText(query: QueryText): SqlText {
  if (query.kind === 'set') {
    return joinText(
      query.terms.map(term => text`SELECT * FROM ${term}`),
      `\n${query.operator}\n`,
    )
  }
  const { from, where, groupBy, items, distinct, orderBy, limit } = query
  const clauses: SqlText[] = [
    text`SELECT ${distinct === undefined ? '' : text`${distinct} `}${items ?? '*'} FROM ${from}`,
  ]
  if (where.length > 0) clauses.push(text`WHERE ${joinText(where, ' AND ')}`)
  if (groupBy !== undefined) clauses.push(text`GROUP BY ${groupBy}`)
  if (orderBy !== undefined) clauses.push(text`ORDER BY ${orderBy}`)
  if (limit !== undefined) clauses.push(limit)
  return joinText(clauses, '\n')
}

/** The step that a query is nothing more than, if it is one. */
export function onlyStep(query: QueryText): Step | undefined {
  const [first] = isBare(query) ? (query.source ?? []) : []
  return typeof first === 'object' ? first : undefined
}

/** The query ended: all its columns by name, under the qualifier they had if all had the same. */
export const closed = (query: QueryText, schema: Schema, uses: TableUses): SelectText =>
  selectFrom(
    [stepOf(query, schema, uses)],
    query.kind === 'select' && query.source !== undefined ? query.relations[0] : undefined,
  )

/** The query as what others read. */
export const stepOf = (query: QueryText, schema: Schema, uses: TableUses): Step =>
  onlyStep(query) ?? { body: queryText(query), schema, uses }
