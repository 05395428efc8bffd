/** Lets the tasks of a stage that run in one process share what they read: row groups go to whoever asks first. */
import { piecesOf, type ScanSource } from '../catalog/table-provider.js'
import type { DataSourceExec } from '../physical/operators/data-source.js'
import type { PhysicalPlan } from '../physical/plan.js'
import { SplitClaims } from '../runtime/split-claims.js'
import type { TaskSpec } from './stage.js'

/**
 * The tasks that start together in this process, with counters for those scans of their stages of which each task reads a partition.
 * What is read on demand is read in order, by one task after the other.
 */
export function shareScans(specs: readonly TaskSpec[]): TaskSpec[] {
  const tasks = new Map<number, TaskSpec[]>()
  for (const spec of specs) tasks.set(spec.stage, [...(tasks.get(spec.stage) ?? []), spec])
  const counters = new Map([...tasks].map(([stage, ofStage]) => [stage, stageCounters(ofStage)] as const))
  return specs.map(spec => {
    const scans = counters.get(spec.stage)
    return scans === undefined ? spec : { ...spec, scans }
  })
}

/** The claims of a task, by the source that they are for. */
export function claimsOf({ plan, scans }: TaskSpec): ReadonlyMap<ScanSource, SplitClaims> {
  if (scans === undefined) return new Map()
  const claims = sourcesOf(plan).map((source, i) => [source, scans[i]] as const)
  return new Map(
    claims.flatMap(([source, shared]) => (shared === undefined ? [] : [[source, new SplitClaims(shared)]])),
  )
}

/** One for each scan of the plan, in its order; undefined where nothing is shared. */
function stageCounters(tasks: readonly TaskSpec[]): (SharedArrayBuffer | undefined)[] | undefined {
  const [{ plan, partitionCount }] = tasks
  if (tasks.length < 2 || plan.onDemand === true) return undefined
  const here = new Set(tasks.map(({ partition }) => partition))
  return sourcesOf(plan).map(source => {
    if (source.kind !== 'files' || source.partitions.length !== partitionCount) return undefined
    // Other partitions are read in other processes.
    return SplitClaims.counters(source.partitions.map((splits, i) => (here.has(i) ? piecesOf(splits).length : 0)))
  })
}

const sourcesOf = (plan: PhysicalPlan): ScanSource[] =>
  plan.kind === 'DataSourceExec' ? [(plan as DataSourceExec).source] : plan.children.flatMap(sourcesOf)
