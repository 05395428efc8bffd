/** Which executor runs which task: the choices of `--task-distribution`. */
import type { PhysicalPlan } from '../../physical/plan.js'
import type { ExecutorPlace, PlacementPolicy } from './placement.js'

/**
 * Each slot is one place of the round, the first slots of all executors before the second ones. Stages begin where the last one stopped,
 * and attempts one further than the one before, so that small stages and small queries spread.
 */
const roundRobin: PlacementPolicy = (stages, executors, turn) => {
  const places = interleavedSlots(executors)
  let next = turn
  return new Map(
    stages.map(stage => [stage.id, Array.from({ length: stage.taskCount }, () => places[next++ % places.length])]),
  )
}

/** Fills all slots of an executor before the next one, in every stage from the first: small queries stay on few executors. */
const bias: PlacementPolicy = (stages, executors) => {
  const places = executors.flatMap(executor => Array.from({ length: executor.slots }, () => executor))
  return new Map(
    stages.map(stage => [stage.id, Array.from({ length: stage.taskCount }, (_, task) => places[task % places.length])]),
  )
}

/** A task that reads a file runs where the tasks of all queries that read it run, as long as that executor has not too many; others go round. */
const consistentHash: PlacementPolicy = (stages, executors, turn) => {
  const others = roundRobin(stages, executors, turn)
  return new Map(
    stages.map(stage => {
      const files = Array.from({ length: stage.taskCount }, (_, task) => fileOf(stage.plan, task))
      const places = others.get(stage.id) ?? []
      const isScan = files.some(file => file !== undefined)
      return [stage.id, isScan ? byFile(files, executors, places) : places]
    }),
  )
}

export const PLACEMENT_POLICIES = { 'round-robin': roundRobin, bias, 'consistent-hash': consistentHash } as const

export type TaskDistribution = keyof typeof PLACEMENT_POLICIES

/** One entry a slot: first slot of every executor, then the second ones. */
function interleavedSlots(executors: readonly ExecutorPlace[]): ExecutorPlace[] {
  const most = Math.max(0, ...executors.map(executor => executor.slots))
  return Array.from({ length: most }, (_, slot) => executors.filter(executor => executor.slots > slot)).flat()
}

/** The first file that a task of a scan reads. */
function fileOf(plan: PhysicalPlan, task: number): string | undefined {
  const { source } = plan as PhysicalPlan & {
    source?: { kind: string; partitions?: readonly (readonly { path?: string }[])[] }
  }
  const own = source?.kind === 'files' ? source.partitions?.[task]?.[0]?.path : undefined
  return own ?? plan.children.map(child => fileOf(child, task)).find(path => path !== undefined)
}

/** No executor gets more than this many times its share of the tasks of a stage. */
const MOST_SHARE = 1.25

/**
 * Rendezvous hashing: each file ranks the executors by a hash of both, so that an executor that comes or goes moves only its own
 * files. A task takes the first of them that still has room; one without a file its other place.
 */
function byFile(
  files: readonly (string | undefined)[],
  executors: readonly ExecutorPlace[],
  others: readonly ExecutorPlace[],
): ExecutorPlace[] {
  const slots = executors.reduce((sum, executor) => sum + executor.slots, 0)
  const room = new Map(
    executors.map(({ id, slots: own }) => [id, Math.ceil((MOST_SHARE * files.length * own) / slots)]),
  )
  return files.map((file, task) => {
    const place = (file === undefined ? [] : ranked(file, executors)).find(({ id }) => (room.get(id) ?? 0) > 0)
    const chosen = place ?? others[task]
    room.set(chosen.id, (room.get(chosen.id) ?? 0) - 1)
    return chosen
  })
}

/** Executors by falling preference; one with twice the slots comes first twice as often. */
const ranked = (file: string, executors: readonly ExecutorPlace[]): ExecutorPlace[] =>
  executors
    .map(executor => ({ executor, score: -executor.slots / Math.log(unitHash(`${file} ${executor.id}`)) }))
    .sort((left, right) => right.score - left.score || (left.executor.id < right.executor.id ? -1 : 1))
    .map(({ executor }) => executor)

/** FNV-1a with a final mix, in (0, 1). */
function unitHash(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32 + 2 ** -33
}
