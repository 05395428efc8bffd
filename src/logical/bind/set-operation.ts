/** UNION [ALL] [BY NAME], INTERSECT and EXCEPT: inputs with one set of column names and types. */
import { INT64, NULL, sameType, typeName, type DataType } from '../../arrow/types.js'
import { fail } from '../../common/errors.js'
import { aggregateExpr, binaryExpr, castExpr } from '../../expr/build.js'
import { literal } from '../../expr/expr.js'
import { unionType } from '../../expr/types.js'
import type { QueryBody } from '../../parser/ast.js'
import { aggregatePlan, filterAll, projectionPlan, rowNumberPlan, unionPlan } from '../build.js'
import { fieldColumn, schemaOf } from '../schema-of.js'
import type { LogicalPlan, PlanSchema } from '../plan.js'
import { at } from './context.js'
import { comparableRows, distinctRows } from './interval-keys.js'
import { hasRepeatedColumns, uniqueColumns, uniqueName, withNamesOf } from './unique.js'

type SetOperation = Extract<QueryBody, { kind: 'setOperation' }>

/** `bind` binds one operand. Chains of the same kind are bound without recursion and become one union. */
export function bindSetOperation(node: SetOperation, bind: (body: QueryBody) => LogicalPlan): LogicalPlan {
  if (node.op !== 'union') return bindIntersectOrExcept(node, bind)
  const operands = unionOperands(node)
  const inputs = unifyInputs(operands.map(bind), node)
  const union = unionPlan(inputs)
  if (node.all) return union
  if (!hasRepeatedColumns(schemaOf(union))) return distinctRows(union)
  return withNamesOf(distinctRows(uniqueColumns(union)), schemaOf(union))
}

/**
 * The rows of both sides as groups that count how often each side has them (as in DISTINCT, NULLs are equal), of which
 * INTERSECT keeps those of both sides and EXCEPT those of the left side only. For ALL equal rows of a side are numbered
 * first, so that the nth of one side meets the nth of the other.
 */
function bindIntersectOrExcept(node: SetOperation, bind: (body: QueryBody) => LogicalPlan): LogicalPlan {
  if (node.byName) throw fail('NOT_SUPPORTED', [`${node.op.toUpperCase()} BY NAME`], { span: node.span })
  const inputs = unifyInputs([bind(node.left), bind(node.right)], node).map(comparableRows)
  const [left, right] = inputs.map(input => (node.all ? numberedRows(uniqueColumns(input)) : uniqueColumns(input)))
  const columns = schemaOf(left).map(field => field.name)
  const taken = new Set(columns)
  const sides = ['left_rows', 'right_rows'].map(side => uniqueName(side, taken))
  const tagged = (plan: LogicalPlan, tags: readonly bigint[]): LogicalPlan => {
    const own = schemaOf(plan).map((field, i) => ({ expr: fieldColumn(field), name: columns[i] }))
    return projectionPlan(plan, [...own, ...sides.map((side, i) => ({ expr: literal(tags[i], INT64), name: side }))])
  }
  const union = unionPlan([tagged(left, [1n, 0n]), tagged(right, [0n, 1n])])
  const fields = schemaOf(union).map(fieldColumn)
  const groups = columns.map((column, i) => ({ expr: fields[i], name: column }))
  const counts = sides.map((side, i) => ({ expr: aggregateExpr('sum', [fields[columns.length + i]]), name: side }))
  const grouped = aggregatePlan(union, groups, counts)
  const [inLeft, inRight] = schemaOf(grouped)
    .slice(columns.length)
    .map(field => fieldColumn(field))
  const zero = literal(0n, INT64)
  const kept = filterAll(grouped, [
    binaryExpr('>', inLeft, zero),
    binaryExpr(node.op === 'intersect' ? '>' : '=', inRight, zero),
  ])
  const names = schemaOf(inputs[0]).map(({ name }, i) => ({ expr: fieldColumn(schemaOf(grouped)[i]), name }))
  return projectionPlan(kept, names)
}

function numberedRows(plan: LogicalPlan): LogicalPlan {
  const schema = schemaOf(plan)
  const name = uniqueName('row_number', new Set(schema.map(field => field.name)))
  return rowNumberPlan(plan, schema.map(fieldColumn), name)
}

/**
 * The operands of a left-deep chain, left to right. Under a distinct union every union below it may be a plain one;
 * under UNION ALL only UNION ALL is.
 */
function unionOperands(node: SetOperation): readonly QueryBody[] {
  const operands: QueryBody[] = []
  let left: QueryBody = node
  while (
    left.kind === 'setOperation' &&
    left.op === 'union' &&
    left.byName === node.byName &&
    (left.all || !node.all)
  ) {
    operands.unshift(left.right)
    left = left.left
  }
  operands.unshift(left)
  return operands
}

function unifyInputs(plans: readonly LogicalPlan[], node: SetOperation): readonly LogicalPlan[] {
  const aligned = node.byName ? alignByName(plans) : plans
  const schemas = aligned.map(schemaOf)
  const uneven = schemas.find(schema => schema.length !== schemas[0].length)
  if (uneven !== undefined) {
    const text = `the inputs of ${node.op.toUpperCase()} differ in columns: ${schemas[0].length} and ${uneven.length}`
    throw fail('INVALID_ARGUMENT', [text], { span: node.span })
  }
  const target = schemas[0].map((field, column) => ({ name: field.name, type: columnType(schemas, column, node) }))
  return aligned.map((plan, i) => at(node.span, () => conform(plan, schemas[i], target)))
}

function columnType(schemas: readonly PlanSchema[], column: number, node: SetOperation): DataType {
  return schemas
    .map(schema => schema[column].type)
    .reduce((left, right) => {
      const type = sameType(left, right) ? left : unionType(left, right)
      if (type !== undefined) return type
      const text = `column ${column + 1} of ${node.op.toUpperCase()} has both ${typeName(left)} and ${typeName(right)}; cast one of them`
      throw fail('TYPE_MISMATCH', [text], { span: node.span })
    })
}

/** Types, and for the first input also names, of the result; without relations. */
function conform(
  plan: LogicalPlan,
  schema: PlanSchema,
  target: readonly { name: string; type: DataType }[],
): LogicalPlan {
  const same = schema.every(
    (field, i) => field.relation === undefined && field.name === target[i].name && sameType(field.type, target[i].type),
  )
  if (same) return plan
  const source = plan.kind === 'projection' ? plan : uniqueColumns(plan)
  const columns =
    source.kind === 'projection' ? source.exprs.map(({ expr }) => expr) : schemaOf(source).map(fieldColumn)
  const exprs = target.map(({ name, type }, i) => ({ expr: castExpr(columns[i], type), name }))
  return projectionPlan(source.kind === 'projection' ? source.input : source, exprs)
}

/** BY NAME: the columns of all inputs in order of first appearance; NULL where an input has none. */
function alignByName(plans: readonly LogicalPlan[]): readonly LogicalPlan[] {
  const unique = plans.map(uniqueColumns)
  const names = [...new Set(unique.flatMap(plan => schemaOf(plan).map(field => field.name)))]
  return unique.map(plan => {
    const schema = schemaOf(plan)
    const exprs = names.map(name => {
      const field = schema.find(candidate => candidate.name === name)
      return { expr: field === undefined ? literal(null, NULL) : fieldColumn(field), name }
    })
    return projectionPlan(plan, exprs)
  })
}
