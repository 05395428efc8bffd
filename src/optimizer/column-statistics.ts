/** What is known of the values of an expression: the table column it comes from, its bounds and its distinct values. */
import type { DataType, Value } from '../arrow/types.js'
import type { ColumnStatistics, Statistics } from '../catalog/table-provider.js'
import type { Expr } from '../expr/expr.js'
import type { ScanPlanNode } from '../logical/build.js'
import type { LogicalPlan } from '../logical/plan.js'
import { columnsOf, isOver } from '../logical/plan-exprs.js'
import { fieldColumn, findColumn, schemaOf } from '../logical/schema-of.js'

/** Rows of a table that says nothing about itself. */
const UNKNOWN_ROWS = 100_000
/** Bytes of a row where only the size of a file is known. */
const ROW_BYTES = 100

const statisticsCache = new WeakMap<ScanPlanNode, Statistics>()

/** Asked once a scan: a provider may have to add up many files. */
function statisticsOf(scan: ScanPlanNode): Statistics {
  let statistics = statisticsCache.get(scan)
  if (statistics === undefined) statisticsCache.set(scan, (statistics = scan.provider.statistics()))
  return statistics
}

/** Rows of the scanned table, before any filter. */
export function tableRows(scan: ScanPlanNode): number {
  const { rowCount, byteLength } = statisticsOf(scan)
  return rowCount ?? (byteLength === undefined ? UNKNOWN_ROWS : byteLength / ROW_BYTES)
}

/** A column of a table. */
export interface Origin {
  readonly scan: ScanPlanNode
  readonly type: DataType
  readonly statistics: ColumnStatistics | undefined
}

/** The table column that an expression is, through casts, projections and aliases; undefined for computed values. */
export function originOf(expr: Expr, plan: LogicalPlan): Origin | undefined {
  if (expr.kind === 'cast') return originOf(expr.input, plan)
  if (expr.kind !== 'column') return undefined
  if (plan.kind === 'scan') return scanOrigin(plan, expr.name, expr.relation)
  const index = findColumn(schemaOf(plan), expr)
  return index < 0 ? undefined : columnOrigin(plan, index)
}

/** Also for columns that only the scan's filters read. */
function scanOrigin(scan: ScanPlanNode, name: string, relation: string | undefined): Origin | undefined {
  const field = scan.provider.schema.fields.find(candidate => candidate.name === name)
  if (relation !== scan.relation || field === undefined) return undefined
  return { scan, type: field.type, statistics: statisticsOf(scan).columns.get(name) }
}

function columnOrigin(plan: LogicalPlan, index: number): Origin | undefined {
  switch (plan.kind) {
    case 'scan':
      return scanOrigin(plan, schemaOf(plan)[index].name, plan.relation)
    case 'filter':
    case 'sort':
    case 'limit':
    case 'distinct':
    case 'alias':
      return columnOrigin(plan.input, index)
    case 'rowNumber':
      return index < schemaOf(plan.input).length ? columnOrigin(plan.input, index) : undefined
    case 'projection':
      return originOf(plan.exprs[index].expr, plan.input)
    case 'aggregate':
      return index < plan.groups.length ? originOf(plan.groups[index].expr, plan.input) : undefined
    case 'join': {
      const column: Expr = { kind: 'column', ...schemaOf(plan)[index] }
      return originOf(column, plan.left) ?? originOf(column, plan.right)
    }
    case 'union':
    case 'values':
    case 'empty':
    case 'write':
      return undefined
  }
}

/** Distinct values of a column in its table, before any filter. */
export interface DistinctValues {
  readonly count: number
  /** False for a bound: no more than the rows of the table, or the width of its range. */
  readonly exact: boolean
  readonly scan: ScanPlanNode
}

/** Undefined for what is not a column of a table. */
export function distinctValues(expr: Expr, plan: LogicalPlan): DistinctValues | undefined {
  const origin = originOf(expr, plan)
  if (origin === undefined) return undefined
  const { scan, statistics } = origin
  if (statistics?.distinctCount !== undefined) return { count: statistics.distinctCount, exact: true, scan }
  const width = rangeWidth(origin)
  return { count: Math.max(1, Math.min(tableRows(scan), width ?? Infinity)), exact: false, scan }
}

/** Values between the bounds of a column of whole numbers or days. */
function rangeWidth({ type, statistics }: Origin): number | undefined {
  if (type.kind !== 'int' && type.kind !== 'date') return undefined
  const [min, max] = [numberOf(statistics?.min, type), numberOf(statistics?.max, type)]
  return min === undefined || max === undefined ? undefined : max - min + 1
}

/** Values that a part of a date has. */
const PART_VALUES: Readonly<Record<string, number>> = {
  century: 2,
  day: 31,
  dow: 7,
  doy: 366,
  hour: 24,
  isodow: 7,
  minute: 60,
  month: 12,
  quarter: 4,
  second: 60,
  week: 53,
}
const DAYS_A_YEAR = 365.25
/** Rows per distinct value of an expression of which nothing is known. */
const ROWS_PER_VALUE = 10

/** Different values of an expression among `rows` rows of the plan. */
export function valueCount(expr: Expr, plan: LogicalPlan, rows: number): number {
  return Math.max(1, Math.min(rows, knownValues(expr, plan) ?? rows / ROWS_PER_VALUE))
}

function knownValues(expr: Expr, plan: LogicalPlan): number | undefined {
  if (expr.kind === 'literal') return 1
  const own = distinctValues(expr, plan)
  if (own !== undefined) return own.count
  if (expr.kind === 'call' && expr.name === 'date_part') return partValues(expr.args, plan)
  if (expr.kind === 'column') return computedValues(expr, plan)
  // As many as there are combinations of the columns in it.
  const columns = columnsOf(expr)
  if (columns.length === 0) return undefined
  const counts = columns.map(column => distinctValues(column, plan)?.count)
  return counts.includes(undefined) ? undefined : counts.reduce<number>((product, count) => product * (count ?? 1), 1)
}

/** Of a column that some projection below computes. */
function computedValues(column: Expr, plan: LogicalPlan): number | undefined {
  switch (plan.kind) {
    case 'filter':
    case 'sort':
    case 'limit':
    case 'distinct':
      return knownValues(column, plan.input)
    case 'alias': {
      const index = column.kind === 'column' ? findColumn(schemaOf(plan), column) : -1
      return index < 0 ? undefined : knownValues(fieldColumn(schemaOf(plan.input)[index]), plan.input)
    }
    case 'projection': {
      const index = column.kind === 'column' ? findColumn(schemaOf(plan), column) : -1
      return index < 0 ? undefined : knownValues(plan.exprs[index].expr, plan.input)
    }
    case 'join':
      return isOver(column, schemaOf(plan.left)) ? knownValues(column, plan.left) : knownValues(column, plan.right)
    default:
      return undefined
  }
}

function partValues([part, date]: readonly Expr[], plan: LogicalPlan): number | undefined {
  const name = part.kind === 'literal' ? String(part.value).toLowerCase() : ''
  if (name !== 'year') return PART_VALUES[name]
  const origin = originOf(date, plan)
  const days = origin?.type.kind === 'date' ? rangeWidth(origin) : undefined
  return days === undefined ? undefined : Math.ceil(days / DAYS_A_YEAR) + 1
}

/** A value as a number in the order of its type: decimals by their value, dates in days, timestamps in their unit. */
export function numberOf(value: Value | undefined, type: DataType): number | undefined {
  if (typeof value !== 'number' && typeof value !== 'bigint') return undefined
  return type.kind === 'decimal' ? Number(value) / 10 ** type.scale : Number(value)
}

/** Whether numbers of two types are on one scale. */
export function isComparable(left: DataType, right: DataType): boolean {
  const isNumber = ({ kind }: DataType): boolean => kind === 'int' || kind === 'float' || kind === 'decimal'
  if (isNumber(left) && isNumber(right)) return true
  if (left.kind === 'timestamp' && right.kind === 'timestamp') return left.unit === right.unit
  return left.kind === 'date' && right.kind === 'date'
}
