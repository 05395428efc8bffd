/** Stages and operators in the language of Graphviz. */
import type { JobRecord, StageRecord } from '../job-record.js'

/** One cluster a stage, its operators as boxes, the edges between stages in bold. */
export function jobDot(job: JobRecord): string {
  const stages = job.stageRecords.flatMap(stage => [
    `  subgraph cluster_${stage.id} {`,
    `    label = ${quoted(`Stage ${stage.id}, ${stage.tasks.length} task(s)`)};`,
    ...operatorLines(stage).map(line => `  ${line}`),
    '  }',
  ])
  const edges = job.stageRecords.flatMap(consumer =>
    consumer.inputs.flatMap(({ edge, stage }) => {
      const source = consumer.operators.find(operator => operator.edge === edge)
      const sink = job.stageRecords.find(({ id }) => id === stage)?.operators[0]
      if (source === undefined || sink === undefined) return []
      const label = quoted(`edge ${edge}, ${sink.counters.outputRows} rows`)
      return [`  ${nodeName(stage, sink.path)} -> ${nodeName(consumer.id, source.path)} [label=${label}, style=bold];`]
    }),
  )
  return digraph([...stages, ...edges])
}

export const stageDot = (stage: StageRecord): string => digraph(operatorLines(stage))

const digraph = (lines: readonly string[]): string =>
  ['digraph G {', '  node [shape=box];', ...lines, '}', ''].join('\n')

/** Data flows from a child to its parent. */
function operatorLines(stage: StageRecord): string[] {
  const nodes = stage.operators.map(({ path, kind, details }) => {
    return `  ${nodeName(stage.id, path)} [label=${quoted(details === '' ? kind : `${kind}\n${details}`)}];`
  })
  const arrows = stage.operators.flatMap(({ path }) => {
    const parent = path.slice(0, Math.max(0, path.lastIndexOf('.')))
    return parent === '' ? [] : [`  ${nodeName(stage.id, path)} -> ${nodeName(stage.id, parent)};`]
  })
  return [...nodes, ...arrows]
}

const nodeName = (stage: number, path: string): string => `stage_${stage}_${path.replaceAll('.', '_')}`

const quoted = (text: string): string =>
  `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`
