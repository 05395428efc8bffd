/** Lets joins over exchanges reduce their probe sides where these are read, before rows are exchanged or grouped. */
import { sameType } from '../../arrow/types.js'
import { mapList } from '../../common/tree.js'
import { inputExpr } from '../../expr/build.js'
import type { DataSourceExec } from '../operators/data-source.js'
import { exchangeExec, type ExchangeExec } from '../operators/exchange.js'
import type { HashJoinExec } from '../operators/hash-join.js'
import { joinSchema } from '../operators/join-types.js'
import type { PhysicalPlan } from '../plan.js'
import { partitionCount } from '../properties.js'
import { columnSources, DROPS_PROBE_ROWS, isHashJoin, plainColumn, withChild } from './column-source.js'
import type { RuleContext } from './rule.js'

/** Keys that each task of the scan may hold: a few hundred megabytes in all. */
const MAX_KEYS = 4_000_000
/** Of more rows than this share of the probe side's, a key table costs more than it saves. */
const MAX_SHARE = 0.3

/**
 *   HashJoinExec: a = b                 HashJoinExec: a = b
 *     ExchangeExec: hash(a)               ExchangeExec: hash(a), shared=#0
 *       X (few rows)                        X
 *     AggregateExec: by b         =>      AggregateExec: by b
 *       ExchangeExec: hash(b)               ExchangeExec: hash(b)
 *         DataSourceExec: b                   HashJoinExec: RightSemi, a = b
 *                                               ExchangeExec: broadcast, shared=#0
 *                                                 X
 *                                               DataSourceExec: b
 *
 * What a dynamic filter does in one task, this does across exchanges. X runs once and its stage feeds both joins. Only if something
 * in X leaves rows out: the keys of a whole table would drop nothing.
 */
export function reduceProbes(plan: PhysicalPlan, context: RuleContext): PhysicalPlan {
  const reducer = new Reducer(context, nextShared(plan))
  return reducer.visit(plan)
}

/** A column of the probe side whose values have to be among those of a column of X. */
interface KeyPair {
  readonly key: number
  readonly probe: number
}

class Reducer {
  private readonly context: RuleContext
  /** What is final; the inputs of shared exchanges are met more than once. */
  private readonly done = new Map<PhysicalPlan, PhysicalPlan>()
  private nextShared: number

  constructor(context: RuleContext, firstShared: number) {
    this.context = context
    this.nextShared = firstShared
  }

  /** Build sides first, so that what is sent to a scan is final; a join before the joins on its probe side. */
  visit(plan: PhysicalPlan): PhysicalPlan {
    const known = this.done.get(plan)
    if (known !== undefined) return known
    const made = isHashJoin(plan) ? this.join(plan) : this.children(plan)
    this.done.set(plan, made)
    this.done.set(made, made)
    return made
  }

  private children(plan: PhysicalPlan): PhysicalPlan {
    const children = mapList(plan.children, child => this.visit(child))
    return children === plan.children ? plan : { ...plan, children }
  }

  private join(plan: HashJoinExec): PhysicalPlan {
    const [before, probe] = plan.children
    const build = this.visit(before)
    const reduced = this.reduce(plan, build) ?? { build, probe }
    return withChild(withChild(plan, 0, reduced.build), 1, this.visit(reduced.probe))
  }

  /** Both sides of the join, with its keys at scans of the probe side; undefined if that is impossible or not worth it. */
  private reduce(join: HashJoinExec, build: PhysicalPlan): { build: PhysicalPlan; probe: PhysicalPlan } | undefined {
    if (!DROPS_PROBE_ROWS.has(join.joinType) || !isWorthwhile(join)) return undefined
    const found = join.on.flatMap(({ left, right }) => {
      const [column, probe] = [plainColumn(left), plainColumn(right)]
      const origin = column === undefined ? undefined : exchangeBelow(build, column)
      return origin === undefined || probe === undefined ? [] : [{ ...origin, probe }]
    })
    if (found.length === 0) return undefined
    const { exchange } = found[0]
    if (!leavesRowsOut(exchange.children[0])) return undefined
    const shared = { ...exchange, shared: exchange.shared ?? this.nextShared }
    const pairs = found.filter(pair => pair.exchange === exchange).map(({ column, probe }) => ({ key: column, probe }))
    const probe = this.reduceScans(join.children[1], pairs, { join, keys: shared, crossed: false })
    if (probe === join.children[1]) return undefined
    if (exchange.shared === undefined) this.nextShared++
    return { build: replaced(build, exchange, shared), probe }
  }

  /** `pairs` name columns of `plan`. */
  private reduceScans(
    plan: PhysicalPlan,
    pairs: readonly KeyPair[],
    from: { readonly join: HashJoinExec; readonly keys: ExchangeExec; readonly crossed: boolean },
  ): PhysicalPlan {
    if (pairs.length === 0) return plan
    if (isScan(plan)) return from.crossed ? this.semiJoin(plan, pairs, from) : plan
    if (isExchange(plan)) {
      // Others read what is shared, too.
      if (plan.shared !== undefined) return plan
      return withChild(plan, 0, this.reduceScans(plan.children[0], pairs, { ...from, crossed: true }))
    }
    if (plan.kind === 'ReplicateExec' || isReducedBy(plan, from.keys)) return plan
    let reduced = plan
    plan.children.forEach((input, child) => {
      const below = pairs.flatMap(({ key, probe }) =>
        columnSources(plan, probe)
          .filter(source => source.child === child)
          .map(source => ({ key, probe: source.column })),
      )
      reduced = withChild(reduced, child, this.reduceScans(input, below, from))
    })
    return reduced
  }

  private semiJoin(
    scan: DataSourceExec,
    pairs: readonly KeyPair[],
    { join, keys }: { readonly join: HashJoinExec; readonly keys: ExchangeExec },
  ): PhysicalPlan {
    const [source] = keys.children
    const column = (plan: PhysicalPlan, index: number): ReturnType<typeof inputExpr> => {
      const { name, type, nullable } = plan.schema.fields[index]
      return inputExpr(index, name, type, nullable)
    }
    const isSame = ({ key, probe }: KeyPair): boolean =>
      sameType(source.schema.fields[key].type, scan.schema.fields[probe].type)
    const same = pairs.filter(isSame)
    // A scan that may stop early has to count rows that the join drops.
    if (same.length === 0 || scan.fetch !== undefined) return scan
    const count = partitionCount(this.context.properties(scan).partitioning)
    // What one task reads is exchanged in a moment.
    if (count === 1) return scan
    const columns = [...new Set(same.map(({ key }) => key))]
    const sent: ExchangeExec = {
      ...exchangeExec(source, { kind: 'broadcast', count }),
      columns,
      schema: { fields: columns.map(key => source.schema.fields[key]) },
      ...(keys.shared === undefined ? {} : { shared: keys.shared }),
    }
    const on = same.map(({ key, probe }) => ({ left: column(sent, columns.indexOf(key)), right: column(scan, probe) }))
    const semiJoin: HashJoinExec = {
      kind: 'HashJoinExec',
      joinType: 'rightSemi',
      on,
      ...(join.estimates === undefined ? {} : { estimates: join.estimates }),
      schema: joinSchema('rightSemi', sent.schema, scan.schema),
      children: [sent, scan],
    }
    return semiJoin
  }
}

/** This has been done before. */
function isReducedBy(plan: PhysicalPlan, keys: ExchangeExec): boolean {
  if (!isHashJoin(plan) || plan.joinType !== 'rightSemi') return false
  const [sent] = plan.children
  return isExchange(sent) && sent.shared === keys.shared
}

function isWorthwhile({ estimates }: HashJoinExec): boolean {
  if (estimates === undefined) return false
  const { buildRows, probeRows } = estimates
  return buildRows <= MAX_KEYS && buildRows <= MAX_SHARE * probeRows
}

/** The exchange of this stage that the values of a column come from, and their place among its columns. */
function exchangeBelow(plan: PhysicalPlan, column: number): { exchange: ExchangeExec; column: number } | undefined {
  if (isExchange(plan)) return { exchange: plan, column }
  const [source] = columnSources(plan, column)
  // Of several inputs (a union) none has all values.
  if (source === undefined || plan.kind === 'UnionExec') return undefined
  return exchangeBelow(plan.children[source.child], source.column)
}

/** Whether some of the rows of the tables may be missing. */
const leavesRowsOut = (plan: PhysicalPlan): boolean =>
  REDUCING_KINDS.has(plan.kind) ||
  (isScan(plan) && plan.source.kind === 'files' && plan.source.predicate !== undefined) ||
  (isHashJoin(plan) && (plan.joinType.endsWith('Semi') || plan.joinType.endsWith('Anti'))) ||
  plan.children.some(leavesRowsOut)

const REDUCING_KINDS: ReadonlySet<string> = new Set(['FilterExec', 'LimitExec', 'TopKExec'])

function replaced(plan: PhysicalPlan, from: PhysicalPlan, to: PhysicalPlan): PhysicalPlan {
  if (plan === from) return to
  const children = mapList(plan.children, child => replaced(child, from, to))
  return children === plan.children ? plan : { ...plan, children }
}

/** A number that no shared exchange of the plan has. */
function nextShared(plan: PhysicalPlan): number {
  const own = isExchange(plan) ? (plan.shared ?? -1) + 1 : 0
  return plan.children.reduce((next, child) => Math.max(next, nextShared(child)), own)
}

const isExchange = (plan: PhysicalPlan): plan is ExchangeExec => plan.kind === 'ExchangeExec'
const isScan = (plan: PhysicalPlan): plan is DataSourceExec => plan.kind === 'DataSourceExec'
