/** Runs the pipelines of one task: builds first, then the pipeline that needs them, each as one chain of Node streams. */
import type { Readable, Writable } from 'node:stream'
import { pipeline as streamPipeline } from 'node:stream/promises'
import type { Batch } from '../arrow/batch.js'
import { sharedAbortController } from '../common/abort.js'
import { BallistaError, fail, toBallistaError, withContext } from '../common/errors.js'
import { invariant } from '../common/invariant.js'
import { HandOff } from './hand-off.js'
import type { Operator, Sink, Source } from './operator.js'
import { OperatorTransform } from './operator-transform.js'
import {
  definitionOf,
  pipelineOf,
  type OperatorTable,
  type Pipeline,
  type PlanLike,
  type SinkPart,
  type StateLike,
} from './pipeline.js'
import { PipelineControl, placeText, type Place } from './pipeline-control.js'
import { sinkStream } from './sink.js'
import { SourceStream } from './source.js'
import { derivedContext, type OperatorMetrics, type TaskContext } from './task-context.js'

export { operatorTable, type OperatorTable, type PlanLike, type RunnableOperator } from './pipeline.js'

/**
 * The batches of a plan without a sink, given away to the consumer. Nothing runs before the first `next()`. `return()`
 * (also during a pending `next()`) aborts what still runs and resolves when everything is closed. Throws the first failure
 * with its place, or CANCELLED when `ctx.signal` aborts. Can be iterated once.
 */
export function openStream(plan: PlanLike, ctx: TaskContext, operators: OperatorTable): AsyncIterable<Batch> {
  return streamAt(plan, '0', ctx, operators)
}

/** Runs a plan whose root is a sink, to its end. Fails as openStream does, with the stage and partition around it. */
export async function runTask(plan: PlanLike, ctx: TaskContext, operators: OperatorTable): Promise<void> {
  const root = definitionOf(plan, operators)
  invariant(root.sink !== undefined && plan.children.length === 1, `${plan.kind} is not the root of a task`)
  const place = { kind: plan.kind, path: '0' }
  const sink: SinkPart = {
    place,
    role: 'output',
    make(task) {
      const made = root.sink?.(plan, task)
      invariant(made !== undefined, `${plan.kind} gave no sink`)
      return made
    },
  }
  const run = new TaskRun(ctx)
  try {
    const streamInput = (child: PlanLike, path: string, task: TaskContext): Source =>
      streamAt(child, path, task, operators)
    await run.toEnd(() => pipelineOf(plan.children[0], '0.0', sink, { operators, streamInput }))
  } catch (error) {
    throw withContext(toBallistaError(error), `stage ${ctx.stage}, partition ${ctx.partition}`)
  }
}

/** Says to a stream's own run that its consumer has left; it is no failure. */
const CONSUMER_LEFT: unique symbol = Symbol('CONSUMER_LEFT')

function streamAt(plan: PlanLike, path: string, ctx: TaskContext, operators: OperatorTable): AsyncIterable<Batch> {
  return { [Symbol.asyncIterator]: () => new StreamIterator(plan, path, ctx, operators) }
}

class StreamIterator implements AsyncIterator<Batch, undefined> {
  readonly #run: TaskRun
  readonly #handOff: HandOff
  readonly #begin: () => Promise<void>
  #done: Promise<void> | undefined
  #left = false
  /** The last call of `next`: calls are answered one after the other. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(plan: PlanLike, path: string, ctx: TaskContext, operators: OperatorTable) {
    this.#run = new TaskRun(ctx)
    this.#handOff = new HandOff(this.#run.signal)
    const sink = { place: { kind: 'Stream', path }, make: () => this.#handOff }
    const streamInput = (child: PlanLike, at: string, task: TaskContext): Source => streamAt(child, at, task, operators)
    this.#begin = () => this.#run.toEnd(() => pipelineOf(plan, path, sink, { operators, streamInput }))
  }

  next(): Promise<IteratorResult<Batch, undefined>> {
    const step = this.#last.then(() => this.#advance())
    this.#last = step.catch(() => undefined)
    return step
  }

  async #advance(): Promise<IteratorResult<Batch, undefined>> {
    if (this.#left) return { done: true, value: undefined }
    if (this.#done === undefined) {
      this.#done = this.#begin()
      // Awaited at the end; until then a failure shows as the abort that ends `take`.
      this.#done.catch(() => undefined)
    }
    const batch = await this.#handOff.take()
    if (batch !== undefined) return { done: false, value: batch }
    await this.#done
    return { done: true, value: undefined }
  }

  async return(): Promise<IteratorResult<Batch, undefined>> {
    this.#left = true
    if (this.#done === undefined) this.#run.close()
    else {
      this.#run.abort(CONSUMER_LEFT)
      // Who has left does not hear of what failed behind the rows that it wanted.
      await this.#done.catch(() => undefined)
    }
    return { done: true, value: undefined }
  }
}

/** One task, or one input stream of a source: its own abort signal, which follows the outer one. */
class TaskRun {
  readonly #ctx: TaskContext
  readonly #outer: AbortSignal
  readonly #controller = sharedAbortController()
  readonly #follow = (): void => this.#controller.abort(this.#outer.reason)
  /** The failure of any pipeline of this run. */
  #failure: BallistaError | undefined

  constructor(ctx: TaskContext) {
    this.#outer = ctx.signal
    this.#ctx = derivedContext(ctx, { signal: this.#controller.signal })
    if (ctx.signal.aborted) this.#follow()
    else ctx.signal.addEventListener('abort', this.#follow, { once: true })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason)
  }

  /** For a run that never began. */
  close(): void {
    this.#outer.removeEventListener('abort', this.#follow)
  }

  /** Runs everything; throws the first failure after all is closed. A consumer that has left ends it normally. */
  async toEnd(cut: () => Pipeline): Promise<void> {
    try {
      this.#throwIfAborted()
      await this.#runPipeline(cut())
    } catch (error) {
      this.#controller.abort(error)
      if (this.signal.reason === CONSUMER_LEFT) return
      throw this.#failure ?? (this.#outer.aborted ? cancelled(this.#outer.reason) : error)
    } finally {
      this.close()
    }
  }

  #throwIfAborted(): void {
    if (this.signal.aborted) throw cancelled(this.signal.reason)
  }

  /** Each build's state lives from before its own pipeline until after this one. */
  async #runPipeline(pipeline: Pipeline): Promise<void> {
    const states: StateLike[] = []
    try {
      for (const build of pipeline.dependsOn) {
        const state = build.makeState(this.#ctx)
        states.push(state)
        await this.#runPipeline(build.pipeline(state))
        this.#throwIfAborted()
      }
      await this.#runStreams(pipeline, states)
    } finally {
      for (const state of states) state.close()
    }
  }

  async #runStreams(pipeline: Pipeline, states: readonly StateLike[]): Promise<void> {
    const { control, all, closeSink } = this.#open(pipeline, states)
    const closed = all.map(stream => new Promise<void>(resolve => void stream.once('close', resolve)))
    let failure: BallistaError | undefined
    try {
      await streamPipeline(all, { signal: this.signal })
    } catch (error) {
      failure = control.failure ?? toBallistaError(error)
    }
    for (const stream of all) stream.destroy()
    await Promise.all(closed)
    control.releaseAll()
    failure ??= control.failure
    this.#failure ??= control.failure
    closeSink(failure)
    if (failure !== undefined) throw failure
  }

  /** Opens every part; when one fails, those that are open are closed. */
  #open(pipeline: Pipeline, states: readonly StateLike[]): OpenStreams {
    const operators: Operator[] = []
    let sink: Sink | undefined
    try {
      const target = placed(pipeline.sink.place, () => pipeline.sink.make(this.#ctx))
      sink = target
      for (const part of pipeline.operators) operators.push(placed(part.place, () => part.make(this.#ctx, states)))
      const source = placed(pipeline.source.place, () => pipeline.source.make(this.#ctx))
      return this.#connect(pipeline, { source, operators, sink: target })
    } catch (error) {
      for (const operator of operators) operator.close?.()
      sink?.close?.(toBallistaError(error))
      throw error
    }
  }

  #connect(pipeline: Pipeline, parts: { source: Source; operators: readonly Operator[]; sink: Sink }): OpenStreams {
    const control: PipelineControl = new PipelineControl(this.#controller, index => {
      source.stop()
      for (const transform of transforms.slice(0, index - 1)) transform.discard()
    })
    const metrics = ({ path, kind }: Place): OperatorMetrics => this.#ctx.metrics(path, kind)
    const source = new SourceStream({
      source: parts.source,
      place: pipeline.source.place,
      control,
      metrics: metrics(pipeline.source.place),
      waits: pipeline.source.waits,
    })
    const transforms = parts.operators.map((operator, i) => {
      const { place } = pipeline.operators[i]
      return new OperatorTransform({ operator, place, index: i + 1, control, metrics: metrics(place) })
    })
    const { place, role } = pipeline.sink
    const counted = role === undefined ? {} : { metrics: metrics(place), isOutput: role === 'output' }
    const sink = sinkStream({ sink: parts.sink, place, index: transforms.length + 1, control, ...counted })
    return { control, all: [source.readable, ...transforms, sink], closeSink: error => parts.sink.close?.(error) }
  }
}

interface OpenStreams {
  readonly control: PipelineControl
  readonly all: readonly [Readable, ...OperatorTransform[], Writable]
  readonly closeSink: (error: Error | undefined) => void
}

/** Runs `make`; its failure names the place. */
function placed<T>(place: Place, make: () => T): T {
  try {
    return make()
  } catch (error) {
    throw withContext(toBallistaError(error), placeText(place))
  }
}

function cancelled(reason: unknown): BallistaError {
  if (reason instanceof BallistaError) return reason
  return fail('CANCELLED', [reason instanceof Error ? reason.message : String(reason)], { cause: reason })
}
