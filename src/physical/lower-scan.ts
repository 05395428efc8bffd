/** Lowers a table scan: asks the provider, and runs over its rows what the provider did not apply. */
import type { Field, Schema } from '../arrow/schema.js'
import type { TableProvider } from '../catalog/table-provider.js'
import { invariant } from '../common/invariant.js'
import { conjunction, inputExpr } from '../expr/build.js'
import { exprTree, type Expr } from '../expr/expr.js'
import type { LogicalPlan } from '../logical/plan.js'
import { columnsOf, stripRelation } from '../logical/plan-exprs.js'
import { estimateRows } from '../optimizer/cardinality.js'
import type { DataSourceExec } from './operators/data-source.js'
import { filterExec } from './operators/filter.js'
import { projectionExec } from './operators/projection.js'
import type { LowerContext, PhysicalPlan } from './plan.js'

type Scan = Extract<LogicalPlan, { kind: 'scan' }>

/**
 *   TableScan: t projection=[a], full_filters=[b > 1]      ProjectionExec: a
 *                                                     =>     FilterExec: b > 1          (what is residual)
 *                                                              DataSourceExec: a, b
 */
export async function lowerScan(
  scan: Scan,
  { targetPartitions, minPartitionBytes }: Pick<LowerContext, 'targetPartitions' | 'minPartitionBytes'>,
): Promise<PhysicalPlan> {
  const { provider, projection } = scan
  const filters = scan.filters.map(stripRelation)
  const exact = filters.length === 0 && scan.fetch !== undefined
  const { source, residual } = await provider.scan({
    projection: withColumns(projection, filters, provider),
    filters,
    targetPartitions,
    ...(minPartitionBytes === undefined ? {} : { minPartitionBytes }),
    ...(exact && scan.fetch !== undefined ? { fetch: scan.fetch } : {}),
  })
  const columns = withColumns(projection, residual, provider)
  const fetch = residual.length === 0 && scan.fetch !== undefined ? { fetch: scan.fetch } : {}
  const applied = scan.filters.filter((_, i) => !residual.includes(filters[i]))
  const leaf: DataSourceExec = {
    kind: 'DataSourceExec',
    source,
    projection: columns,
    rowCount: Math.ceil(estimateRows({ ...scan, filters: applied })),
    schema: schemaAt(provider, columns),
    children: [],
    ...fetch,
  }
  const predicate = conjunction(residual.map(filter => overColumns(filter, columns, provider)))
  if (predicate === undefined) return leaf
  const filtered = filterExec(leaf, predicate)
  if (columns.length === projection.length) return filtered
  const kept = projection.map((_, i) => columnAt(leaf.schema.fields[i], i))
  return projectionExec(filtered, kept, schemaAt(provider, projection))
}

/** `projection`, then the columns of `exprs` that are not in it. */
function withColumns(
  projection: readonly number[],
  exprs: readonly Expr[],
  provider: TableProvider,
): readonly number[] {
  const read = new Set(exprs.flatMap(columnsOf).map(column => fieldIndex(provider, column.name)))
  const more = [...read].filter(column => !projection.includes(column))
  return [...projection, ...more.sort((left, right) => left - right)]
}

const overColumns = (expr: Expr, columns: readonly number[], provider: TableProvider): Expr =>
  exprTree.transformUp(expr, node => {
    if (node.kind !== 'column') return node
    const index = fieldIndex(provider, node.name)
    return columnAt(provider.schema.fields[index], columns.indexOf(index))
  })

const columnAt = ({ name, type, nullable }: Field, index: number): Expr => inputExpr(index, name, type, nullable)

function fieldIndex(provider: TableProvider, name: string): number {
  const index = provider.schema.fields.findIndex(field => field.name === name)
  invariant(index >= 0, `no column ${name} in the scanned table`)
  return index
}

const schemaAt = (provider: TableProvider, columns: readonly number[]): Schema => ({
  fields: columns.map(column => provider.schema.fields[column]),
})
