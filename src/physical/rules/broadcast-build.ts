/** Sends a small build side of a hash join to every task, instead of exchanging both sides by their keys. */
import type { Schema } from '../../arrow/schema.js'
import { defaultWidth } from '../../arrow/column.js'
import type { LogicalJoinType } from '../../logical/plan.js'
import { exchangeExec } from '../operators/exchange.js'
import type { HashJoinExec } from '../operators/hash-join.js'
import type { PhysicalPlan } from '../plan.js'
import { partitionCount } from '../properties.js'
import { meetsHash } from './enforce-distribution.js'
import type { PhysicalRule } from './rule.js'

/** Estimated bytes that each task may hold of a side that it does not share with the others. */
const BROADCAST_BYTES = 16 * 1024 * 1024
/** Linking a row into one more hash table costs about twice what it costs to hash, divide and send a row. */
const BUILD_COST = 2
/** What is assumed of a value whose width is not fixed, its offset included. */
const TEXT_BYTES = 20

/** Each probe row decides by itself what comes out: a build row may be known to many tasks. */
export const PROBE_DECIDES: ReadonlySet<string> = new Set<LogicalJoinType>([
  'inner',
  'right',
  'rightSemi',
  'rightAnti',
  'rightMark',
])

/**
 *   HashJoinExec: Inner, a = b            HashJoinExec: Inner, a = b
 *     X (few rows)                   =>     ExchangeExec: broadcast to 4
 *     Y (4 partitions, many rows)             X
 *                                           Y (4 partitions)
 *
 * Not where the probe side lies by its keys already, so that only the build side has to move.
 */
export const broadcastBuild: PhysicalRule = {
  name: 'broadcast_build',
  apply(plan, context) {
    if (!isHashJoin(plan) || !PROBE_DECIDES.has(plan.joinType) || plan.estimates === undefined) return plan
    const [build, probe] = plan.children
    const count = partitionCount(context.properties(probe).partitioning)
    if (count === 1 || context.properties(build).partitioning.kind === 'broadcast') return plan
    const { buildRows, probeRows } = plan.estimates
    if (buildRows * rowBytes(build.schema) > BROADCAST_BYTES) return plan
    if (buildRows * (count - 1) * BUILD_COST >= buildRows + probeRows) return plan
    const keys = plan.on.map(({ right }) => right)
    if (meetsHash(probe, keys, context)) return plan
    return { ...plan, children: [exchangeExec(build, { kind: 'broadcast', count }), probe] }
  },
}

const isHashJoin = (plan: PhysicalPlan): plan is HashJoinExec => plan.kind === 'HashJoinExec'

const rowBytes = ({ fields }: Schema): number =>
  fields.reduce((sum, { type }) => sum + (defaultWidth(type) || TEXT_BYTES), 0)
