/** One job: what it is and how it stands, its graph, tasks, plans and settings, and the button that cancels it. */
import { h, setAttribute, setShare, setText } from './dom.mjs'
import { bytes, clockTime, count, duration } from './format.mjs'
import { graphView } from './graph-view.mjs'
import { durationOf, isLive, seen } from './jobs-view.mjs'
import { cancelJob, follow, getJson } from './requests.mjs'
import { factList, stagePanel } from './stage-panel.mjs'
import { tasksView } from './tasks-view.mjs'

const TABS = { graph: 'Graph', tasks: 'Tasks', plans: 'Plans', settings: 'Settings' }

export function jobView(id, tab = 'graph') {
  const path = `/api/job/${encodeURIComponent(id)}`
  const header = jobHeader(id)
  const content = h('div', { class: 'content' })
  const tabs = Object.entries(TABS).map(([name, title]) => [
    name,
    h('a', { href: `#/job/${encodeURIComponent(id)}/${name}` }, title),
  ])
  const graph = graphTab()
  const tasks = tasksView()
  let shown
  let job

  const refresh = {
    tasks: () => getJson(`${path}/stages`).then(tasks.update),
    graph: () => job !== undefined && graph.update(job),
  }
  function route(name = 'graph') {
    shown = name in TABS ? name : 'graph'
    for (const [key, link] of tabs) setAttribute(link, 'aria-current', key === shown ? 'page' : 'false')
    if (shown === 'plans') void plansTab(path).then(element => shown === 'plans' && content.replaceChildren(element))
    else if (shown === 'settings')
      void settingsTab(path).then(element => shown === 'settings' && content.replaceChildren(element))
    else content.replaceChildren(shown === 'tasks' ? tasks.element : graph.element)
    void refresh[shown]?.()
  }

  const stop = follow(`${path}/events`, {
    on: {
      job: snapshot => {
        job = seen(snapshot)
        header.update(job)
        graph.update(job)
        if (shown === 'tasks') void refresh.tasks()
        // The stream has ended; dialling again would only repeat its last word.
        if (!isLive(job)) stop()
      },
    },
    trouble: text => header.trouble(job === undefined || isLive(job) ? text : ''),
  })
  void getJson(path).then(header.detail, error => content.replaceChildren(h('p', { class: 'empty' }, error.message)))
  const tick = setInterval(() => job !== undefined && isLive(job) && header.update(job), 500)
  route(tab)
  return {
    element: h(
      'section',
      { class: 'page job' },
      header.element,
      h(
        'nav',
        { class: 'tabs', 'aria-label': 'Job' },
        tabs.map(([, link]) => link),
      ),
      content,
    ),
    route,
    leave: () => {
      stop()
      clearInterval(tick)
    },
  }
}

function jobHeader(id) {
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
      const sent = job.edges.reduce((sum, edge) => sum + edge.bytes_sent, 0)
      facts.replaceChildren(
        factList([
          ['Duration', duration(durationOf(job))],
          ['Stages', `${job.completed_stages} of ${job.num_stages}`],
          ['Tasks', `${job.completed_tasks} of ${job.num_tasks}`],
          ['Scanned', `${count(job.scanned_rows)} rows`],
          ['Exchanged', bytes(sent)],
          ['Submitted', clockTime(job.submitted_time)],
          ...(job.attempt > 1 ? [['Attempt', String(job.attempt)]] : []),
        ]),
      )
      cancel.update(job)
      // While another attempt runs, the error is that of the last failed one.
      const last = job.error === null || isLive(job) ? [] : [[job.status, job.error]]
      const troubles = [...job.failures.map(({ attempt, error }) => [`Attempt ${attempt}`, error]), ...last]
      errors.hidden = troubles.length === 0
      setAttribute(errors, 'data-status', job.status)
      if (troubles.length !== errors.children.length) errors.replaceChildren(...troubles.map(troubleText))
    },
  }
}

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

function graphTab() {
  let job
  let chosen
  const holder = h('div', { class: 'panel-holder' })
  const graph = graphView(id => choose(chosen === id ? undefined : id))
  const element = h(
    'div',
    { class: 'graph-tab', onkeydown: event => event.key === 'Escape' && choose(undefined) },
    graph.element,
    holder,
  )
  const empty = h('p', { class: 'empty' }, 'No stages yet.')
  graph.element.append(empty)
  function choose(id) {
    chosen = id
    update(job)
  }
  function update(next) {
    job = next
    empty.hidden = job.stages.length > 0
    setText(empty, isLive(job) ? 'The query is being planned.' : 'This job ran no stages.')
    if (job.stages.length > 0) graph.update(job, chosen)
    const panel = chosen === undefined ? undefined : stagePanel(job, chosen, () => choose(undefined))
    holder.replaceChildren(...(panel === undefined ? [] : [panel]))
  }
  return { element, update }
}

async function plansTab(path) {
  const job = await getJson(`${path}?plan_format=metrics`)
  const plans = [
    ['Stages', job.stage_plan],
    ['Physical plan', job.physical_plan],
    ['Logical plan', job.logical_plan],
  ]
  return h(
    'div',
    { class: 'plans' },
    plans.map(([name, text]) =>
      h('section', {}, h('h2', {}, name), h('pre', { tabindex: '0' }, text || 'There is none.')),
    ),
  )
}

async function settingsTab(path) {
  const settings = Object.entries(await getJson(`${path}/config`)).sort(([left], [right]) => (left < right ? -1 : 1))
  if (settings.length === 0) return h('p', { class: 'empty' }, 'All settings have their defaults.')
  return h(
    'table',
    { class: 'dense settings' },
    h(
      'tbody',
      {},
      settings.map(([key, value]) =>
        h('tr', {}, h('th', { scope: 'row', class: 'sql' }, key), h('td', { class: 'sql' }, value)),
      ),
    ),
  )
}
