/** The list of jobs: filtered, sorted, kept in step with the event stream. */
import { h, keyedRows, setAttribute, setShare, setText } from './dom.mjs'
import { clockTime, duration, shortId, whole } from './format.mjs'
import { follow } from './requests.mjs'

const STATES = ['Running', 'Queued', 'Completed', 'Failed', 'Cancelled']
/** More rows come by a button: a browser lays out a few hundred in no time. */
const ROWS = 200

const COLUMNS = [
  { name: 'Status', key: job => STATES.indexOf(job.status) },
  { name: 'Query', key: job => (job.job_name || job.query).toLowerCase() },
  { name: 'Submitted', key: job => job.submitted_time, number: true },
  { name: 'Duration', key: job => durationOf(job), number: true },
  { name: 'Stages', key: job => job.num_stages, number: true },
  { name: 'Tasks', key: job => job.num_tasks, number: true },
]

export function jobsView() {
  const jobs = new Map()
  const choice = { text: '', state: 'All', column: COLUMNS[2], descending: true, rows: ROWS }
  const body = h('tbody')
  const setRows = keyedRows(body, { key: job => job.job_id, make: jobRow })
  const more = h('button', {
    type: 'button',
    class: 'more',
    hidden: true,
    onclick: () => change({ rows: choice.rows + ROWS }),
  })
  const empty = h('p', { class: 'empty' })
  const live = h('p', { class: 'live', role: 'status' })
  const filters = stateFilters(state => change({ state, rows: ROWS }))
  const headers = COLUMNS.map(column => columnHeader(column, sortBy))
  const search = h('input', {
    type: 'search',
    placeholder: 'Filter by SQL, name or id',
    'aria-label': 'Filter jobs by SQL, name or id',
    oninput: () => change({ text: search.value.toLowerCase(), rows: ROWS }),
  })

  function change(changes) {
    Object.assign(choice, changes)
    draw()
  }

  function sortBy(column) {
    change({ column, descending: choice.column === column ? !choice.descending : column.number === true })
  }

  function draw() {
    const named = [...jobs.values()].filter(job => matches(job, choice.text))
    filters.update(named, choice.state)
    const wanted = named.filter(job => choice.state === 'All' || job.status === choice.state).sort(order(choice))
    setRows(wanted.slice(0, choice.rows))
    more.hidden = wanted.length <= choice.rows
    setText(more, `Show ${Math.min(ROWS, wanted.length - choice.rows)} more of ${whole(wanted.length)}`)
    empty.hidden = wanted.length > 0
    setText(empty, jobs.size === 0 ? 'No jobs yet. Run one: ballista sql --host … -c "SELECT 1"' : 'No job matches.')
    for (const header of headers) header.update(choice)
  }

  // Many jobs may change at once; a frame is drawn once.
  let frame
  const soon = () => (frame ??= requestAnimationFrame(() => ((frame = undefined), draw())))
  const stop = follow('/api/events', {
    on: {
      jobs: list => {
        jobs.clear()
        for (const job of list) jobs.set(job.job_id, seen(job))
        soon()
      },
      job: job => {
        jobs.set(job.job_id, seen(job))
        soon()
      },
    },
    trouble: text => setText(live, text),
  })
  const tick = setInterval(() => [...jobs.values()].some(isLive) && soon(), 500)
  const slash = event => {
    if (event.key !== '/' || event.target instanceof HTMLInputElement) return
    event.preventDefault()
    search.focus()
  }
  addEventListener('keydown', slash)
  draw()
  return {
    element: h(
      'section',
      { class: 'page' },
      h('div', { class: 'tools' }, h('h1', {}, 'Jobs'), filters.element, live, search),
      h(
        'table',
        { class: 'jobs' },
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            headers.map(({ element }) => element),
          ),
        ),
        body,
      ),
      empty,
      more,
    ),
    leave: () => {
      stop()
      clearInterval(tick)
      cancelAnimationFrame(frame)
      removeEventListener('keydown', slash)
    },
  }
}

export const isLive = job => job.status === 'Running' || job.status === 'Queued'

/** Live jobs go on counting between events. */
export const durationOf = job => job.elapsed_ms + (isLive(job) ? performance.now() - job.seenMs : 0)

export const seen = job => ({ ...job, seenMs: performance.now() })

const matches = (job, text) => text === '' || `${job.job_id} ${job.job_name} ${job.query}`.toLowerCase().includes(text)

function order({ column, descending }) {
  const sign = descending ? -1 : 1
  return (left, right) => {
    const [a, b] = [column.key(left), column.key(right)]
    return a === b ? right.submitted_time - left.submitted_time : a < b ? -sign : sign
  }
}

function stateFilters(choose) {
  const buttons = ['All', ...STATES].map(state => {
    const number = h('span', { class: 'number' })
    const element = h('button', { type: 'button', onclick: () => choose(state) }, `${state} `, number)
    return { state, number, element }
  })
  return {
    element: h(
      'div',
      { class: 'segments', role: 'group', 'aria-label': 'Status' },
      buttons.map(each => each.element),
    ),
    update(jobs, chosen) {
      for (const { state, number, element } of buttons) {
        const total = state === 'All' ? jobs.length : jobs.filter(job => job.status === state).length
        setText(number, whole(total))
        setAttribute(element, 'aria-pressed', state === chosen)
      }
    },
  }
}

function columnHeader(column, sortBy) {
  const button = h('button', { type: 'button', onclick: () => sortBy(column) }, column.name)
  const element = h('th', { scope: 'col', class: column.number === true ? 'number' : '' }, button)
  return {
    element,
    update({ column: chosen, descending }) {
      setAttribute(element, 'aria-sort', chosen !== column ? 'none' : descending ? 'descending' : 'ascending')
    },
  }
}

function jobRow({ job_id: id }) {
  const status = h('span', { class: 'status' })
  const name = h('strong')
  const query = h('span', { class: 'sql' })
  const link = h('a', { href: `#/job/${encodeURIComponent(id)}` }, name, query)
  const short = h('span', { class: 'id' }, shortId(id))
  const [submitted, time, stages, tasks] = ['number', 'number', 'number', 'number'].map(kind =>
    h('td', { class: kind }),
  )
  const progress = h('span', { class: 'progress' })
  const amount = h('span')
  tasks.append(amount, progress)
  return {
    element: h(
      'tr',
      {},
      h('td', {}, status),
      h('td', { class: 'query' }, h('div', {}, link, short)),
      submitted,
      time,
      stages,
      tasks,
    ),
    update(job) {
      setText(status, job.status)
      setAttribute(status, 'data-status', job.status)
      setText(name, job.job_name)
      setText(query, job.query)
      setAttribute(link, 'title', job.query)
      setText(submitted, clockTime(job.submitted_time))
      setText(time, duration(durationOf(job)))
      setText(stages, job.num_stages === 0 ? '–' : `${job.completed_stages}/${job.num_stages}`)
      setText(amount, job.num_tasks === 0 ? '–' : `${whole(job.completed_tasks)}/${whole(job.num_tasks)}`)
      setAttribute(progress, 'data-status', job.status)
      setShare(progress, job.num_tasks === 0 ? 0 : job.completed_tasks / job.num_tasks)
    },
  }
}
