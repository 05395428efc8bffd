/** Inserts exchanges wherever the input of an operator does not lie as it requires. */
import type { Expr } from '../../expr/expr.js'
import { mapList } from '../../common/tree.js'
import { exchangeExec, type ExchangePartitioning } from '../operators/exchange.js'
import type { Distribution, Partitioning, PhysicalPlan } from '../plan.js'
import { partitionCount, sameExpr } from '../properties.js'
import type { PhysicalRule, RuleContext } from './rule.js'

/**
 *   HashJoinExec: a = b               HashJoinExec: a = b
 *     X (4 partitions)                  ExchangeExec: hash(a) into 4
 *     Y (2 partitions)         =>         X
 *                                       ExchangeExec: hash(b) into 4
 *                                         Y
 *
 * Inputs of one partition satisfy everything. Two inputs that must meet by hash are divided by the same keys into the same
 * number of partitions; an input that already lies by a part of its keys stays where it is and the other one follows it.
 */
export const enforceDistribution: PhysicalRule = {
  name: 'enforce_distribution',
  apply(plan, context) {
    const required = context.definition(plan).requiredDistribution?.(plan)
    if (required === undefined) return plan
    const inputs = plan.children.map((child, i): Input => {
      const { partitioning, rowCount } = context.properties(child)
      return { partitioning, rowCount: rowCount ?? 0, keys: keysOf(required[i]) }
    })
    if (inputs.every(({ partitioning }) => partitionCount(partitioning) === 1)) return plan
    // All rows of one side meet all rows of the other wherever those lie.
    if (inputs.some(({ partitioning }) => partitioning.kind === 'broadcast')) return plan
    const target = hashTarget(inputs, context)
    let i = 0
    const children = mapList(plan.children, child => {
      const wanted = wantedPartitioning(required[i], inputs[i], target)
      i++
      return wanted === undefined ? child : exchangeExec(child, wanted)
    })
    return children === plan.children ? plan : { ...plan, children }
  },
}

/** True when equal values of `keys` already meet in one partition of `plan`. */
export function meetsHash(plan: PhysicalPlan, keys: readonly Expr[], context: RuleContext): boolean {
  const { partitioning } = context.properties(plan)
  return partitionCount(partitioning) === 1 || positionsOf(partitioning, keys) !== undefined
}

interface Input {
  readonly partitioning: Partitioning
  readonly rowCount: number
  /** What it must be hashed by; undefined: it need not be. */
  readonly keys: readonly Expr[] | undefined
}

/** Hash by the keys at `positions`, into `count` partitions. */
interface HashTarget {
  readonly positions: readonly number[]
  readonly count: number
}

const keysOf = (required: Distribution): readonly Expr[] | undefined =>
  required.kind === 'hash' && required.exprs.length > 0 ? required.exprs : undefined

/** The target of the largest input that already satisfies its keys, else all keys and the partitions to aim for. */
function hashTarget(inputs: readonly Input[], context: RuleContext): HashTarget {
  const largestFirst = [...inputs].sort((left, right) => right.rowCount - left.rowCount)
  for (const { partitioning, keys } of largestFirst) {
    const positions = keys === undefined ? undefined : positionsOf(partitioning, keys)
    if (positions !== undefined) return { positions, count: partitionCount(partitioning) }
  }
  const keys = inputs.find(input => input.keys !== undefined)?.keys ?? []
  return { positions: keys.map((_, i) => i), count: context.targetPartitions }
}

/** Where in `keys` the expressions stand by which the rows are hashed; undefined if they are not hashed by keys only. */
function positionsOf(partitioning: Partitioning, keys: readonly Expr[]): readonly number[] | undefined {
  if (partitioning.kind !== 'hash') return undefined
  const positions = partitioning.exprs.map(expr => keys.findIndex(key => sameExpr(key, expr)))
  return positions.includes(-1) ? undefined : positions
}

/** The exchange that an input needs; undefined: none. */
function wantedPartitioning(
  required: Distribution,
  input: Input,
  target: HashTarget,
): ExchangePartitioning | undefined {
  if (required.kind === 'any') return undefined
  const count = partitionCount(input.partitioning)
  if (input.keys === undefined || target.count === 1) return count === 1 ? undefined : { kind: 'single' }
  const positions = positionsOf(input.partitioning, input.keys)
  const lies = positions !== undefined && count === target.count && sameNumbers(positions, target.positions)
  const { keys } = input
  return lies
    ? undefined
    : { kind: 'hash', exprs: target.positions.map(position => keys[position]), count: target.count }
}

const sameNumbers = (left: readonly number[], right: readonly number[]): boolean =>
  left.length === right.length && left.every((value, i) => value === right[i])
