/** A naive row-at-a-time interpreter of logical plans: the oracle for "both plans give the same rows". */
import type { Value } from '../../src/arrow/types.js'
import type { Rng } from '../../src/common/clock.js'
import { exprTree, typeOf, type AggregateExpr, type Expr } from '../../src/expr/expr.js'
import { evaluateRow } from '../../src/expr/interpret.js'
import { compareValues } from '../../src/expr/value-compare.js'
import { planTree, type LogicalPlan, type PlanSchema } from '../../src/logical/plan.js'
import { columnIndex, schemaOf } from '../../src/logical/schema-of.js'
import type { TableProvider } from '../../src/catalog/table-provider.js'

export type Row = readonly Value[]
/** Rows of all columns of each table. */
export type Data = ReadonlyMap<TableProvider, readonly Row[]>
type Of<Kind extends LogicalPlan['kind']> = Extract<LogicalPlan, { kind: Kind }>

/** The rows of a plan; in order below a sort, otherwise in an order that means nothing. */
export function runPlan(plan: LogicalPlan, data: Data): readonly Row[] {
  const run = (input: LogicalPlan): readonly Row[] => runPlan(input, data)
  switch (plan.kind) {
    case 'scan':
      return runScan(plan, data)
    case 'filter': {
      const test = evaluator(plan.predicate, schemaOf(plan.input))
      return run(plan.input).filter(row => test(row) === true)
    }
    case 'projection': {
      const exprs = plan.exprs.map(({ expr }) => evaluator(expr, schemaOf(plan.input)))
      return run(plan.input).map(row => exprs.map(evaluate => evaluate(row)))
    }
    case 'aggregate':
      return runAggregate(plan, run(plan.input))
    case 'join':
      return runJoin(plan, run(plan.left), run(plan.right))
    case 'sort':
      return runSort(plan, run(plan.input)).slice(0, plan.fetch)
    case 'limit':
      return run(plan.input).slice(plan.skip, plan.fetch === undefined ? undefined : plan.skip + plan.fetch)
    case 'distinct':
      return [...new Map(run(plan.input).map(row => [rowKey(row), row])).values()]
    case 'rowNumber': {
      const keys = plan.partitionBy.map(expr => evaluator(expr, schemaOf(plan.input)))
      const counts = new Map<string, bigint>()
      return run(plan.input).map(row => {
        const key = rowKey(keys.map(evaluate => evaluate(row)))
        const number = (counts.get(key) ?? 0n) + 1n
        counts.set(key, number)
        return [...row, number]
      })
    }
    case 'union':
      return plan.inputs.flatMap(run)
    case 'values':
      return plan.rows.map(row => row.map(expr => evaluateRow(expr, [])))
    case 'empty':
      return plan.oneRow ? [[]] : []
    case 'alias':
      return run(plan.input)
    case 'write':
      return [[BigInt(run(plan.input).length)]]
  }
}

/** Text that is equal for equal rows. */
export const rowKey = (row: Row): string =>
  row.map(value => `${typeof value}:${typeof value === 'object' ? JSON.stringify(value) : value.toString()}`).join('|')

/** True if the rows depend on which of several allowed ones a LIMIT picks. */
export const isAmbiguous = (plan: LogicalPlan): boolean =>
  planTree.some(
    plan,
    node => node.kind === 'limit' || ((node.kind === 'sort' || node.kind === 'scan') && node.fetch !== undefined),
  )

/** Rows of small numbers, letters and days with many NULLs and duplicates, so that joins and groups meet. */
export function randomRows(provider: TableProvider, count: number, rng: Rng): readonly Row[] {
  const below = (limit: number): number => Math.floor(rng.next() * limit)
  return Array.from({ length: count }, () =>
    provider.schema.fields.map(({ type, nullable }): Value => {
      if (nullable && rng.next() < 0.2) return null
      if (type.kind === 'utf8') return 'abcd'[below(4)]
      const number = below(6)
      return (type.kind === 'int' && type.bits === 64) || type.kind === 'decimal' ? BigInt(number) : number
    }),
  )
}

/** The expression as a function of a row of `schema`. */
function evaluator(expr: Expr, schema: PlanSchema): (row: Row) => Value {
  const resolved = exprTree.transformUp(expr, node => {
    if (node.kind !== 'column') return node
    return {
      kind: 'input',
      index: columnIndex(schema, node),
      name: node.name,
      type: node.type,
      nullable: node.nullable,
    }
  })
  return row => evaluateRow(resolved, row)
}

function runScan(plan: Of<'scan'>, data: Data): readonly Row[] {
  const rows = data.get(plan.provider) ?? []
  const schema = plan.provider.schema.fields.map(field => ({ relation: plan.relation, ...field }))
  const filters = plan.filters.map(filter => evaluator(filter, schema))
  const kept = rows.filter(row => filters.every(test => test(row) === true))
  return kept.map(row => plan.projection.map(index => row[index])).slice(0, plan.fetch)
}

function runSort(plan: Of<'sort'>, rows: readonly Row[]): readonly Row[] {
  const keys = plan.keys.map(key => ({ ...key, evaluate: evaluator(key.expr, schemaOf(plan.input)) }))
  return [...rows].sort((left, right) => {
    for (const { evaluate, descending, nullsFirst, expr } of keys) {
      const [a, b] = [evaluate(left), evaluate(right)]
      if (a === null && b === null) continue
      if (a === null || b === null) return (a === null) === nullsFirst ? -1 : 1
      const order = compareValues(a, b, typeOf(expr))
      if (order !== 0) return descending ? -order : order
    }
    return 0
  })
}

function runAggregate(plan: Of<'aggregate'>, rows: readonly Row[]): readonly Row[] {
  const schema = schemaOf(plan.input)
  const keys = plan.groups.map(({ expr }) => evaluator(expr, schema))
  const groups = new Map<string, { key: Row; rows: Row[] }>()
  if (keys.length === 0) groups.set('', { key: [], rows: [] })
  for (const row of rows) {
    const key = keys.map(evaluate => evaluate(row))
    const group = groups.get(rowKey(key)) ?? { key, rows: [] }
    group.rows.push(row)
    groups.set(rowKey(key), group)
  }
  return [...groups.values()].map(group => [
    ...group.key,
    ...plan.aggregates.map(({ expr }) => aggregateValue(expr as AggregateExpr, group.rows, schema)),
  ])
}

function aggregateValue(expr: AggregateExpr, rows: readonly Row[], schema: PlanSchema): Value {
  const filter = expr.filter === undefined ? undefined : evaluator(expr.filter, schema)
  const kept = filter === undefined ? rows : rows.filter(row => filter(row) === true)
  if (expr.args.length === 0) return BigInt(kept.length)
  const type = typeOf(expr.args[0])
  const evaluate = evaluator(expr.args[0], schema)
  const all = kept.map(evaluate).filter(value => value !== null)
  const values = expr.distinct ? [...new Map(all.map(value => [rowKey([value]), value])).values()] : all
  if (expr.name === 'count') return BigInt(values.length)
  if (values.length === 0) return null
  const sorted = [...values].sort((a, b) => compareValues(a, b, type))
  switch (expr.name) {
    case 'min':
      return sorted[0]
    case 'max':
      return sorted[sorted.length - 1]
    case 'sum':
      return values.reduce<bigint>((sum, value) => sum + BigInt(value as bigint), 0n)
    default:
      throw new RangeError(`the oracle does not know ${expr.name}`)
  }
}

function runJoin(plan: Of<'join'>, left: readonly Row[], right: readonly Row[]): readonly Row[] {
  const [leftSchema, rightSchema] = [schemaOf(plan.left), schemaOf(plan.right)]
  const keys = plan.on.map(pair => ({
    left: evaluator(pair.left, leftSchema),
    right: evaluator(pair.right, rightSchema),
    type: typeOf(pair.left),
  }))
  const filter = plan.filter === undefined ? undefined : evaluator(plan.filter, [...leftSchema, ...rightSchema])
  const matches = (l: Row, r: Row): boolean => {
    const equal = keys.every(key => {
      const [a, b] = [key.left(l), key.right(r)]
      return a !== null && b !== null && compareValues(a, b, key.type) === 0
    })
    return equal && (filter === undefined || filter([...l, ...r]) === true)
  }
  const pairs = left.flatMap(l => right.filter(r => matches(l, r)).map(r => ({ l, r })))
  const both = pairs.map(({ l, r }) => [...l, ...r])
  const leftOnly = left.filter(l => !pairs.some(pair => pair.l === l))
  const rightOnly = right.filter(r => !pairs.some(pair => pair.r === r))
  const padRight = leftOnly.map(l => [...l, ...rightSchema.map(() => null)])
  const padLeft = rightOnly.map(r => [...leftSchema.map(() => null), ...r])
  switch (plan.type) {
    case 'inner':
      return both
    case 'left':
      return [...both, ...padRight]
    case 'right':
      return [...both, ...padLeft]
    case 'full':
      return [...both, ...padRight, ...padLeft]
    case 'leftSemi':
      return left.filter(l => !leftOnly.includes(l))
    case 'leftAnti':
      return leftOnly
    case 'leftMark':
      return left.map(l => [...l, !leftOnly.includes(l)])
    case 'rightMark':
      return right.map(r => [...r, !rightOnly.includes(r)])
    case 'rightSemi':
      return right.filter(r => !rightOnly.includes(r))
    case 'rightAnti':
      return rightOnly
  }
}
