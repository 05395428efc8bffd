/** Whether two results of one query agree, as far as the query says what they are (EXPLAIN VERIFY). */
import type { Schema } from '../arrow/schema.js'
import { typeName, type DataType, type Value } from '../arrow/types.js'
import { equals } from '../common/tree.js'
import { compareValues } from '../expr/value-compare.js'
import { valueText } from '../expr/value-text.js'
import type { ExprNode, QueryNode } from '../parser/ast.js'
import { astText } from '../parser/ast-text.js'

export interface Result {
  /** How it came about, for texts: `in several tasks`. */
  readonly name: string
  readonly schema: Schema
  readonly rows: readonly (readonly Value[])[]
}

export interface Check {
  readonly check: 'schema' | 'rows' | 'cells' | 'order'
  readonly result: 'ok' | 'differs' | 'not checked'
  readonly detail: string
}

/** Sums of floats depend on the order in which they are added. */
const TOLERANCE = { 64: 1e-9, 32: 1e-5 } as const
/** A sum that should be 0. */
const ALMOST_ZERO = 1e-12

/**
 * One row for each check: the columns; how many rows; which rows, in any order; and the order, by those sort keys that are columns of
 * the result. With LIMIT, rows that tie with the first or last one may be others, and without ORDER BY all of them may.
 */
export function compareResults(query: QueryNode, left: Result, right: Result): readonly Check[] {
  const schema = compareSchemas(left, right)
  if (schema.result === 'differs') return [schema]
  const keys = orderColumns(query, left.schema)
  const isSorted = keys.length > 0
  return [
    schema,
    compareCounts(left, right),
    compareCells(query, keys, left, right),
    isSorted ? compareOrder(keys, left, right) : UNORDERED,
  ]
}

const UNORDERED: Check = { check: 'order', result: 'not checked', detail: 'no ORDER BY a column of the result' }

function compareSchemas(left: Result, right: Result): Check {
  const text = ({ schema }: Result): string =>
    schema.fields.map(({ name, type }) => `${name} ${typeName(type)}`).join(', ')
  const isSame = equals(
    left.schema.fields.map(({ name, type }) => ({ name, type })),
    right.schema.fields.map(({ name, type }) => ({ name, type })),
  )
  if (isSame) return { check: 'schema', result: 'ok', detail: counted(left.schema.fields.length, 'column') }
  return { check: 'schema', result: 'differs', detail: `${text(left)} ${left.name}, ${text(right)} ${right.name}` }
}

function compareCounts(left: Result, right: Result): Check {
  const [a, b] = [left.rows.length, right.rows.length]
  if (a === b) return { check: 'rows', result: 'ok', detail: counted(a, 'row') }
  return { check: 'rows', result: 'differs', detail: `${counted(a, 'row')} ${left.name}, ${b} ${right.name}` }
}

/** A row and its number in its result, from 1. */
interface NumberedRow {
  readonly number: number
  readonly values: readonly Value[]
}

function compareCells(query: QueryNode, keys: readonly number[], left: Result, right: Result): Check {
  const isCut = query.limit !== undefined || query.offset !== undefined
  if (isCut && keys.length === 0)
    return { check: 'cells', result: 'not checked', detail: 'LIMIT without ORDER BY a column of the result' }
  const types = left.schema.fields.map(({ type }) => type)
  const inOrder = (result: Result): NumberedRow[] =>
    (isCut ? settledRows(query, keys, result) : numbered(result)).sort((a, b) => compareRows(a.values, b.values, types))
  const [ours, theirs] = [inOrder(left), inOrder(right)]
  const count = Math.max(ours.length, theirs.length)
  for (let i = 0; i < count; i++) {
    const difference = cellDifference(left, right, ours.at(i), theirs.at(i))
    if (difference !== undefined) return { check: 'cells', result: 'differs', detail: difference }
  }
  const open = left.rows.length - ours.length
  const detail = open === 0 ? counted(count, 'row') : `${counted(count, 'row')}; others may tie at the limit`
  return { check: 'cells', result: 'ok', detail }
}

const numbered = ({ rows }: Result): NumberedRow[] => rows.map((values, i) => ({ number: i + 1, values }))

/** Without the rows that share their keys with the last one, or, after an offset, with the first one. */
function settledRows(query: QueryNode, keys: readonly number[], result: Result): NumberedRow[] {
  const edges = [
    ...(query.limit === undefined ? [] : result.rows.slice(-1)),
    ...(query.offset === undefined ? [] : result.rows.slice(0, 1)),
  ]
  const ties = (row: readonly Value[]): boolean =>
    edges.some(edge => keys.every(key => sameValue(row[key], edge[key], result.schema.fields[key].type)))
  return numbered(result).filter(({ values }) => !ties(values))
}

/** What differs between two rows of the same place; undefined: nothing. Of results of other lengths, the row that one lacks. */
function cellDifference(
  left: Result,
  right: Result,
  ours: NumberedRow | undefined,
  theirs: NumberedRow | undefined,
): string | undefined {
  if (ours === undefined) return theirs === undefined ? undefined : onlyIn(right, theirs)
  if (theirs === undefined) return onlyIn(left, ours)
  const { fields } = left.schema
  const at = fields.findIndex(({ type }, i) => !sameValue(ours.values[i], theirs.values[i], type))
  if (at < 0) return undefined
  if (left.rows.length !== right.rows.length) {
    const types = fields.map(({ type }) => type)
    return compareRows(ours.values, theirs.values, types) < 0 ? onlyIn(left, ours) : onlyIn(right, theirs)
  }
  const { name, type } = fields[at]
  const [a, b] = [ours, theirs].map(row => cellText(row.values[at], type))
  const own = `row ${ours.number}`
  const rows = ours.number === theirs.number ? own : `${own} ${left.name} and row ${theirs.number} ${right.name}`
  return `${rows}, column ${name}: ${a} ${left.name}, ${b} ${right.name}`
}

function onlyIn({ name, schema }: Result, { number, values }: NumberedRow): string {
  const cells = schema.fields.map((field, i) => `${field.name} = ${cellText(values[i], field.type)}`)
  return `row ${number} is only ${name}: ${cells.join(', ')}`
}

function compareOrder(keys: readonly number[], left: Result, right: Result): Check {
  const count = Math.min(left.rows.length, right.rows.length)
  for (let row = 0; row < count; row++) {
    for (const key of keys) {
      const { name, type } = left.schema.fields[key]
      const [a, b] = [left.rows[row][key], right.rows[row][key]]
      if (sameValue(a, b, type)) continue
      const detail = `row ${row + 1}, column ${name}: ${cellText(a, type)} ${left.name}, ${cellText(b, type)} ${right.name}`
      return { check: 'order', result: 'differs', detail }
    }
  }
  return { check: 'order', result: 'ok', detail: `by ${keys.map(key => left.schema.fields[key].name).join(', ')}` }
}

/** The columns of the result that its first sort keys are; keys after the first that is none are left out. */
function orderColumns({ body, orderBy }: QueryNode, { fields }: Schema): readonly number[] {
  if (!('length' in orderBy)) return fields.map((_, i) => i)
  const items = body.kind === 'select' && body.items.every(item => item.kind === 'expr') ? body.items : []
  const texts = items.map(item => (item.kind === 'expr' ? astText(item.expr) : ''))
  const columns = orderBy.map(({ expr }) => outputColumn(expr, fields, texts))
  const unknown = columns.indexOf(-1)
  return unknown < 0 ? columns : columns.slice(0, unknown)
}

/** `1`, the name of just one column, or an expression of the select list, of which `texts` are; -1: none. */
function outputColumn(expr: ExprNode, fields: Schema['fields'], texts: readonly string[]): number {
  if (expr.kind === 'number') return fields.findIndex((_, i) => String(i + 1) === expr.text)
  if (expr.kind === 'column' && expr.path.length === 1) {
    const name = expr.path[0].name.toLowerCase()
    const named = fields.flatMap((field, i) => (field.name.toLowerCase() === name ? [i] : []))
    if (named.length > 0) return named.length === 1 ? named[0] : -1
  }
  return texts.indexOf(astText(expr))
}

/** An order in which equal rows lie side by side: floats, which may differ a little, count last. */
function compareRows(left: readonly Value[], right: readonly Value[], types: readonly DataType[]): number {
  for (const floats of [false, true]) {
    for (const [i, type] of types.entries()) {
      if ((type.kind === 'float') !== floats) continue
      const [a, b] = [left[i], right[i]]
      const order = a === null || b === null ? Number(b === null) - Number(a === null) : compareValues(a, b, type)
      if (order !== 0) return order
    }
  }
  return 0
}

function sameValue(left: Value, right: Value, type: DataType): boolean {
  if (left === null || right === null) return left === right
  if (type.kind === 'float') return sameFloat(left as number, right as number, TOLERANCE[type.bits])
  if (type.kind !== 'list') return compareValues(left, right, type) === 0
  const [a, b] = [left as readonly Value[], right as readonly Value[]]
  return a.length === b.length && a.every((value, i) => sameValue(value, b[i], type.element.type))
}

function sameFloat(left: number, right: number, tolerance: number): boolean {
  if (Object.is(left, right) || left === right) return true
  return Math.abs(left - right) <= Math.max(tolerance * Math.max(Math.abs(left), Math.abs(right)), ALMOST_ZERO)
}

const cellText = (value: Value, type: DataType): string => (value === null ? 'NULL' : valueText(value, type))

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`
