/** The page: one view at a time, chosen by the part of the address behind `#`. */
import { h, setText } from './dom.mjs'
import { executorsView } from './executors-view.mjs'
import { plural } from './format.mjs'
import { jobView } from './job-view.mjs'
import { jobsView } from './jobs-view.mjs'
import { getJson, repeatedly } from './requests.mjs'

const view = document.getElementById('view')
const summary = document.getElementById('summary')
let leave = () => undefined
let shown = ''

/** A view gives its element and the function that lets go of it; `route` tells it of another part of itself. */
function show() {
  const [name = 'jobs', ...rest] = decodeURIComponent(location.hash.replace(/^#\/?/, '') || 'jobs').split('/')
  const identity = name === 'job' ? `job/${rest[0]}` : name
  for (const link of document.querySelectorAll('header nav a')) {
    const isCurrent = link.getAttribute('href') === (name === 'executors' ? '#/executors' : '#/jobs')
    if (isCurrent) link.setAttribute('aria-current', 'page')
    else link.removeAttribute('aria-current')
  }
  if (identity === shown && leave.route !== undefined) return leave.route(rest[1])
  leave()
  shown = identity
  const made = name === 'executors' ? executorsView() : name === 'job' ? jobView(rest[0], rest[1]) : jobsView()
  leave = Object.assign(made.leave, { route: made.route })
  view.replaceChildren(made.element)
  window.scrollTo(0, 0)
}

async function refreshSummary() {
  try {
    const { executors, task_slots: slots, running_jobs: running } = await getJson('/api/state')
    setText(summary, `${plural(executors, 'executor')} · ${plural(slots, 'slot')} · ${running} running`)
    summary.classList.remove('lost')
  } catch {
    setText(summary, 'The scheduler does not answer')
    summary.classList.add('lost')
  }
}

/** The system's choice, until one is made here. */
function themeButton() {
  const button = document.getElementById('theme')
  const dark = matchMedia('(prefers-color-scheme: dark)')
  const current = () => localStorage.getItem('theme') ?? (dark.matches ? 'dark' : 'light')
  const apply = () => {
    document.documentElement.dataset.theme = current()
    const other = current() === 'dark' ? 'light' : 'dark'
    button.setAttribute('aria-label', `Use the ${other} theme`)
    button.replaceChildren(h('span', { 'aria-hidden': 'true' }, current() === 'dark' ? '☀' : '☾'))
  }
  button.addEventListener('click', () => {
    localStorage.setItem('theme', current() === 'dark' ? 'light' : 'dark')
    apply()
  })
  dark.addEventListener('change', apply)
  apply()
}

themeButton()
repeatedly(3000, refreshSummary)
addEventListener('hashchange', show)
show()
