/** The tasks of one attempt of a job: where each runs, and which have ended. Values; a change gives another table. */

interface StageTasks {
  /** By partition. */
  readonly executors: readonly string[]
  /** By partition: 1 when the task has ended. */
  readonly ended: Uint8Array
  readonly left: number
}

/** By stage id. */
export type TaskTable = ReadonlyMap<number, StageTasks>

export interface TaskName {
  readonly stage: number
  readonly partition: number
}

export const NO_TASKS: TaskTable = new Map()

/** All tasks pending; `executors`: ids by stage and partition. */
export const taskTable = (executors: ReadonlyMap<number, readonly string[]>): TaskTable =>
  new Map(
    Array.from(executors, ([stage, ids]) => [
      stage,
      { executors: ids, ended: new Uint8Array(ids.length), left: ids.length },
    ]),
  )

/** The executor of a task that has not ended; undefined for others. */
export function executorOf(table: TaskTable, { stage, partition }: TaskName): string | undefined {
  const tasks = table.get(stage)
  return tasks?.ended[partition] === 0 ? tasks.executors[partition] : undefined
}

/** The task, which is pending, has ended. */
export function withEnded(table: TaskTable, { stage, partition }: TaskName): TaskTable {
  const tasks = table.get(stage)
  if (tasks === undefined) return table
  const ended = tasks.ended.slice()
  ended[partition] = 1
  return new Map(table).set(stage, { ...tasks, ended, left: tasks.left - 1 })
}

export const pendingTasks = (table: TaskTable): number => [...table.values()].reduce((sum, { left }) => sum + left, 0)

export const hasEnded = (table: TaskTable, stage: number): boolean => table.get(stage)?.left === 0

/** Pending tasks of an executor. */
export const pendingOn = (table: TaskTable, executorId: string): TaskName[] =>
  Array.from(table).flatMap(([stage, { executors, ended }]) =>
    executors.flatMap((id, partition) => (id === executorId && ended[partition] === 0 ? [{ stage, partition }] : [])),
  )
