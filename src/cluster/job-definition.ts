/** What an executor is told of a job: its tasks, their plans, and where the producers of their inputs run. */
import { configOf, type Settings } from '../common/option.js'
import { clientIdleTimeout } from '../exchange/options.js'
import type { MetricsRow } from '../runtime/metrics.js'
import type { EdgePartitioning, ExchangeSinkExec, TaskInput, TaskReport, TaskSpec } from '../exchange/stage.js'
import { ERRORS } from '../common/errors.js'
import { encodeWireText } from '../common/wire.js'
import { userFunctionsOf } from '../exchange/validate-functions.js'
import { countOf, listOf, malformed, objectOf, planOf, stringOf, type Peer } from '../exchange/validate.js'

export interface JobDefinition {
  readonly jobId: string
  readonly settings: Settings
  readonly stages: readonly StageTasks[]
}

/** The tasks of one stage that run on one executor. */
export interface StageTasks {
  readonly id: number
  readonly plan: ExchangeSinkExec
  readonly taskCount: number
  readonly inputs: readonly TaskInput[]
  /** Of this executor. */
  readonly partitions: readonly number[]
  /** Its output is the result. */
  readonly feedsClient?: boolean
}

/** Definitions as tagged JSON. What one has in common with those before, plans above all, is not written anew for each executor. */
export function definitionEncoder(): (job: JobDefinition) => Uint8Array {
  const texts = new Map<object, string>()
  const shared = (part: object): string => {
    const text = texts.get(part) ?? encodeWireText(part)
    texts.set(part, text)
    return text
  }
  const stageText = ({ inputs, plan, ...own }: StageTasks): string =>
    `{"plan":${shared(plan)},"inputs":${shared(inputs)},${encodeWireText(own).slice(1)}`
  return ({ jobId, settings, stages }) => {
    const fields = `"jobId":${encodeWireText(jobId)},"settings":${shared(settings)}`
    return new TextEncoder().encode(`{${fields},"stages":[${stages.map(stageText).join()}]}`)
  }
}

/** The largest number of tasks of a stage. */
export const MAX_TASKS = 20_000

/** A definition as it came over the wire; PROTOCOL when it is not one. */
export function jobDefinitionOf(value: unknown, knows: (kind: string) => boolean, peer: Peer): JobDefinition {
  const job = objectOf(value, 'a job', peer)
  stringOf(job.jobId, 'a job id', peer)
  for (const setting of Object.values(objectOf(job.settings, 'settings', peer))) stringOf(setting, 'a setting', peer)
  for (const stage of listOf(job.stages, 'stages', peer)) checkStage(objectOf(stage, 'a stage', peer), knows, peer)
  return value as JobDefinition
}

function checkStage(stage: Record<string, unknown>, knows: (kind: string) => boolean, peer: Peer): void {
  countOf(stage.id, MAX_TASKS, 'a stage id', peer)
  const plan = planOf(stage.plan, knows, peer)
  if (plan.kind !== 'ExchangeSinkExec' || plan.children.length !== 1)
    throw malformed(`a stage whose root is ${plan.kind}`, peer)
  const { functions, outputs } = plan as Partial<ExchangeSinkExec>
  checkOutputs(outputs, plan.schema.fields.length, peer)
  userFunctionsOf(functions ?? [], peer)
  const taskCount = countOf(stage.taskCount, MAX_TASKS + 1, 'a number of tasks', peer)
  for (const partition of listOf(stage.partitions, 'partitions', peer))
    countOf(partition, taskCount, 'a partition', peer)
  if (stage.feedsClient !== undefined && typeof stage.feedsClient !== 'boolean')
    throw malformed('a stage whose feedsClient is not a truth value', peer)
  for (const each of listOf(stage.inputs, 'inputs', peer)) {
    const input = objectOf(each, 'an input', peer)
    countOf(input.edge, MAX_TASKS, 'an edge', peer)
    if (input.onDemand !== undefined && typeof input.onDemand !== 'boolean')
      throw malformed('an input whose onDemand is not a truth value', peer)
    for (const place of listOf(input.producers, 'producers', peer)) {
      const { task, address } = objectOf(place, 'a producer', peer)
      countOf(task, MAX_TASKS, 'a producing task', peer)
      if (address !== undefined) stringOf(address, 'an address', peer)
    }
  }
}

const PARTITIONINGS: ReadonlySet<unknown> = new Set<EdgePartitioning['kind']>([
  'single',
  'hash',
  'broadcast',
  'roundRobin',
])

/** `width`: columns of the stage's rows. */
function checkOutputs(value: unknown, width: number, peer: Peer): void {
  const outputs = listOf(value, 'outputs', peer)
  if (outputs.length === 0) throw malformed('a stage without outputs', peer)
  for (const each of outputs) {
    const { edge, partitioning, columns, ...flags } = objectOf(each, 'an output', peer)
    countOf(edge, MAX_TASKS, 'an edge', peer)
    for (const flag of [flags.spillable, flags.materialized])
      if (flag !== undefined && typeof flag !== 'boolean')
        throw malformed('an output with a flag that is not a truth value', peer)
    for (const column of columns === undefined ? [] : listOf(columns, 'columns', peer))
      countOf(column, width, 'a column', peer)
    const { kind, count, exprs } = objectOf(partitioning, 'a partitioning', peer)
    if (!PARTITIONINGS.has(kind)) throw malformed(`unknown partitioning '${String(kind)}'`, peer)
    if (kind !== 'single') countOf(count, MAX_TASKS + 1, 'a number of partitions', peer)
    if (kind === 'hash') listOf(exprs, 'partition expressions', peer)
  }
}

/** The tasks of a definition, `ownAddress` being this executor's: producers there are local. */
export function taskSpecsOf(job: JobDefinition, ownAddress: string): TaskSpec[] {
  const clientIdleMs = configOf(job.settings).get(clientIdleTimeout)
  return job.stages.flatMap(stage => {
    const inputs = stage.inputs.map(input => ({
      ...input,
      producers: input.producers.map(place => (place.address === ownAddress ? { task: place.task } : place)),
    }))
    return stage.partitions.map(partition => ({
      jobId: job.jobId,
      stage: stage.id,
      partition,
      partitionCount: stage.taskCount,
      plan: stage.plan,
      settings: job.settings,
      inputs,
      ...(stage.feedsClient === true ? { clientIdleMs } : {}),
    }))
  })
}

/** A report as it came over the wire; PROTOCOL when it is not one. */
export function taskReportOf(value: unknown, peer: Peer): TaskReport {
  const report = objectOf(value, 'a task report', peer)
  countOf(report.stage, MAX_TASKS, 'a stage id', peer)
  countOf(report.partition, MAX_TASKS, 'a partition', peer)
  checkMetrics(report.operators, peer)
  for (const part of report.parts === undefined ? [] : listOf(report.parts, 'staged parts', peer)) checkPart(part, peer)
  if (report.error !== undefined) {
    const error = objectOf(report.error, 'an error', peer)
    stringOf(error.message, 'an error message', peer)
    const code = stringOf(error.code, 'an error code', peer)
    if (!Object.hasOwn(ERRORS, code)) throw malformed(`unknown error code '${code}'`, peer)
    listOf(error.context, 'error context', peer)
  }
  return value as TaskReport
}

function checkPart(value: unknown, peer: Peer): void {
  const { bytes, columns, crc32, file, partition, rows } = objectOf(value, 'a staged part', peer)
  // A name in the staging directory, never a path.
  if (!/^[\w-][\w.-]*$/.test(stringOf(file, 'a file name', peer))) throw malformed('a staged part with a path', peer)
  for (const count of [bytes, crc32, rows]) countOf(count, Number.MAX_SAFE_INTEGER, 'a number', peer)
  for (const text of listOf(partition, 'a partition', peer)) if (text !== null) stringOf(text, 'a value', peer)
  objectOf(columns, 'statistics', peer)
}

/** Rows of counters as they came over the wire; PROTOCOL when they are not that. */
export function checkMetrics(value: unknown, peer: Peer): void {
  for (const row of listOf(value, 'operator metrics', peer)) {
    const { path, kind } = objectOf(row, 'operator metrics', peer) as Partial<MetricsRow>
    stringOf(path, 'a path', peer)
    stringOf(kind, 'an operator kind', peer)
  }
}
