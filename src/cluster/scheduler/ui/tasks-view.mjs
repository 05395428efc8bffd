/** The tasks of a job, sorted by any column. */
import { h, setAttribute, setShare, setText } from './dom.mjs'
import { clockTime, count, duration, whole } from './format.mjs'
import { sortedTable } from './sorted-table.mjs'

const COLUMNS = [
  { name: 'Task', key: ({ stage, task }) => stage * 1e6 + task.partition_id[0] },
  { name: 'Status', key: ({ task }) => task.status },
  { name: 'Executor', key: ({ task }) => task.executor_id },
  { name: 'Launched', key: ({ task }) => task.launch_time ?? Infinity, number: true },
  { name: 'Duration', key: ({ task }) => task.exec_duration, number: true },
  { name: 'Rows in', key: ({ task }) => task.input_rows, number: true },
  { name: 'Rows out', key: ({ task }) => task.output_rows, number: true },
]

const STATUS = {
  finished: 'Completed',
  failed: 'Failed',
  running: 'Running',
  waiting: 'Queued',
  cancelled: 'Cancelled',
}

export function tasksView() {
  const table = sortedTable({ class: 'dense', columns: COLUMNS, key: ({ task }) => task.id, make: taskRow })
  const facts = h('p', { class: 'facts' })
  return {
    element: h('div', {}, facts, table.elements),
    update({ stages }) {
      const longest = Math.max(1, ...stages.flatMap(stage => stage.tasks.map(task => task.exec_duration)))
      const tasks = stages.flatMap(({ stage_id: stage, tasks: own }) => own.map(task => ({ stage, task, longest })))
      const ended = tasks.filter(({ task }) => task.finish_time !== null).length
      setText(facts, `${whole(ended)} of ${whole(tasks.length)} tasks have ended`)
      table.update(tasks)
    },
  }
}

function taskRow({ task: { id } }) {
  const status = h('span', { class: 'status' })
  const executor = h('td', { class: 'sql' })
  const [launched, time, input, output] = ['number', 'number', 'number', 'number'].map(kind => h('td', { class: kind }))
  const text = h('span')
  const bar = h('span', { class: 'bar-in-cell' })
  time.append(bar, text)
  return {
    element: h('tr', {}, h('td', { class: 'sql' }, id), h('td', {}, status), executor, launched, time, input, output),
    update({ task, longest }) {
      setText(status, task.status)
      setAttribute(status, 'data-status', STATUS[task.status])
      setText(executor, task.executor_id)
      setText(launched, task.launch_time === null ? '–' : clockTime(task.launch_time))
      setText(text, task.launch_time === null ? '–' : duration(task.exec_duration))
      setShare(bar, task.exec_duration / longest)
      const isKnown = task.finish_time !== null
      setText(input, isKnown ? count(task.input_rows) : '–')
      setText(output, isKnown ? count(task.output_rows) : '–')
    },
  }
}
