/** A physical plan cut into pipelines: chains of operators between a source and a sink, knowing no operator by name. */
import type { Schema } from '../arrow/schema.js'
import { fail } from '../common/errors.js'
import { invariant } from '../common/invariant.js'
import type { Operator, Sink, Source } from './operator.js'
import type { Place } from './pipeline-control.js'
import { derivedContext, type TaskContext } from './task-context.js'

/** The part of a physical plan that the runtime sees. */
export interface PlanLike {
  readonly kind: string
  readonly schema: Schema
  readonly children: readonly PlanLike[]
}

/** State shared by the two pipelines of an operator that breaks pipelines; closed once, after both. */
export interface StateLike {
  close(): void
}

/** The part of an operator definition that the runtime sees; exactly one of source, open and sink. */
export interface RunnableOperator {
  readonly kind: string
  source?(plan: PlanLike, ctx: TaskContext, inputs: readonly Source[]): Source
  /** With `source`: while it gives nothing it waits for other operators; absent: it works. */
  readonly waits?: boolean
  inputContext?(plan: PlanLike, ctx: TaskContext): TaskContext
  open?(plan: PlanLike, ctx: TaskContext, state?: StateLike): Operator
  readonly build?: { state(plan: PlanLike, ctx: TaskContext): StateLike; sink(state: StateLike): Sink }
  sink?(plan: PlanLike, ctx: TaskContext): Sink
}

/** Definitions by kind. */
export type OperatorTable = ReadonlyMap<string, RunnableOperator>

/** The table of several registration lists; a kind that is registered twice is a bug. */
export function operatorTable(...lists: readonly (readonly RunnableOperator[])[]): OperatorTable {
  const table = new Map<string, RunnableOperator>()
  for (const definition of lists.flat()) {
    invariant(!table.has(definition.kind), `operator ${definition.kind} is registered twice`)
    table.set(definition.kind, definition)
  }
  return table
}

/** A plan node, its place, and what opens it; `make` is called when its pipeline starts. */
export interface Part<T> {
  readonly place: Place
  make(ctx: TaskContext): T
}

/** The end of a pipeline; what it does counts as work of the operator at its place. */
export interface SinkPart extends Part<Sink> {
  /** `build`: the first half of a pipeline breaker. `output`: the root of a task, whose rows leave it. Absent: not counted. */
  readonly role?: 'build' | 'output'
}

/** The state of one pipeline breaker: made before the pipeline that fills it, closed after the pipeline that reads it. */
export interface Build {
  readonly place: Place
  makeState(ctx: TaskContext): StateLike
  /** Fills the state. */
  pipeline(state: StateLike): Pipeline
}

export interface PipelineOperator {
  readonly place: Place
  /** `states[i]` belongs to `dependsOn[i]`. */
  make(ctx: TaskContext, states: readonly StateLike[]): Operator
}

export interface Pipeline {
  readonly source: Part<Source> & { readonly waits: boolean }
  /** In the order in which batches pass. */
  readonly operators: readonly PipelineOperator[]
  readonly sink: SinkPart
  /** Run to their ends before this pipeline, in order. */
  readonly dependsOn: readonly Build[]
}

/** How the inputs of a source that reads its children itself are streamed. */
export type StreamInput = (plan: PlanLike, path: string, ctx: TaskContext) => Source

/** The definition of a node's kind; INTERNAL if nobody registered it. */
export function definitionOf(plan: PlanLike, operators: OperatorTable): RunnableOperator {
  const definition = operators.get(plan.kind)
  if (definition === undefined) throw fail('INTERNAL', [`no operator is registered for ${plan.kind}`])
  return definition
}

/** The pipelines that stream `plan`, which stands at `path`, into `sink`. */
export function pipelineOf(
  plan: PlanLike,
  path: string,
  sink: SinkPart,
  env: { readonly operators: OperatorTable; readonly streamInput: StreamInput },
): Pipeline {
  const chain: PipelineOperator[] = []
  const builds: Build[] = []
  let node = plan
  let nodePath = path
  for (;;) {
    const definition = definitionOf(node, env.operators)
    const place = { kind: node.kind, path: nodePath }
    if (definition.source !== undefined) {
      return {
        source: sourcePart(definition, node, place, env.streamInput),
        operators: chain.reverse(),
        sink,
        dependsOn: builds,
      }
    }
    invariant(definition.open !== undefined, `${node.kind} cannot stand inside a pipeline`)
    const breaks = definition.build !== undefined
    invariant(node.children.length === (breaks ? 2 : 1), `${node.kind} has ${node.children.length} children`)
    chain.push(operatorPart(definition, node, place, breaks ? builds.length : -1))
    if (breaks) builds.push(buildPart(definition, node, place, env))
    nodePath = `${nodePath}.${breaks ? 1 : 0}`
    node = node.children[breaks ? 1 : 0]
  }
}

function sourcePart(
  definition: RunnableOperator,
  plan: PlanLike,
  place: Place,
  streamInput: StreamInput,
): Pipeline['source'] {
  return {
    place,
    waits: definition.waits === true,
    make(ctx) {
      const inner = definition.inputContext?.(plan, ctx) ?? ctx
      const inputs = plan.children.map((child, i) => streamInput(child, `${place.path}.${i}`, inner))
      const source = definition.source?.(plan, ctx, inputs)
      invariant(source !== undefined, `${plan.kind} gave no source`)
      return source
    },
  }
}

function operatorPart(
  definition: RunnableOperator,
  plan: PlanLike,
  place: Place,
  buildIndex: number,
): PipelineOperator {
  return {
    place,
    make(ctx, states) {
      const operator = definition.open?.(plan, counted(ctx, place), buildIndex < 0 ? undefined : states[buildIndex])
      invariant(operator !== undefined, `${plan.kind} did not open`)
      return operator
    },
  }
}

/** The context in which the operator at this place is opened. */
const counted = (ctx: TaskContext, { path, kind }: Place): TaskContext =>
  derivedContext(ctx, { counters: () => ctx.metrics(path, kind) })

function buildPart(
  definition: RunnableOperator,
  plan: PlanLike,
  place: Place,
  env: { readonly operators: OperatorTable; readonly streamInput: StreamInput },
): Build {
  const { build } = definition
  invariant(build !== undefined, `${plan.kind} has no build side`)
  return {
    place,
    makeState: ctx => build.state(plan, counted(ctx, place)),
    pipeline: state =>
      pipelineOf(plan.children[0], `${place.path}.0`, { place, role: 'build', make: () => build.sink(state) }, env),
  }
}
