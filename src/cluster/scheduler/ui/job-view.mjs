/** One job: its head, and its graph, tasks, plans and settings under it. */
import { h, setAttribute, setText } from './dom.mjs'
import { graphView } from './graph-view.mjs'
import { jobHeader } from './job-header.mjs'
import { isLive, seen } from './jobs-view.mjs'
import { follow, getJson } from './requests.mjs'
import { stagePanel } from './stage-panel.mjs'
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
    element: h('section', { class: 'page job' }, header.element, tabBar(tabs), content),
    route,
    leave: () => {
      stop()
      clearInterval(tick)
    },
  }
}

const tabBar = tabs =>
  h(
    'nav',
    { class: 'tabs', 'aria-label': 'Job' },
    tabs.map(([, link]) => link),
  )

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
