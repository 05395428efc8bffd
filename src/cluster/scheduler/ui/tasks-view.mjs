/** The tasks of a job, sorted by any column. */
import { h, keyedRows, setAttribute, setShare, setText } from './dom.mjs'
import { clockTime, count, duration, whole } from './format.mjs'

const ROWS = 300

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
  const body = h('tbody')
  const setRows = keyedRows(body, { key: ({ task }) => task.id, make: taskRow })
  const choice = { column: COLUMNS[0], descending: false, rows: ROWS }
  const more = h('button', {
    type: 'button',
    class: 'more',
    hidden: true,
    onclick: () => ((choice.rows += ROWS), draw()),
  })
  const facts = h('p', { class: 'facts' })
  let tasks = []
  const headers = COLUMNS.map(column => {
    const sort = () => {
      Object.assign(choice, { column, descending: choice.column === column && !choice.descending })
      draw()
    }
    return {
      column,
      element: h(
        'th',
        { scope: 'col', class: column.number ? 'number' : '' },
        h('button', { type: 'button', onclick: sort }, column.name),
      ),
    }
  })

  function draw() {
    const { column, descending } = choice
    const sorted = tasks.toSorted((left, right) => {
      const [a, b] = [column.key(left), column.key(right)]
      return (a === b ? 0 : a < b ? -1 : 1) * (descending ? -1 : 1)
    })
    setRows(sorted.slice(0, choice.rows))
    more.hidden = sorted.length <= choice.rows
    setText(more, `Show more of ${whole(sorted.length)}`)
    for (const header of headers)
      setAttribute(
        header.element,
        'aria-sort',
        header.column !== column ? 'none' : descending ? 'descending' : 'ascending',
      )
  }

  return {
    element: h(
      'div',
      {},
      facts,
      h(
        'table',
        { class: 'dense' },
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            headers.map(each => each.element),
          ),
        ),
        body,
      ),
      more,
    ),
    update({ stages }) {
      const longest = Math.max(1, ...stages.flatMap(stage => stage.tasks.map(task => task.exec_duration)))
      tasks = stages.flatMap(({ stage_id: stage, tasks: own }) => own.map(task => ({ stage, task, longest })))
      const ended = tasks.filter(({ task }) => task.finish_time !== null).length
      setText(facts, `${whole(ended)} of ${whole(tasks.length)} tasks have ended`)
      draw()
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
