/** Which executor runs which task: all tasks of a job at once, round-robin. */
import type { Settings } from '../../common/option.js'
import type { StagePlan } from '../../exchange/stage.js'
import type { JobDefinition } from '../job-definition.js'

export interface ExecutorPlace {
  readonly id: string
  /** `host:port` of its exchange service. */
  readonly address: string
  readonly slots: number
}

/** Executor by stage id and partition. */
export type Placement = ReadonlyMap<number, readonly ExecutorPlace[]>

/**
 * Every task gets an executor; none waits for another to end, so that a pipelined query cannot starve itself. Each slot counts
 * as one place of the round; tasks may exceed slots. Stages begin where the last one stopped, so that small stages spread.
 */
export function placeTasks(stages: readonly StagePlan[], executors: readonly ExecutorPlace[]): Placement {
  const places = interleavedSlots(executors)
  let next = 0
  return new Map(
    stages.map(stage => [stage.id, Array.from({ length: stage.taskCount }, () => places[next++ % places.length])]),
  )
}

/** One entry a slot: first slot of every executor, then the second ones. */
function interleavedSlots(executors: readonly ExecutorPlace[]): ExecutorPlace[] {
  const most = Math.max(0, ...executors.map(executor => executor.slots))
  return Array.from({ length: most }, (_, slot) => executors.filter(executor => executor.slots > slot)).flat()
}

/** What each executor of the placement is told of these stages, by executor id; one without tasks of them hears of no stage. */
export function jobDefinitions(
  job: { readonly jobId: string; readonly settings: Settings; readonly stages: readonly StagePlan[] },
  placement: Placement,
  stageIds: readonly number[],
): Map<string, JobDefinition> {
  const ids = new Set([...placement.values()].flat().map(executor => executor.id))
  const stages = job.stages.filter(stage => stageIds.includes(stage.id))
  const root = job.stages.at(-1)?.id
  return new Map([...ids].map(id => [id, definitionFor(id, { ...job, stages, root }, placement)]))
}

function definitionFor(
  executorId: string,
  job: {
    readonly jobId: string
    readonly settings: Settings
    readonly stages: readonly StagePlan[]
    readonly root: number | undefined
  },
  placement: Placement,
): JobDefinition {
  const stages = job.stages.map(stage => ({
    id: stage.id,
    plan: stage.plan,
    taskCount: stage.taskCount,
    partitions: (placement.get(stage.id) ?? []).flatMap((place, task) => (place.id === executorId ? [task] : [])),
    inputs: stage.inputs.map(input => ({
      edge: input.edge,
      producers: (placement.get(input.stage) ?? []).map((place, task) => ({ task, address: place.address })),
      ...(input.onDemand === undefined ? {} : { onDemand: input.onDemand }),
    })),
    ...(stage.id === job.root ? { feedsClient: true } : {}),
  }))
  return { jobId: job.jobId, settings: job.settings, stages: stages.filter(stage => stage.partitions.length > 0) }
}
