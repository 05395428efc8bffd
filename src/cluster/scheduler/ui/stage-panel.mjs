/** The stage that was chosen in the graph: its figures, operator by operator. */
import { h } from './dom.mjs'
import { bytes, count, duration } from './format.mjs'
import { flowOrder, operatorLabel, partitioningLabel } from './graph-model.mjs'

/** Drawn anew for each snapshot: a few dozen cells. */
export function stagePanel(job, stageId, close) {
  const stage = job.stages.find(({ stage_id: id }) => id === stageId)
  if (stage === undefined) return undefined
  const edges = job.edges.filter(edge => edge.from_stage === stageId || edge.to_stage === stageId)
  return h(
    'aside',
    { class: 'panel', 'aria-label': `Stage ${stageId}` },
    h(
      'header',
      {},
      h('h2', {}, `Stage ${stageId}`),
      statusOf(stage),
      h('button', { type: 'button', class: 'quiet close', 'aria-label': 'Close', onclick: close }, '✕'),
    ),
    factList([
      ['Tasks', `${stage.completed_tasks} of ${stage.num_tasks} ended, ${stage.running_tasks} running`],
      ['Duration', stage.launch_time === null ? '–' : duration(stage.elapsed_ms)],
      ['Rows in', count(stage.input_rows)],
      ['Rows out', `${count(stage.output_rows)} · ${bytes(stage.output_bytes)}`],
      ['Computing', duration(stage.elapsed_compute)],
    ]),
    h('h3', {}, 'Operators'),
    h(
      'table',
      { class: 'dense' },
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          ['', 'Rows', 'Bytes', 'Computing', 'Waiting'].map((name, index) =>
            h('th', { scope: 'col', class: index === 0 ? '' : 'number' }, name),
          ),
        ),
      ),
      h(
        'tbody',
        {},
        flowOrder(stage.operators).map(row => operatorCells(row, job.edges)),
      ),
    ),
    edges.length > 0 && h('h3', {}, 'Edges'),
    edges.length > 0 &&
      h(
        'ul',
        { class: 'edges' },
        edges.map(edge => edgeItem(edge, stageId)),
      ),
  )
}

const statusOf = ({ stage_status: status }) =>
  h(
    'span',
    { class: 'status', 'data-status': { Successful: 'Completed', Waiting: 'Queued' }[status] ?? status },
    status,
  )

export const factList = facts =>
  h(
    'dl',
    { class: 'fact-list' },
    facts.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))),
  )

function operatorCells({ operator }, edges) {
  const { name, note } = operatorLabel(operator, edges)
  const spilled =
    operator.spilled_bytes > 0 ? h('span', { class: 'warn' }, ` ${bytes(operator.spilled_bytes)} spilled`) : undefined
  return h(
    'tr',
    {},
    h(
      'td',
      { title: `${operator.kind}: ${operator.details}` },
      h('strong', {}, name),
      h('span', { class: 'detail' }, note),
      spilled,
    ),
    [
      count(operator.output_rows),
      bytes(operator.output_bytes),
      duration(operator.elapsed_compute),
      duration(operator.blocked_time),
    ].map(text => h('td', { class: 'number' }, text)),
  )
}

function edgeItem(edge, stageId) {
  const isOut = edge.from_stage === stageId
  return h(
    'li',
    {},
    h('strong', {}, isOut ? `To stage ${edge.to_stage}` : `From stage ${edge.from_stage}`),
    h('span', { class: 'detail' }, partitioningLabel(edge)),
    h(
      'span',
      { class: 'detail' },
      `${count(edge.rows_sent)} rows sent, ${count(edge.rows_received)} received, ${bytes(edge.bytes_sent)}`,
    ),
    h(
      'span',
      { class: 'detail' },
      `sender waited ${duration(edge.producer_blocked_time)}, reader ${duration(edge.consumer_blocked_time)}`,
    ),
  )
}
