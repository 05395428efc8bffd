/** The executors and what each has in use, asked every two seconds. */
import { h, keyedRows, setAttribute, setShare, setText } from './dom.mjs'
import { bytes, duration } from './format.mjs'
import { getJson, repeatedly } from './requests.mjs'

const COLUMNS = [
  ['Status'], ['Executor'], ['Version'], ['Slots in use'], ['CPU', true], ['Arena', true], ['Reserved', true],
  ['Queued', true], ['Read', true], ['Sent', true], ['Peak memory', true], ['Last seen', true],
] // oxfmt-ignore

export function executorsView() {
  const body = h('tbody')
  const setRows = keyedRows(body, { key: executor => executor.id, make: executorRow })
  const facts = h('p', { class: 'facts' })
  const empty = h('p', { class: 'empty', hidden: true }, 'No executor is registered. Start one: ballista executor')
  const stop = repeatedly(2000, async () => {
    try {
      const [executors, state] = await Promise.all([getJson('/api/executors'), getJson('/api/state')])
      setRows(executors)
      empty.hidden = executors.length > 0
      setText(
        facts,
        `Scheduler ${state.version}, up for ${duration(state.uptime_ms)}, ${bytes(state.peak_rss_bytes)} peak memory`,
      )
    } catch (error) {
      setText(facts, error.message)
    }
  })
  const headers = COLUMNS.map(([name, isNumber]) => h('th', { scope: 'col', class: isNumber ? 'number' : '' }, name))
  return {
    element: h(
      'section',
      { class: 'page' },
      h('div', { class: 'tools' }, h('h1', {}, 'Executors'), facts),
      h('table', {}, h('thead', {}, h('tr', {}, headers)), body),
      empty,
    ),
    leave: stop,
  }
}

function executorRow({ id }) {
  const status = h('span', { class: 'status' })
  const address = h('span', { class: 'sql' })
  const version = h('td')
  const slots = h('span', { class: 'slots', role: 'img' })
  const inUse = h('span', { class: 'muted' })
  const cells = Array.from({ length: 8 }, () => h('td', { class: 'number' }))
  let before
  return {
    element: h(
      'tr',
      {},
      h('td', {}, status),
      h('td', {}, address, h('span', { class: 'id' }, id)),
      version,
      h('td', { class: 'in-use' }, slots, inUse),
      cells,
    ),
    update(executor) {
      const figures = Object.fromEntries(executor.metrics.map(({ type, value }) => [type, value]))
      const total = executor.specification.vcores
      setText(status, executor.status === 'active' ? 'Active' : 'Draining')
      setAttribute(status, 'data-status', executor.status === 'active' ? 'Completed' : 'Queued')
      setText(address, `${executor.host}:${executor.port}`)
      setText(version, executor.version)
      setText(inUse, `${executor.running_tasks} tasks on ${total}`)
      setShare(slots, executor.running_tasks / total)
      setAttribute(slots, 'aria-label', `${executor.running_tasks} tasks on ${total} slots`)
      const texts = [
        cpuText(before, executor, figures), bytes(figures.arena_bytes ?? 0), bytes(figures.reserved_bytes ?? 0),
        bytes(figures.queued_bytes ?? 0), bytes(figures.bytes_read ?? 0), bytes(figures.bytes_sent ?? 0),
        bytes(figures.peak_rss_bytes ?? 0), `${duration(Math.max(0, Date.now() - executor.last_seen))} ago`,
      ] // oxfmt-ignore
      cells.forEach((cell, index) => setText(cell, texts[index]))
      if (figures.cpu_ms !== undefined && figures.cpu_ms !== before?.cpuMs)
        before = { cpuMs: figures.cpu_ms, seen: executor.metrics_time, text: texts[0] }
    },
  }
}

/** Cores in use between two heartbeats. */
function cpuText(before, executor, { cpu_ms: cpuMs }) {
  if (cpuMs === undefined || before === undefined) return '–'
  if (cpuMs === before.cpuMs) return before.text
  const elapsed = executor.metrics_time - before.seen
  return elapsed <= 0 ? before.text : `${Math.round((100 * (cpuMs - before.cpuMs)) / elapsed)} %`
}
