/** The list of jobs: filtered, sorted, kept in step with the event stream. */
import { h, setAttribute, setShare, setText } from './dom.mjs'
import { clockTime, duration, shortId, whole } from './format.mjs'
import { follow } from './requests.mjs'
import { sortedTable } from './sorted-table.mjs'

const STATES = ['Running', 'Queued', 'Completed', 'Failed', 'Cancelled']

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
  const choice = { text: '', state: 'All' }
  const table = sortedTable({
    class: 'jobs',
    columns: COLUMNS,
    initial: COLUMNS[2],
    descending: true,
    key: job => job.job_id,
    make: jobRow,
    tie: (left, right) => right.submitted_time - left.submitted_time,
  })
  const empty = h('p', { class: 'empty' })
  const live = h('p', { class: 'live', role: 'status' })
  const filters = stateFilters(state => draw(Object.assign(choice, { state })))
  const search = searchField(text => draw(Object.assign(choice, { text })))

  function draw() {
    const named = [...jobs.values()].filter(job => matches(job, choice.text))
    const wanted = named.filter(job => choice.state === 'All' || job.status === choice.state)
    filters.update(named, choice.state)
    table.update(wanted)
    empty.hidden = wanted.length > 0
    setText(empty, jobs.size === 0 ? 'No jobs yet. Run one: ballista sql --host … -c "SELECT 1"' : 'No job matches.')
  }

  const frames = oncePerFrame(draw)
  const stop = followJobs(jobs, { changed: frames.ask, trouble: text => setText(live, text) })
  const tick = setInterval(() => [...jobs.values()].some(isLive) && frames.ask(), 500)
  draw()
  return {
    element: h(
      'section',
      { class: 'page' },
      h('div', { class: 'tools' }, h('h1', {}, 'Jobs'), filters.element, live, search.element),
      table.elements[0],
      empty,
      table.elements[1],
    ),
    leave: () => {
      stop()
      clearInterval(tick)
      frames.stop()
      search.leave()
    },
  }
}

/** Many jobs may change at once; a frame is drawn once. */
function oncePerFrame(draw) {
  let frame
  const run = () => {
    frame = undefined
    draw()
  }
  return { ask: () => (frame ??= requestAnimationFrame(run)), stop: () => cancelAnimationFrame(frame) }
}

const followJobs = (jobs, { changed, trouble }) =>
  follow('/api/events', {
    on: {
      jobs: list => {
        jobs.clear()
        for (const job of list) jobs.set(job.job_id, seen(job))
        changed()
      },
      job: job => {
        jobs.set(job.job_id, seen(job))
        changed()
      },
    },
    trouble,
  })

/** `/` leads to it. */
function searchField(changed) {
  const label = 'Filter by SQL, name or id'
  const element = h('input', { type: 'search', placeholder: label, 'aria-label': label })
  element.addEventListener('input', () => changed(element.value.toLowerCase()))
  const slash = event => {
    if (event.key !== '/' || event.target instanceof HTMLInputElement) return
    event.preventDefault()
    element.focus()
  }
  addEventListener('keydown', slash)
  return { element, leave: () => removeEventListener('keydown', slash) }
}

export const isLive = job => job.status === 'Running' || job.status === 'Queued'

/** Live jobs go on counting between events. */
export const durationOf = job => job.elapsed_ms + (isLive(job) ? performance.now() - job.seenMs : 0)

export const seen = job => ({ ...job, seenMs: performance.now() })

const matches = (job, text) => text === '' || `${job.job_id} ${job.job_name} ${job.query}`.toLowerCase().includes(text)

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
