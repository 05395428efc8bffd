/** Subplans that occur several times are computed once. */
import { mapList } from '../../common/tree.js'
import { scalarFunction } from '../../expr/functions/index.js'
import { exchangeExec, type ExchangeExec } from '../operators/exchange.js'
import type { MaterializeExec, SharedRowsExec } from '../operators/materialize.js'
import type { PhysicalPlan } from '../plan.js'
import type { RuleContext } from './rule.js'

/** Estimated rows that are held in memory for it. */
const MAX_ROWS = 1_000_000

/** A subplan is worth it only if it does more than read and filter: scans that are narrower elsewhere do not hold their rows. */
const COSTLY_KINDS: ReadonlySet<string> = new Set([
  'AggregateExec',
  'HashJoinExec',
  'NestedLoopJoinExec',
  'RowNumberExec',
  'SortExec',
  'TopKExec',
])

/** The plan runs in several tasks. */
const SPREADING_KINDS: ReadonlySet<string> = new Set(['ExchangeExec', 'ReplicateExec'])

/**
 *   HashJoinExec                     MaterializeExec: rows=#0
 *     AggregateExec: max               AggregateExec: sum by a
 *       AggregateExec: sum by a          X
 *         X                      =>    HashJoinExec
 *     AggregateExec: sum by a            AggregateExec: max
 *       X                                  SharedRowsExec: rows=#0
 *                                        SharedRowsExec: rows=#0
 *
 * That is for plans of one task. In others the exchanges above the occurrences get a number, and rows are sent to each of them;
 * where there is none, an exchange that leaves the rows as they lie is put there:
 *
 *   HashJoinExec: a = max               HashJoinExec: a = max
 *     ExchangeExec: hash(a)               ExchangeExec: hash(a), shared=#0
 *       X                        =>         X
 *     AggregateExec: max                  AggregateExec: max
 *       X                                   ExchangeExec: round robin, shared=#0
 *                                             X
 */
export function shareSubplans(plan: PhysicalPlan, context: RuleContext): PhysicalPlan {
  const groups = repeatedSubplans(plan)
  const shared = groups.filter(([first]) => (context.properties(first).rowCount ?? 0) <= MAX_ROWS)
  if (shared.length === 0) return plan
  const ids = new Map(shared.flatMap((group, id) => group.map(node => [node, id] as const)))
  if (someNode(plan, node => SPREADING_KINDS.has(node.kind))) return exchangeShared(plan, ids, context)
  const main = replaceShared(plan, ids, context)
  return shared.reduceRight<PhysicalPlan>((below, [first], id) => {
    const node: MaterializeExec = { kind: 'MaterializeExec', id, schema: below.schema, children: [first, below] }
    return node
  }, main)
}

function replaceShared(plan: PhysicalPlan, ids: ReadonlyMap<PhysicalPlan, number>, context: RuleContext): PhysicalPlan {
  const id = ids.get(plan)
  if (id === undefined) {
    const children = mapList(plan.children, child => replaceShared(child, ids, context))
    return children === plan.children ? plan : { ...plan, children }
  }
  const { rowCount } = context.properties(plan)
  const leaf = { kind: 'SharedRowsExec', id, schema: plan.schema, children: [] } as const
  const shared: SharedRowsExec = rowCount === undefined ? leaf : { ...leaf, rowCount }
  return shared
}

function exchangeShared(
  plan: PhysicalPlan,
  ids: ReadonlyMap<PhysicalPlan, number>,
  context: RuleContext,
): PhysicalPlan {
  const firsts = new Map<number, PhysicalPlan>()
  const shared = (exchange: ExchangeExec, id: number): ExchangeExec => {
    const [input] = exchange.children
    const first = firsts.get(id) ?? input
    firsts.set(id, first)
    return { ...exchange, shared: id, children: [first] }
  }
  const visit = (node: PhysicalPlan): PhysicalPlan => {
    const own = ids.get(node)
    if (own !== undefined) return shared(isExchange(node) ? node : inPlace(node, context), own)
    const below = isExchange(node) ? ids.get(node.children[0]) : undefined
    if (isExchange(node) && below !== undefined && !isExchange(node.children[0])) return shared(node, below)
    const children = mapList(node.children, visit)
    return children === node.children ? node : { ...node, children }
  }
  return visit(plan)
}

/** An exchange that leaves the rows as they lie: equal keys stay together, and so does a single partition. */
function inPlace(plan: PhysicalPlan, context: RuleContext): ExchangeExec {
  const { partitioning } = context.properties(plan)
  return exchangeExec(plan, partitioning.kind === 'unknown' ? { ...partitioning, kind: 'roundRobin' } : partitioning)
}

const isExchange = (plan: PhysicalPlan): plan is ExchangeExec => plan.kind === 'ExchangeExec'

/** Equal plans. */
interface Alike {
  readonly id: number
  readonly first: PhysicalPlan
  /** Occurrences that may be shared. */
  readonly nodes: PhysicalPlan[]
}

/** The largest costly subplans that occur more than once, each with its occurrences. */
function repeatedSubplans(root: PhysicalPlan): PhysicalPlan[][] {
  const groupOf = groupEqual(root)
  const chosen = new Map<Alike, PhysicalPlan[]>()
  const visit = (node: PhysicalPlan): void => {
    // It runs in every task, and reads no exchange.
    if (node.kind === 'ReplicateExec') return
    const group = groupOf.get(node)
    if (group === undefined || group.nodes.length < 2 || !isWorthIt(node)) return node.children.forEach(visit)
    const before = chosen.get(group)
    if (before === undefined) chosen.set(group, [node])
    else before.push(node)
  }
  visit(root)
  return [...chosen.values()].filter(nodes => nodes.length > 1)
}

const isWorthIt = (plan: PhysicalPlan): boolean =>
  someNode(plan, ({ kind }) => COSTLY_KINDS.has(kind)) && !isVolatile(plan)

/** Children first: two nodes are equal if their children are and they differ in nothing else, so that none is compared as a whole. */
function groupEqual(root: PhysicalPlan): ReadonlyMap<PhysicalPlan, Alike> {
  const groupOf = new Map<PhysicalPlan, Alike>()
  const candidates = new Map<string, Alike[]>()
  let count = 0
  const collect = (node: PhysicalPlan, mayShare: boolean): void => {
    const sharesBelow = mayShare && node.kind !== 'ReplicateExec'
    for (const child of node.children) collect(child, sharesBelow)
    const own = { ...node, children: [] }
    const key = [hashOf(own), ...node.children.map(child => groupOf.get(child)?.id)].join(' ')
    const known = candidates.get(key) ?? []
    candidates.set(key, known)
    let group = known.find(({ first }) => isSame({ ...first, children: [] }, own))
    if (group === undefined) known.push((group = { id: count++, first: node, nodes: [] }))
    if (sharesBelow) group.nodes.push(node)
    groupOf.set(node, group)
  }
  collect(root, true)
  return groupOf
}

/** Values that lie deeper do not count: operators differ near their top, and chains of expressions may be long. */
const HASH_DEPTH = 8

/** Equal values have equal hashes: a union of thousands of queries must not compare each with all others. */
function hashOf(value: unknown, depth = 0): number {
  if (typeof value === 'object' && value !== null) {
    if (ArrayBuffer.isView(value) || depth === HASH_DEPTH) return 0
    let sum = 0
    for (const [key, part] of Object.entries(value))
      // The schema follows from the rest. The order of keys does not count.
      if (part !== undefined && key !== 'schema') sum += Math.imul(hashText(key), hashOf(part, depth + 1) | 1)
    return sum | 0
  }
  return hashText(String(value))
}

/** FNV-1a. */
function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash
}

/** Equal values; encoded rows of a table are the same only if they are one block. */
function isSame(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false
  if (ArrayBuffer.isView(left) || Array.isArray(left) !== Array.isArray(right)) return false
  const [a, b] = [left, right] as [Record<string, unknown>, Record<string, unknown>]
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every(key => isSame(a[key], b[key]))
}

const someNode = (plan: PhysicalPlan, test: (node: PhysicalPlan) => boolean): boolean =>
  test(plan) || plan.children.some(child => someNode(child, test))

/** Whether something in the node or below it calls a function such as random(). */
function isVolatile(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return false
  const { kind, name } = value as { kind?: unknown; name?: unknown }
  if (kind === 'call' && typeof name === 'string' && scalarFunction(name)?.volatility === 'volatile') return true
  return Object.values(value).some(isVolatile)
}
