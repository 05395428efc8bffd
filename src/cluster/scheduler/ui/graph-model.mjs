/** What a job's graph says, from the snapshots of its event stream. Pure. */

/** Operators of a stage in the order in which rows pass them; `depth` counts the joins whose build side one is on. */
export function flowOrder(operators) {
  const children = new Map(operators.map(({ path }) => [path, []]))
  for (const operator of operators) children.get(parentOf(operator.path))?.push(operator)
  const visit = (operator, depth) => {
    const inputs = children.get(operator.path)
    const last = inputs.length - 1
    return [...inputs.flatMap((input, index) => visit(input, index < last ? depth + 1 : depth)), { operator, depth }]
  }
  return operators.filter(({ path }) => !children.has(parentOf(path))).flatMap(root => visit(root, 0))
}

const parentOf = path => path.slice(0, Math.max(0, path.lastIndexOf('.')))

/** `HashJoinExec` with `join_type=Inner, on=[…]`: `HashJoin` and what tells it from others of its kind. */
export function operatorLabel({ kind, details }, edges) {
  const name = kind.replace(/Exec$/, '')
  const value = key => new RegExp(`(?:^|, )${key}=([^,\\[]+|\\[[^\\]]*\\])`).exec(details)?.[1]?.replace(/^\[|\]$/g, '')
  switch (name) {
    case 'ExchangeSource': {
      const edge = edges.find(({ edge: number }) => details.startsWith(`edge=${number},`))
      return { name: 'Read', note: edge === undefined ? details : `stage ${edge.from_stage}` }
    }
    case 'DataSource':
      return { name: 'Scan', note: [value('file_type'), value('projection')].filter(Boolean).join(' · ') || details }
    case 'Aggregate':
      return { name, note: [value('mode')?.toLowerCase(), unqualified(value('gby') ?? '')].filter(Boolean).join(' · ') }
    case 'HashJoin':
      return {
        name,
        note: [value('join_type')?.toLowerCase(), unqualified(value('on') ?? '')].filter(Boolean).join(' · '),
      }
    case 'ExchangeSink':
      return { name: 'Send', note: unqualified(details.replace(/\bedge=\d+, partitioning=/g, '')) }
    case 'Projection':
      return { name, note: unqualified(value('expr') ?? details) }
    default:
      return { name, note: unqualified(details) }
  }
}

/** Without the positions of columns. */
const unqualified = text => text.replace(/@\d+/g, '')

export const partitioningLabel = ({ partitioning, storage }) =>
  `${unqualified(partitioning).replace(' into ', ' ×').replace('broadcast to ', 'broadcast ×')}${storage === 'materialized' ? ', stored' : ''}`

/**
 * How an edge stands, by what has changed since the snapshot before:
 * `idle`: neither end has started; `flowing`; `starved`: the consumer waits for the producer; `held`: the producer waits for the
 * consumer; `stored`: rows wait for a consumer that has not started; `done`.
 */
export function edgeState(edge, { stages, before }) {
  const producer = stages.get(edge.from_stage)
  const consumer = stages.get(edge.to_stage)
  if (hasEnded(consumer)) return 'done'
  if (producer.stage_status === 'Waiting') return consumer.stage_status === 'Waiting' ? 'idle' : 'starved'
  if (before !== undefined && moved(before, edge)) return 'flowing'
  if (consumer.stage_status === 'Waiting') return hasEnded(producer) ? 'stored' : 'flowing'
  if (edge.rows_received < wholeOf(edge, consumer)) return 'held'
  return hasEnded(producer) ? 'done' : 'starved'
}

/** Each task of the consumer gets all rows of a broadcast. */
const wholeOf = ({ rows_sent: rows, partitioning }, consumer) =>
  partitioning.startsWith('broadcast') ? rows * consumer.num_tasks : rows

/** Rows a second since the snapshot before. */
export function rateOf(edge, before, elapsedMs) {
  if (before === undefined || elapsedMs <= 0) return 0
  return (1000 * Math.max(edge.rows_sent - before.rows_sent, edge.rows_received - before.rows_received, 0)) / elapsedMs
}

const hasEnded = ({ stage_status: status }) => status !== 'Waiting' && status !== 'Running'

const moved = (before, edge) => edge.rows_sent > before.rows_sent || edge.rows_received > before.rows_received

export const EDGE_WORDS = {
  idle: 'not started',
  flowing: '',
  starved: 'reader waits',
  held: 'waits for its reader',
  stored: 'stored',
  done: '',
}

/** Stages that a stage which has not started waits for. */
export function waitsFor(stage, edges, stages) {
  if (stage.stage_status !== 'Waiting') return []
  const producers = edges.filter(edge => edge.to_stage === stage.stage_id).map(edge => edge.from_stage)
  return producers.filter(id => !hasEnded(stages.get(id)))
}

/** What must be drawn anew when it changes; all else only changes texts and colours. */
export const structureOf = ({ attempt, stages, edges }) =>
  JSON.stringify([
    attempt,
    stages.map(({ stage_id: id, operators }) => [id, operators.length]),
    edges.map(edge => edge.edge),
  ])

/** Executors report twice a second, each at its own moment: over less than this, edges would seem to stand still in between. */
const FLOW_WINDOW_MS = 900

/** Snapshots of the last second, to compare the newest one with. */
export function snapshotHistory() {
  let snapshots = []
  return {
    clear: () => (snapshots = []),
    /** The edges, by number, as they were at least FLOW_WINDOW_MS before `job`, or as long ago as is known; and how long that is. */
    before(job) {
      if (snapshots.at(-1) !== job) snapshots.push(job)
      const isOld = snapshot => job.elapsed_ms - snapshot.elapsed_ms >= FLOW_WINDOW_MS
      while (snapshots.length > 2 && isOld(snapshots[1])) snapshots.shift()
      const [oldest] = snapshots
      const edges = oldest === job ? new Map() : new Map(oldest.edges.map(edge => [edge.edge, edge]))
      return { edges, elapsedMs: job.elapsed_ms - oldest.elapsed_ms }
    },
  }
}
