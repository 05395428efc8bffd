/** What a placement is, what it makes executors hear, and when. */
import type { Settings } from '../../common/option.js'
import type { Placement } from '../../exchange/placement.js'
import { regionsOf } from '../../exchange/regions.js'
import type { StagePlan } from '../../exchange/stage.js'
import type { JobDefinition } from '../job-definition.js'
import type { LaunchGroup } from './job-state.js'

export type { ExecutorPlace, Placement, PlacementPolicy } from '../../exchange/placement.js'

/** What each executor of the placement is told of these stages, by executor id; one without tasks of them hears of no stage. */
export function jobDefinitions(
  job: { readonly jobId: string; readonly settings: Settings; readonly stages: readonly StagePlan[] },
  placement: Placement,
  stageIds: readonly number[],
): Map<string, JobDefinition> {
  const ids = new Set([...placement.values()].flat().map(executor => executor.id))
  const root = job.stages.at(-1)
  const stages = job.stages
    .filter(stage => stageIds.includes(stage.id))
    .map(stage => ({
      id: stage.id,
      plan: stage.plan,
      taskCount: stage.taskCount,
      inputs: stage.inputs.map(input => ({
        edge: input.edge,
        producers: (placement.get(input.stage) ?? []).map((place, task) => ({ task, address: place.address })),
        ...(input.onDemand === undefined ? {} : { onDemand: input.onDemand }),
      })),
      ...(stage === root ? { feedsClient: true } : {}),
    }))
  const partitionsOf = (stage: number, executorId: string): number[] =>
    (placement.get(stage) ?? []).flatMap((place, task) => (place.id === executorId ? [task] : []))
  const definitionFor = (executorId: string): JobDefinition => {
    const theirs = stages.map(stage => ({ ...stage, partitions: partitionsOf(stage.id, executorId) }))
    return { jobId: job.jobId, settings: job.settings, stages: theirs.filter(stage => stage.partitions.length > 0) }
  }
  return new Map(Array.from(ids, id => [id, definitionFor(id)]))
}

/** Stages that stream into each other are launched together, when those that they wait for have ended. */
export function launchGroups(stages: readonly StagePlan[]): LaunchGroup[] {
  const regions = regionsOf(stages)
  const ids = (at: number): number[] => regions[at].stages.map(stage => stage.id)
  return regions.map(({ after }, at) => ({ stages: ids(at), needs: after.flatMap(ids) }))
}
