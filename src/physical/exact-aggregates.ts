/** Aggregates of whole tables that statistics answer, the files' own or those of ANALYZE, so that nothing is read. */
import type { DataType } from '../arrow/types.js'
import type { Statistics } from '../catalog/table-provider.js'
import { literal, typeOf, type AggregateExpr, type Expr, type LiteralExpr } from '../expr/expr.js'
import type { LogicalPlan } from '../logical/plan.js'
import { schemaOf } from '../logical/schema-of.js'

/**
 * The one row of an aggregate without groups over a scan without filters, if every aggregate is count(*), or count, min or max of a
 * column, and known exactly; else undefined.
 *
 *   Aggregate: count(*), min(a)
 *     TableScan: t                =>  Values: (1000, 3)
 */
export async function exactAggregates(plan: LogicalPlan): Promise<LogicalPlan | undefined> {
  if (plan.kind !== 'aggregate' || plan.groups.length > 0 || plan.aggregates.length === 0) return undefined
  const scan = plan.input
  if (scan.kind !== 'scan' || scan.filters.length > 0 || scan.fetch !== undefined) return undefined
  if (!plan.aggregates.every(({ expr }) => isCandidate(expr))) return undefined
  const statistics = await scan.provider.exactStatistics?.()
  if (statistics?.rowCount === undefined) return undefined
  const row = plan.aggregates.flatMap(({ expr }) =>
    expr.kind === 'aggregate' ? (valueOf(expr, statistics) ?? []) : [],
  )
  return row.length < plan.aggregates.length ? undefined : { kind: 'values', schema: schemaOf(plan), rows: [row] }
}

function isCandidate(expr: Expr): expr is AggregateExpr {
  if (expr.kind !== 'aggregate' || expr.distinct || expr.filter !== undefined) return false
  const [argument] = expr.args
  if (argument === undefined) return expr.name === 'count'
  if (expr.args.length > 1 || argument.kind !== 'column') return false
  return expr.name === 'count' || ((expr.name === 'min' || expr.name === 'max') && hasTightBounds(argument.type))
}

/** Bounds of text may be cut, those of floats hide NaN. */
const hasTightBounds = ({ kind }: DataType): boolean => kind === 'int' || kind === 'date' || kind === 'decimal'

function valueOf({ name, args, type }: AggregateExpr, { rowCount, columns }: Statistics): LiteralExpr | undefined {
  const [argument] = args
  if (rowCount === undefined) return undefined
  if (argument === undefined) return literal(BigInt(rowCount), type)
  if (argument.kind !== 'column') return undefined
  const column = columns.get(argument.name)
  if (name === 'count') {
    const nullCount = argument.nullable ? column?.nullCount : 0
    return nullCount === undefined ? undefined : literal(BigInt(rowCount - nullCount), type)
  }
  const bound = name === 'min' ? column?.min : column?.max
  const isOfType = typeof bound === (usesBigInt(typeOf(argument)) ? 'bigint' : 'number')
  return isOfType && bound !== undefined ? literal(bound, type) : undefined
}

const usesBigInt = (type: DataType): boolean => type.kind === 'decimal' || (type.kind === 'int' && type.bits === 64)
