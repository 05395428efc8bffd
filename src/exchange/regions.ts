/**
 * Which stages run at the same time. Stages that stream into each other form a region: all of its tasks have to be there at once.
 * Materialized edges lead from region to region: what they carry is complete before it is read.
 */
import type { PhysicalPlan } from '../physical/plan.js'
import type { EdgeOutput, ExchangeSourceExec, StagePlan } from './stage.js'

/** Tasks that one task slot holds at once: they share its thread, and most of them wait for rows. */
export const TASKS_PER_SLOT = 64

export interface Region {
  /** Producers before consumers. */
  readonly stages: readonly StagePlan[]
  /** Positions, in the list of all regions, of those that have to end before this one starts. */
  readonly after: readonly number[]
}

/** The regions of a query, each behind those that it waits for; the last one has the last stage. */
export function regionsOf(stages: readonly StagePlan[]): Region[] {
  const edges = edgesOf(stages)
  const groups = new Groups(stages.length)
  for (const { from, to, output } of edges) if (output.materialized !== true) groups.join(from, to)
  joinCycles(groups, edges)
  const members = groups.members()
  const position = new Map(members.map((group, at) => [groups.of(group[0]), at] as const))
  const at = (stage: number): number => position.get(groups.of(stage)) ?? 0
  const regions = members.map((group, own) => ({
    stages: group.map(stage => stages[stage]),
    after: [...new Set(edges.flatMap(({ from, to }) => (at(to) === own && at(from) !== own ? [at(from)] : [])))],
  }))
  return inOrder(regions)
}

/**
 * The stages with as few materialized edges as let every region run in `capacity` tasks at once, those first that carry the fewest
 * rows; with `always`, all that can be. The result and what is read on demand stream in any case, and a stage alone may have more
 * tasks than `capacity`: none of them waits for another.
 */
export function materializeEdges(
  stages: readonly StagePlan[],
  options: { readonly mode: 'auto' | 'always'; readonly capacity: number },
): readonly StagePlan[] {
  const canBeCut = (stage: StagePlan): boolean =>
    stage !== stages[stages.length - 1] && stage.plan.onDemand !== true && !isCut(stage)
  if (options.mode === 'always') return stages.map(stage => (canBeCut(stage) ? cut(stage) : stage))
  const rows = rowsByEdge(stages)
  const rowsOf = (stage: StagePlan): number =>
    Math.max(...stage.plan.outputs.map(({ edge }) => rows.get(edge) ?? Infinity))
  let current = stages
  for (;;) {
    const candidates = regionsOf(current)
      .filter(region => region.stages.length > 1 && tasksOf(region) > options.capacity)
      .flatMap(region => region.stages.filter(canBeCut))
    if (candidates.length === 0) return current
    const cheapest = candidates.reduce((least, stage) => (rowsOf(stage) < rowsOf(least) ? stage : least))
    current = current.map(stage => (stage === cheapest ? cut(stage) : stage))
  }
}

const tasksOf = ({ stages }: Region): number => stages.reduce((sum, { taskCount }) => sum + taskCount, 0)

const isCut = ({ plan }: StagePlan): boolean => plan.outputs.every(({ materialized }) => materialized === true)

/** All edges of a stage together: if one still streamed, its readers would have to run while those of the others cannot. */
const cut = (stage: StagePlan): StagePlan => ({
  ...stage,
  plan: { ...stage.plan, outputs: stage.plan.outputs.map(output => ({ ...output, materialized: true })) },
})

interface Edge {
  /** Positions of stages. */
  readonly from: number
  readonly to: number
  readonly output: EdgeOutput
}

function edgesOf(stages: readonly StagePlan[]): Edge[] {
  const outputs = new Map(
    stages.flatMap(({ plan }, from) => plan.outputs.map(output => [output.edge, { from, output }] as const)),
  )
  return stages.flatMap(({ inputs }, to) =>
    inputs.flatMap(({ edge }) => {
      const source = outputs.get(edge)
      return source === undefined ? [] : [{ ...source, to }]
    }),
  )
}

/** Two regions that wait for each other are one: what is materialized between them is read while it is written. */
function joinCycles(groups: Groups, edges: readonly Edge[]): void {
  for (let changed = true; changed;) {
    changed = false
    for (const { from, to } of edges) {
      if (groups.of(from) === groups.of(to) || !reaches(groups, edges, to, from)) continue
      groups.join(from, to)
      changed = true
    }
  }
}

/** Whether rows flow from the group of stage `start` to that of `goal`. */
function reaches(groups: Groups, edges: readonly Edge[], start: number, goal: number): boolean {
  const seen = new Set([groups.of(start)])
  for (const group of seen) for (const { from, to } of edges) if (groups.of(from) === group) seen.add(groups.of(to))
  return seen.has(groups.of(goal))
}

/** Regions behind those that they wait for, in a stable order. */
function inOrder(regions: readonly Region[]): Region[] {
  const order: number[] = []
  const visit = (at: number): void => {
    if (order.includes(at)) return
    regions[at].after.forEach(visit)
    order.push(at)
  }
  regions.forEach((_, at) => visit(at))
  const place = new Map(order.map((at, index) => [at, index]))
  return order.map(at => ({ ...regions[at], after: regions[at].after.map(before => place.get(before) ?? 0) }))
}

/** Numbers that are joined to groups. */
class Groups {
  readonly #group: number[]

  constructor(count: number) {
    this.#group = Array.from({ length: count }, (_, i) => i)
  }

  of(member: number): number {
    return this.#group[member]
  }

  join(left: number, right: number): void {
    const [from, to] = [this.of(right), this.of(left)]
    this.#group.forEach((group, member) => {
      if (group === from) this.#group[member] = to
    })
  }

  /** The members of each group, in order. */
  members(): number[][] {
    const members = new Map<number, number[]>()
    this.#group.forEach((group, member) => members.set(group, [...(members.get(group) ?? []), member]))
    return [...members.values()]
  }
}

/** Estimated rows by edge, where they are known. */
function rowsByEdge(stages: readonly StagePlan[]): ReadonlyMap<number, number> {
  const rows = new Map<number, number>()
  const visit = (node: PhysicalPlan): void => {
    if (isSource(node) && node.rowCount !== undefined) rows.set(node.edge, node.rowCount)
    node.children.forEach(visit)
  }
  for (const { plan } of stages) visit(plan)
  return rows
}

const isSource = (plan: PhysicalPlan): plan is ExchangeSourceExec => plan.kind === 'ExchangeSourceExec'
