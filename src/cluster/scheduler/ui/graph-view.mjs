/** The dataflow of a job as SVG: stages with their operators, and edges with what passes them. */
import { h, setAttribute, setText, svg } from './dom.mjs'
import { bytes, count, duration, plural } from './format.mjs'
import { BOX_WIDTH, boxHeight, HEADER_HEIGHT, layout, ROW_HEIGHT } from './graph-layout.mjs'
import {
  edgeState,
  EDGE_WORDS,
  flowOrder,
  operatorLabel,
  partitioningLabel,
  rateOf,
  snapshotHistory,
  structureOf,
  waitsFor,
} from './graph-model.mjs'
import { fitted, widthOf } from './text-width.mjs'

const MARGIN = 24
const MIN_SCALE = 0.3
const MAX_SCALE = 2

/** `choose` hears the id of a stage that was clicked. */
export function graphView(choose) {
  const canvas = svg('svg', { class: 'graph', role: 'group', 'aria-label': 'Dataflow of the job' })
  const scroller = h('div', { class: 'graph-scroll', tabindex: '-1' }, canvas)
  const zoom = zoomControl(scroller, canvas)
  const history = snapshotHistory()
  let drawn
  let structure = ''

  function update(job, chosen) {
    const stages = new Map(job.stages.map(stage => [stage.stage_id, stage]))
    if (structureOf(job) !== structure) {
      structure = structureOf(job)
      drawn = draw(job, choose)
      canvas.replaceChildren(...drawn.elements)
      zoom.resize(drawn)
      history.clear()
    }
    const busiest = Math.max(1, ...job.stages.flatMap(stage => stage.operators.map(each => each.elapsed_compute)))
    for (const stage of job.stages) drawn.boxes.get(stage.stage_id).update(stage, { busiest, chosen, job, stages })
    const { edges: before, elapsedMs } = history.before(job)
    for (const edge of job.edges)
      drawn.edges.get(edge.edge)?.update(edge, { stages, before: before.get(edge.edge), elapsedMs })
  }
  return {
    element: h('div', { class: 'graph-frame' }, h('div', { class: 'graph-tools' }, legend(), zoom.element), scroller),
    update,
  }
}

function draw(job, choose) {
  const rows = new Map(job.stages.map(stage => [stage.stage_id, flowOrder(stage.operators).filter(isShown)]))
  const boxes = job.stages.map(({ stage_id: id }) => ({ id, height: boxHeight(rows.get(id).length) }))
  const edges = job.edges.map(({ edge, from_stage: from, to_stage: to }) => ({ edge, from, to }))
  const places = layout(boxes, edges)
  const drawnBoxes = new Map(
    job.stages.map(stage => [
      stage.stage_id,
      stageBox({
        stage,
        rows: rows.get(stage.stage_id),
        edges: job.edges,
        place: places.boxes.get(stage.stage_id),
        choose,
      }),
    ]),
  )
  const drawnEdges = new Map(
    job.edges.flatMap(edge =>
      places.edges.has(edge.edge) ? [[edge.edge, edgeLine(places.edges.get(edge.edge))]] : [],
    ),
  )
  return {
    width: places.width + 2 * MARGIN,
    height: places.height + 2 * MARGIN,
    boxes: drawnBoxes,
    edges: drawnEdges,
    elements: [
      svg(
        'g',
        { transform: `translate(${MARGIN} ${MARGIN})` },
        [...drawnEdges.values()].map(({ line }) => line),
        [...drawnBoxes.values()].map(({ element }) => element),
        [...drawnEdges.values()].map(({ label }) => label),
      ),
    ],
  }
}

/** The sink of a stage is drawn as its edges; merging small batches is nothing to look at. */
const isShown = ({ operator }) => operator.kind !== 'ExchangeSinkExec' && operator.kind !== 'CoalesceExec'

function stageBox({ stage, rows, edges, place, choose }) {
  const { stage_id: id } = stage
  const facts = svg('text', { class: 'facts', x: BOX_WIDTH - 12, y: 20, 'text-anchor': 'end' })
  const note = svg('text', { class: 'note', x: 12, y: 37 })
  const done = svg('rect', { class: 'done', x: 0, y: HEADER_HEIGHT - 3, width: 0, height: 2 })
  const lines = rows.map((row, index) => operatorRow(row, { y: HEADER_HEIGHT + index * ROW_HEIGHT, edges }))
  const element = svg(
    'g',
    { class: 'stage', transform: `translate(${place.x} ${place.y})`, ...pressed(() => choose(id)) },
    svg('rect', { class: 'box', width: BOX_WIDTH, height: place.height, rx: 8 }),
    svg('circle', { class: 'dot', cx: 16, cy: 16, r: 4 }),
    svg('text', { class: 'title', x: 27, y: 20 }, `Stage ${id}`),
    svg('rect', { class: 'track', x: 0, y: HEADER_HEIGHT - 3, width: BOX_WIDTH, height: 2 }),
    facts,
    note,
    done,
    lines.map(line => line.element),
  )
  return {
    element,
    update(now, { busiest, chosen, job, stages }) {
      const { progress, rest } = stageNote(now, { job, stages })
      setAttribute(element, 'data-status', now.stage_status)
      setAttribute(element, 'aria-pressed', chosen === id)
      setAttribute(element, 'aria-label', `Stage ${id}, ${now.stage_status}, ${progress}, ${rest}`)
      setText(facts, now.launch_time === null ? '' : duration(now.elapsed_ms))
      setText(note, fitted(`${progress} · ${rest}`, BOX_WIDTH - 24, '11px'))
      setAttribute(done, 'width', now.num_tasks === 0 ? 0 : (BOX_WIDTH * now.completed_tasks) / now.num_tasks)
      const byPath = new Map(now.operators.map(operator => [operator.path, operator]))
      lines.forEach((line, index) => line.update(byPath.get(rows[index].operator.path), busiest))
    },
  }
}

/** What makes a part of a drawing a button. */
const pressed = action => ({
  tabindex: '0',
  role: 'button',
  onclick: action,
  onkeydown: event => {
    if (event.key !== 'Enter' && event.key !== ' ') return
    event.preventDefault()
    action()
  },
})

/** `2 of 4 tasks`, and whom it waits for, or what it gives. */
function stageNote(stage, { job, stages }) {
  const progress = `${stage.completed_tasks} of ${plural(stage.num_tasks, 'task')}`
  const waits = waitsFor(stage, job.edges, stages).map(id => `stage ${id}`)
  if (waits.length > 0) return { progress, rest: `waits for ${waits.join(', ')}` }
  const isLast = !job.edges.some(edge => edge.from_stage === stage.stage_id)
  return { progress, rest: `${count(stage.output_rows)} rows ${isLast ? 'to the client' : 'out'}` }
}

const INDENT = 14

function operatorRow({ operator, depth }, { y, edges }) {
  const { name, note } = operatorLabel(operator, edges)
  const left = 12 + depth * INDENT
  const room = BOX_WIDTH - left - widthOf(name, '11.5px') - 64
  const heat = svg('rect', { class: 'heat', x: 1, y: y + 1, width: 0, height: ROW_HEIGHT - 2 })
  const rows = svg('text', { class: 'rows', x: BOX_WIDTH - 12, y: y + 15, 'text-anchor': 'end' })
  const tip = svg('title')
  return {
    element: svg(
      'g',
      { class: 'operator' },
      heat,
      depth > 0 && svg('path', { class: 'branch', d: `M${left - 8} ${y} v${ROW_HEIGHT}` }),
      svg(
        'text',
        { x: left, y: y + 15 },
        svg('tspan', { class: 'name' }, name),
        svg('tspan', { class: 'detail', dx: 6 }, fitted(note, room, '11px')),
      ),
      rows,
      tip,
    ),
    update(now, busiest) {
      setText(rows, now.output_rows === 0 ? '' : count(now.output_rows))
      setAttribute(heat, 'width', Math.round((BOX_WIDTH - 2) * (now.elapsed_compute / busiest)))
      setText(
        tip,
        `${now.kind}${now.details === '' ? '' : `: ${now.details}`}\n${count(now.output_rows)} rows, ${bytes(now.output_bytes)}\n${duration(now.elapsed_compute)} computing, ${duration(now.blocked_time)} waiting`,
      )
    },
  }
}

function edgeLine(points) {
  const d = curve(points)
  const base = svg('path', { class: 'wire', d })
  const stream = svg('path', { class: 'stream', d })
  const end = points.at(-1)
  const head = svg('path', {
    class: 'head',
    d: `M${end.x - 4} ${end.y - 7} L${end.x} ${end.y - 1} L${end.x + 4} ${end.y - 7}`,
  })
  const line = svg('g', { class: 'edge' }, base, stream, head)
  const amount = svg('text', { class: 'amount', 'text-anchor': 'middle' })
  const kind = svg('text', { class: 'kind', 'text-anchor': 'middle', y: 13 })
  const [start, next] = points
  const at = points.length === 2 ? 0.42 : 0.5
  const middle = { x: start.x + (next.x - start.x) * at, y: start.y + (next.y - start.y) * at }
  const label = svg('g', { class: 'edge-label', transform: `translate(${middle.x} ${middle.y})` }, amount, kind)
  return {
    line,
    label,
    update(edge, context) {
      const state = edgeState(edge, context)
      const words = EDGE_WORDS[state]
      setAttribute(line, 'data-state', state)
      setAttribute(label, 'data-state', state)
      setAttribute(base, 'stroke-width', wireWidth(edge.bytes_sent))
      setText(amount, edge.rows_sent === 0 ? words : `${count(edge.rows_sent)} rows · ${bytes(edge.bytes_sent)}`)
      const rate = state === 'flowing' ? rateOf(edge, context.before, context.elapsedMs) : 0
      const how = rate > 0 ? `${count(Math.round(rate))} rows/s` : words
      setText(kind, edge.rows_sent === 0 || how === '' ? fitted(partitioningLabel(edge), 190, '10.5px') : how)
    },
  }
}

/** Each power of ten of bytes from 1 KB on is a little more. */
const wireWidth = byteLength =>
  Math.min(5, 1.25 + Math.max(0, Math.log10(Math.max(1, byteLength)) - 3) * 0.55).toFixed(2)

/** Leaves and arrives vertically. */
function curve([first, ...rest]) {
  let from = first
  let d = `M${first.x} ${first.y}`
  for (const to of rest) {
    const bend = (to.y - from.y) / 2
    d += from.x === to.x ? ` L${to.x} ${to.y}` : ` C${from.x} ${from.y + bend} ${to.x} ${to.y - bend} ${to.x} ${to.y}`
    from = to
  }
  return d
}

function zoomControl(scroller, canvas) {
  let size = { width: 1, height: 1 }
  let scale = 1
  const apply = next => {
    scale = Math.max(MIN_SCALE, Math.min(MAX_SCALE, next))
    canvas.setAttribute('width', size.width * scale)
    canvas.setAttribute('height', size.height * scale)
  }
  const fit = () => apply(Math.min(1, scroller.clientWidth / size.width))
  const button = (text, label, action) =>
    h('button', { type: 'button', class: 'quiet', 'aria-label': label, title: label, onclick: action }, text)
  dragToScroll(scroller)
  return {
    element: h(
      'div',
      { class: 'zoom' },
      button('−', 'Zoom out', () => apply(scale / 1.25)),
      button('Fit', 'Fit to the width', fit),
      button('+', 'Zoom in', () => apply(scale * 1.25)),
    ),
    resize({ width, height }) {
      size = { width, height }
      canvas.setAttribute('viewBox', `0 0 ${width} ${height}`)
      // The first drawing may come before the view is in the page.
      requestAnimationFrame(fit)
      apply(scale)
    },
  }
}

function dragToScroll(scroller) {
  let from
  scroller.addEventListener('pointerdown', event => {
    if (event.button === 0 && event.target.closest('.stage') === null)
      from = { x: event.clientX + scroller.scrollLeft, y: event.clientY + scroller.scrollTop }
  })
  scroller.addEventListener('pointermove', event => {
    if (from !== undefined) scroller.scrollTo(from.x - event.clientX, from.y - event.clientY)
  })
  for (const kind of ['pointerup', 'pointerleave', 'pointercancel'])
    scroller.addEventListener(kind, () => (from = undefined))
}

const legend = () =>
  h(
    'ul',
    { class: 'legend', 'aria-label': 'Edges' },
    [
      ['flowing', 'rows flow'],
      ['starved', 'the reader waits for rows'],
      ['held', 'rows wait for the reader'],
      ['done', 'done'],
    ].map(([state, text]) =>
      h(
        'li',
        {},
        svg(
          'svg',
          { width: 26, height: 8, 'aria-hidden': 'true' },
          svg(
            'g',
            { class: 'edge', 'data-state': state },
            svg('path', { class: 'wire', d: 'M0 4 H26', 'stroke-width': 2 }),
            svg('path', { class: 'stream', d: 'M0 4 H26' }),
          ),
        ),
        text,
      ),
    ),
    h('li', {}, h('span', { class: 'heat-sample' }), 'share of the computing time'),
  )
