/** The page's files as they are served, and the parts of it that need no browser: layout, states of edges, numbers. */
import { readdirSync, readFileSync } from 'node:fs'
import test from 'ava'
import { startStandalone } from '../../src/cluster/standalone.js'
import { seededRng } from '../../src/common/clock.js'
import { planForCluster } from '../../src/session/plan-for-cluster.js'

const UI = new URL('../../src/cluster/scheduler/ui/', import.meta.url)

interface Point {
  readonly x: number
  readonly y: number
}

interface Box extends Point {
  readonly width: number
  readonly height: number
}

interface Stage {
  readonly stage_id: number
  readonly stage_status: string
  readonly num_tasks: number
}

interface Edge {
  readonly edge: number
  readonly from_stage: number
  readonly to_stage: number
  readonly partitioning: string
  readonly rows_sent: number
  readonly rows_received: number
}

interface Layout {
  layout(
    boxes: readonly { id: number; height: number }[],
    edges: readonly { edge: number; from: number; to: number }[],
  ): { width: number; height: number; boxes: Map<number, Box>; edges: Map<number, Point[]> }
}

interface Model {
  flowOrder(operators: readonly { path: string }[]): { operator: { path: string }; depth: number }[]
  edgeState(edge: Edge, context: { stages: Map<number, Stage>; before?: Edge }): string
  operatorLabel(operator: { kind: string; details: string }, edges: readonly Edge[]): { name: string; note: string }
  snapshotHistory(): { before(job: object): { edges: Map<number, Edge>; elapsedMs: number } }
}

interface Format {
  count(value: number): string
  bytes(value: number): string
  duration(ms: number): string
}

const load = async <T>(file: string): Promise<T> => (await import(new URL(file, UI).href)) as T

test('everything that the page loads is served, under a policy that allows nothing else', async t => {
  const cluster = await startStandalone({ executors: 0, slots: 1, planner: planForCluster, logLevel: 'silent' })
  const page = await fetch(`http://${cluster.address}/`)
  t.is(page.headers.get('content-type'), 'text/html; charset=utf-8')
  t.regex(
    page.headers.get('content-security-policy') ?? '',
    /^default-src 'none'; script-src 'self'; style-src 'self';/,
  )
  const html = await page.text()
  const references = [...html.matchAll(/(?:src|href)="(\/ui\/[^"]+)"/g)].map(([, path]) => path)
  t.true(references.length > 4)
  const seen = new Set<string>()
  for (const path of references) seen.add(path)
  for (const path of seen) {
    const file = await fetch(`http://${cluster.address}${path}`)
    t.is(file.status, 200, path)
    const type = { mjs: 'text/javascript', css: 'text/css', svg: 'image/svg+xml' }[path.split('.')[1]]
    t.true(file.headers.get('content-type')?.startsWith(String(type)), path)
    for (const [, name] of (await file.text()).matchAll(/from '\.\/([a-z-]+\.mjs)'/g)) seen.add(`/ui/${name}`)
  }
  const files = readdirSync(UI).filter(name => name !== 'index.html')
  t.deepEqual([...seen].map(path => path.slice('/ui/'.length)).sort(), files.sort(), 'no file is superfluous')
  await cluster.close()
})

test('no text becomes markup or code, and nothing is fetched from elsewhere', t => {
  const forbidden =
    /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|DOMParser|srcdoc|https?:\/\/(?!www\.w3\.org\/2000\/svg)/
  for (const file of readdirSync(UI)) {
    const text = readFileSync(new URL(file, UI), 'utf8')
    t.is(forbidden.exec(text)?.[0], undefined, file)
  }
})

test('graphs of up to 30 stages: boxes do not overlap, edges lead downwards between their boxes', async t => {
  const { layout } = await load<Layout>('graph-layout.mjs')
  for (let seed = 1; seed <= 200; seed++) {
    const rng = seededRng(seed)
    const below = (limit: number): number => Math.floor(rng.next() * limit)
    const total = 1 + below(30)
    const boxes = Array.from({ length: total }, (_, id) => ({ id, height: 50 + below(300) }))
    // Every stage but the last feeds one or two later ones.
    const edges = boxes
      .slice(0, -1)
      .flatMap(({ id }) =>
        Array.from({ length: 1 + below(2) }, () => ({ from: id, to: id + 1 + below(total - id - 1) })),
      )
      .map((edge, number) => ({ ...edge, edge: number }))
    const placed = layout(boxes, edges)
    const places = [...placed.boxes.values()]
    t.is(places.length, total, `seed ${seed}`)
    t.true(
      places.every(box => box.x >= 0 && box.y >= 0 && box.x + box.width <= placed.width + 0.01),
      `seed ${seed}`,
    )
    const overlaps = places.some((one, index) => places.slice(index + 1).some(other => overlap(one, other)))
    t.false(overlaps, `seed ${seed}`)
    for (const { edge, from, to } of edges) {
      const points = placed.edges.get(edge) ?? []
      t.true(
        points.length >= 2 && points.every(({ y }, index) => index === 0 || y >= points[index - 1].y),
        `seed ${seed}`,
      )
      const [producer, consumer] = [placed.boxes.get(from), placed.boxes.get(to)] as [Box, Box]
      t.true(isAt(points[0], producer, producer.y + producer.height), `seed ${seed}`)
      t.true(isAt(points[points.length - 1], consumer, consumer.y), `seed ${seed}`)
    }
  }
})

const overlap = (one: Box, other: Box): boolean =>
  one.x < other.x + other.width &&
  other.x < one.x + one.width &&
  one.y < other.y + other.height &&
  other.y < one.y + one.height

const isAt = (point: Point, box: Box, y: number): boolean =>
  Math.abs(point.y - y) < 0.01 && point.x >= box.x && point.x <= box.x + box.width

test('operators stand in the order in which rows pass them, build sides first', async t => {
  const { flowOrder } = await load<Model>('graph-model.mjs')
  const paths = ['0', '0.0', '0.0.0', '0.0.0.0', '0.0.1', '0.0.1.0']
  t.deepEqual(
    flowOrder(paths.map(path => ({ path }))).map(({ operator: { path }, depth }) => [path, depth]),
    [
      ['0.0.0.0', 1],
      ['0.0.0', 1],
      ['0.0.1.0', 0],
      ['0.0.1', 0],
      ['0.0', 0],
      ['0', 0],
    ],
  )
})

test('what an edge waits for', async t => {
  const { edgeState } = await load<Model>('graph-model.mjs')
  const stateOf = (
    [producer, consumer]: readonly [string, string],
    rows: { sent: number; received: number; partitioning?: string },
    before?: { sent: number; received: number },
  ): string => {
    const stages = new Map([
      [0, { stage_id: 0, stage_status: producer, num_tasks: 2 }],
      [1, { stage_id: 1, stage_status: consumer, num_tasks: 2 }],
    ])
    const edge = ({ sent, received }: { sent: number; received: number }): Edge => ({
      edge: 0,
      from_stage: 0,
      to_stage: 1,
      partitioning: rows.partitioning ?? 'hash(a@0) into 2',
      rows_sent: sent,
      rows_received: received,
    })
    return edgeState(edge(rows), { stages, ...(before === undefined ? {} : { before: edge(before) }) })
  }
  const both = ['Running', 'Running'] as const
  t.is(stateOf(['Waiting', 'Waiting'], { sent: 0, received: 0 }), 'idle')
  t.is(stateOf(both, { sent: 0, received: 0 }), 'starved')
  t.is(stateOf(both, { sent: 9, received: 5 }, { sent: 5, received: 5 }), 'flowing')
  t.is(stateOf(both, { sent: 9, received: 5 }, { sent: 9, received: 5 }), 'held')
  t.is(stateOf(both, { sent: 9, received: 9 }, { sent: 9, received: 9 }), 'starved')
  t.is(stateOf(['Successful', 'Running'], { sent: 9, received: 9 }, { sent: 9, received: 9 }), 'done')
  t.is(stateOf(['Successful', 'Running'], { sent: 9, received: 9, partitioning: 'broadcast to 2' }), 'held')
  t.is(stateOf(['Successful', 'Running'], { sent: 9, received: 18, partitioning: 'broadcast to 2' }), 'done')
  t.is(stateOf(['Successful', 'Waiting'], { sent: 9, received: 0 }, { sent: 9, received: 0 }), 'stored')
  t.is(stateOf(['Running', 'Successful'], { sent: 9, received: 5 }), 'done')
  t.is(stateOf(['Cancelled', 'Cancelled'], { sent: 9, received: 5 }), 'done')
})

test('flow is what has moved in the last second', async t => {
  const { snapshotHistory } = await load<Model>('graph-model.mjs')
  const history = snapshotHistory()
  const at = (elapsed: number): { elapsed_ms: number; edges: { edge: number; at: number }[] } => ({
    elapsed_ms: elapsed,
    edges: [{ edge: 7, at: elapsed }],
  })
  t.is(history.before(at(0)).edges.size, 0)
  const seen = [300, 600, 1000, 1300, 1600, 2600].map(elapsed => {
    const { edges, elapsedMs } = history.before(at(elapsed))
    return [(edges.get(7) as unknown as { at: number }).at, elapsedMs]
  })
  t.deepEqual(seen, [[0, 300], [0, 600], [0, 1000], [300, 1000], [600, 1000], [1600, 1000]]) // oxfmt-ignore
})

test('operators are called by what they do', async t => {
  const { operatorLabel } = await load<Model>('graph-model.mjs')
  const edge = { edge: 3, from_stage: 2, to_stage: 4, partitioning: '', rows_sent: 0, rows_received: 0 }
  const label = (kind: string, details: string): string =>
    Object.values(operatorLabel({ kind, details }, [edge])).join('|')
  t.is(label('ExchangeSourceExec', 'edge=3, partitions=2'), 'Read|stage 2')
  t.is(label('DataSourceExec', 'file_type=parquet, files=1, partitions=2, projection=[a, b]'), 'Scan|parquet · a, b')
  t.is(label('AggregateExec', 'mode=Partial, gby=[a@0 as a], aggr=[sum(b)]'), 'Aggregate|partial · a as a')
  t.is(label('HashJoinExec', 'join_type=Inner, on=[(a@0, b@1)]'), 'HashJoin|inner · (a, b)')
  t.is(label('ExchangeSinkExec', 'edge=2, partitioning=hash(a@0) into 2'), 'Send|hash(a) into 2')
  t.is(label('LimitExec', 'skip=0, fetch=10'), 'Limit|skip=0, fetch=10')
})

test('numbers as people read them', async t => {
  const { bytes, count, duration } = await load<Format>('format.mjs')
  t.deepEqual([0, 999, 1000, 12_345, 999_499, 1_234_567, 5e9].map(count), [
    '0', '999', '1.00K', '12.3K', '999K', '1.23M', '5.00B',
  ]) // oxfmt-ignore
  t.deepEqual([0, 999, 1000, 1536, 20 * 1024 ** 2, 3 * 1024 ** 4].map(bytes), [
    '0 B', '999 B', '0.98 KB', '1.50 KB', '20.0 MB', '3.00 TB',
  ]) // oxfmt-ignore
  t.deepEqual([0.4, 999, 1240, 59_949, 59_951, 125_000, 3_600_000, 90_000_000].map(duration), [
    '0 ms', '999 ms', '1.24 s', '59.9 s', '1 m 00 s', '2 m 05 s', '1 h 00 m', '1 d 1 h',
  ]) // oxfmt-ignore
})
