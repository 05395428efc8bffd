/** Joins with a small build side by reading it in every task, instead of exchanging both sides. */
import type { ScanSource } from '../../catalog/table-provider.js'
import type { ReplicateExec } from '../operators/replicate.js'
import type { PhysicalPlan } from '../plan.js'
import { partitionCount } from '../properties.js'
import { PROBE_DECIDES } from './broadcast-build.js'
import type { PhysicalRule } from './rule.js'

/** Reading this much again costs a task a few milliseconds; exchanging the probe side costs more than that per million rows. */
const REPEATED_BYTES = 4 * 1024 * 1024

const JOIN_KINDS: ReadonlySet<string> = new Set(['HashJoinExec', 'NestedLoopJoinExec'])

/** What may stand above a scan that is read again: it gives the same rows in every task. */
const REPEATABLE_KINDS: ReadonlySet<string> = new Set([
  'FilterExec',
  'HashJoinExec',
  'ProjectionExec',
  'ValuesExec',
  'EmptyExec',
])

/**
 *   HashJoinExec: Inner, a = b            HashJoinExec: Inner, a = b
 *     X (1 partition, few bytes)     =>     ReplicateExec
 *     Y (4 partitions)                        X
 *                                           Y (4 partitions)
 */
export const replicateBuild: PhysicalRule = {
  name: 'replicate_build',
  apply(plan, context) {
    if (!isJoin(plan) || !PROBE_DECIDES.has(plan.joinType)) return plan
    const [build, probe] = plan.children
    const [buildCount, count] = [build, probe].map(side => partitionCount(context.properties(side).partitioning))
    if (buildCount !== 1 || count === 1 || repeatedBytes(build) > REPEATED_BYTES) return plan
    const replicated: ReplicateExec = { kind: 'ReplicateExec', count, schema: build.schema, children: [build] }
    const join = { ...plan, children: [replicated, probe] }
    // A join that always works on one partition says so in its properties.
    return partitionCount(context.properties(join).partitioning) === count ? join : plan
  },
}

const isJoin = (plan: PhysicalPlan): plan is PhysicalPlan & { readonly joinType: string } => JOIN_KINDS.has(plan.kind)

/** Bytes that running `plan` once more reads; Infinity if it cannot run more than once. */
function repeatedBytes(plan: PhysicalPlan): number {
  if (isScan(plan)) return scanBytes(plan.source)
  if (!REPEATABLE_KINDS.has(plan.kind)) return Infinity
  return plan.children.reduce((sum, child) => sum + repeatedBytes(child), 0)
}

const isScan = (plan: PhysicalPlan): plan is PhysicalPlan & { readonly source: ScanSource } =>
  plan.kind === 'DataSourceExec'

function scanBytes(source: ScanSource): number {
  switch (source.kind) {
    case 'files':
    case 'memory':
      return source.partitions.flat().reduce((sum, { byteLength }) => sum + byteLength, 0)
    case 'series':
    case 'rows':
    case 'stream':
      return Infinity
  }
}
