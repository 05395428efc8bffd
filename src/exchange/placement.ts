/** Which executor runs which task, as a function that extensions may replace. */
import type { StagePlan } from './stage.js'

export interface ExecutorPlace {
  readonly id: string
  /** `host:port` of its exchange service. */
  readonly address: string
  readonly slots: number
}

/** Executor by stage id and partition. */
export type Placement = ReadonlyMap<number, readonly ExecutorPlace[]>

/**
 * Gives every task an executor, of which there is at least one. All tasks of an attempt are placed at once and may exceed slots, so
 * that a pipelined query cannot starve itself. `turn` counts the attempts that were placed before. Pure.
 */
export type PlacementPolicy = (
  stages: readonly StagePlan[],
  executors: readonly ExecutorPlace[],
  turn: number,
) => Placement
