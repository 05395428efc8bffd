/** The head of a job's page: what it is, how it stands, what went wrong, and the button that cancels it. */
import { h, setAttribute, setShare, setText } from './dom.mjs'
import { bytes, clockTime, count, duration } from './format.mjs'
import { durationOf, isLive } from './jobs-view.mjs'
import { cancelJob } from './requests.mjs'
import { factList } from './stage-panel.mjs'

export function jobHeader(id) {
  const status = h('span', { class: 'status big' })
  const title = h('h1')
  const sql = h('pre', { class: 'statement', tabindex: '0' })
  const facts = h('div', { class: 'headline' })
  const progress = h('div', { class: 'progress wide' })
  const errors = h('div', { class: 'trouble', hidden: true, role: 'alert' })
  const live = h('p', { class: 'live', role: 'status' })
  const cancel = cancelButton(id)
  return {
    element: h(
      'header',
      { class: 'job-header' },
      h('p', { class: 'crumbs' }, h('a', { href: '#/jobs' }, 'Jobs'), ' / ', h('span', { class: 'id' }, id)),
      h('div', { class: 'title-line' }, title, status, live, cancel.element),
      sql,
      facts,
      progress,
      errors,
    ),
    detail(job) {
      setText(title, job.job_name === '' ? 'Query' : job.job_name)
      setText(sql, job.sql)
    },
    trouble: text => setText(live, text),
    update(job) {
      setText(status, job.phase === 'waiting' ? 'Waiting to retry' : job.status)
      setAttribute(status, 'data-status', job.status)
      setAttribute(progress, 'data-status', job.status)
      setShare(progress, job.percent_complete / 100)
      facts.replaceChildren(factList(factsOf(job)))
      cancel.update(job)
      const troubles = troublesOf(job)
      errors.hidden = troubles.length === 0
      setAttribute(errors, 'data-status', job.status)
      if (troubles.length !== errors.children.length) errors.replaceChildren(...troubles.map(troubleText))
    },
  }
}

const factsOf = job => [
  ['Duration', duration(durationOf(job))],
  ['Stages', `${job.completed_stages} of ${job.num_stages}`],
  ['Tasks', `${job.completed_tasks} of ${job.num_tasks}`],
  ['Scanned', `${count(job.scanned_rows)} rows`],
  ['Exchanged', bytes(job.edges.reduce((sum, edge) => sum + edge.bytes_sent, 0))],
  ['Submitted', clockTime(job.submitted_time)],
  ...(job.attempt > 1 ? [['Attempt', String(job.attempt)]] : []),
]

/** Attempts that failed, and why the job ended; between two attempts its error is that of the last one. */
const troublesOf = job => [
  ...job.failures.map(({ attempt, error }) => [`Attempt ${attempt}`, error]),
  ...(job.error === null || isLive(job) ? [] : [[job.status, job.error]]),
]

const troubleText = ([when, { code, message, context }]) =>
  h(
    'div',
    {},
    h('p', {}, code !== 'CANCELLED' && h('strong', {}, `${when}: ${code} `), message),
    context.length > 0 && h('p', { class: 'detail' }, context.join(' › ')),
  )

/** Asks once more before it does it. */
function cancelButton(id) {
  const result = h('span', { class: 'muted', role: 'status' })
  const ask = h('button', { type: 'button', class: 'danger', onclick: () => confirm(true) }, 'Cancel job')
  const yes = h('button', { type: 'button', class: 'danger', onclick: send }, 'Yes, cancel it')
  const no = h('button', { type: 'button', onclick: () => confirm(false) }, 'Keep it')
  const element = h('div', { class: 'cancel', hidden: true }, result, ask, yes, no)
  function confirm(is) {
    ask.hidden = is
    yes.hidden = no.hidden = !is
    if (is) no.focus()
  }
  async function send() {
    confirm(false)
    setText(result, 'Cancelling…')
    setText(result, (await cancelJob(id)) ?? '')
  }
  confirm(false)
  return { element, update: job => (element.hidden = !isLive(job)) }
}
