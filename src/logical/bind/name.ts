/** The name of an output column that has no alias: the expression as written, columns qualified, in one spelling. */
import type { ExprNode, Ident, OrderItem } from '../../parser/ast.js'
import { unreachable } from '../../common/invariant.js'

type Node<Kind extends ExprNode['kind']> = Extract<ExprNode, { kind: Kind }>
type Name = (node: ExprNode) => string

/** `sum(t.x)`, `t.a + 1`, `count(*)`. `columnText` says how a column path is shown. */
export function exprName(node: ExprNode, columnText: (path: readonly Ident[]) => string): string {
  const name: Name = child => exprName(child, columnText)
  const operand: Name = child => (isCompound(child) ? `(${name(child)})` : name(child))
  switch (node.kind) {
    case 'column':
      return columnText(node.path)
    case 'number':
    case 'string':
    case 'boolean':
    case 'null':
    case 'typedString':
    case 'interval':
    case 'parameter':
    case 'star':
      return constantName(node)
    case 'unary':
      return node.op === 'not' ? `NOT ${operand(node.input)}` : `${node.op}${operand(node.input)}`
    case 'binary':
      return binaryName(node, operand)
    case 'isNull':
    case 'isTruth':
    case 'between':
    case 'inList':
    case 'inSubquery':
    case 'quantified':
    case 'like':
      return predicateName(node, name, operand)
    case 'struct':
      return `{${node.fields.map(field => `${field.name.name}: ${name(field.value)}`).join(', ')}}`
    case 'subscript': {
      const to = node.to === undefined ? '' : `:${node.to === null ? '' : name(node.to)}`
      return `${operand(node.input)}[${node.from === undefined ? '' : name(node.from)}${to}]`
    }
    case 'groupingSets':
      return `${node.how}(${node.sets.map(set => `(${set.map(name).join(', ')})`).join(', ')})`
    case 'list':
      return `[${node.items.map(name).join(', ')}]`
    case 'exists':
      return `${not(node)}EXISTS (<subquery>)`
    case 'scalarSubquery':
      return '(<subquery>)'
    case 'case':
      return caseName(node, name)
    case 'cast': {
      const args = node.type.args.length === 0 ? '' : `(${node.type.args.join(', ')})`
      return `${node.safe ? 'TRY_CAST' : 'CAST'}(${name(node.input)} AS ${node.type.name}${args})`
    }
    case 'extract':
      return `extract(${node.field} FROM ${name(node.input)})`
    case 'call':
      return callName(node, name)
    default:
      return unreachable(node)
  }
}

/** Without recursion to the left: chains of thousands of operators are legal. */
function binaryName(node: Node<'binary'>, operand: Name): string {
  const steps: Node<'binary'>[] = []
  let first: ExprNode = node
  for (; first.kind === 'binary'; first = first.left) steps.push(first)
  const named = steps.reduceRight(
    (text, { op, right }) => `(${text} ${op.toUpperCase()} ${operand(right)})`,
    operand(first),
  )
  return named.slice(1, -1)
}

type ConstantNode = Node<'number' | 'string' | 'boolean' | 'null' | 'typedString' | 'interval' | 'parameter' | 'star'>

function constantName(node: ConstantNode): string {
  switch (node.kind) {
    case 'number':
      return node.text
    case 'string':
      return quote(node.value)
    case 'boolean':
      return String(node.value)
    case 'null':
      return 'NULL'
    case 'typedString':
      return `${node.type.name} ${quote(node.value)}`
    case 'interval':
      return `INTERVAL ${quote(node.value)}${node.unit === undefined ? '' : ` ${node.unit.toUpperCase()}`}`
    case 'parameter':
      return `$${node.name}`
    case 'star':
      return '*'
    default:
      return unreachable(node)
  }
}

type PredicateNode = Node<'isNull' | 'isTruth' | 'between' | 'inList' | 'inSubquery' | 'quantified' | 'like'>

function predicateName(node: PredicateNode, name: Name, operand: Name): string {
  const input = operand(node.input)
  switch (node.kind) {
    case 'isNull':
      return `${input} IS ${not(node)}NULL`
    case 'isTruth':
      return `${input} IS ${not(node)}${node.truth.toUpperCase()}`
    case 'between':
      return `${input} ${not(node)}BETWEEN ${operand(node.low)} AND ${operand(node.high)}`
    case 'inList':
      return `${input} ${not(node)}IN (${node.list.map(name).join(', ')})`
    case 'inSubquery':
      return `${input} ${not(node)}IN (<subquery>)`
    case 'quantified':
      return `${input} ${node.op} ${node.quantifier.toUpperCase()} (<subquery>)`
    case 'like': {
      const escape = node.escape === undefined ? '' : ` ESCAPE ${name(node.escape)}`
      return `${input} ${not(node)}${node.caseInsensitive ? 'ILIKE' : 'LIKE'} ${operand(node.pattern)}${escape}`
    }
    default:
      return unreachable(node)
  }
}

const not = (node: { readonly negated: boolean }): string => (node.negated ? 'NOT ' : '')

function caseName(node: Node<'case'>, name: Name): string {
  const branches = node.whens.map((when, i) => ` WHEN ${name(when)} THEN ${name(node.thens[i])}`).join('')
  const otherwise = node.otherwise === undefined ? '' : ` ELSE ${name(node.otherwise)}`
  return `CASE${node.operand === undefined ? '' : ` ${name(node.operand)}`}${branches}${otherwise} END`
}

function callName(node: Node<'call'>, name: Name): string {
  const orderOf = (items: readonly OrderItem[]): string => items.map(item => orderName(item, name)).join(', ')
  const order = orderOf(node.orderBy)
  const within = node.withinGroup === undefined ? '' : ` WITHIN GROUP (ORDER BY ${orderOf(node.withinGroup)})`
  const nulls = node.nulls === undefined ? '' : ` ${node.nulls.toUpperCase()} NULLS`
  const filter = node.filter === undefined ? '' : ` FILTER (WHERE ${name(node.filter)})`
  const args = `${node.distinct ? 'DISTINCT ' : ''}${node.args.map(name).join(', ')}`
  return `${node.name.name}(${args}${order === '' ? '' : ` ORDER BY ${order}`})${within}${nulls}${filter}`
}

const orderName = (item: OrderItem, name: Name): string => `${name(item.expr)}${item.descending ? ' DESC' : ''}`

const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`

const COMPOUND = new Set<ExprNode['kind']>([
  'binary',
  'isNull',
  'isTruth',
  'between',
  'inList',
  'inSubquery',
  'quantified',
  'like',
])

const isCompound = (node: ExprNode): boolean => COMPOUND.has(node.kind) || (node.kind === 'unary' && node.op === 'not')
