/** A thousand jobs and a plan of thirty stages, which the test makes up and the page must draw in no time. */
import assert from 'node:assert/strict'

const JOBS = 1_000
const STAGES = 30
/** On a busy machine of two cores; a quiet one takes a tenth. */
const DRAW_LIMIT_MS = 3_000
const FILTER_LIMIT_MS = 1_000

export async function checkLargePages(site) {
  const jobs = Array.from({ length: JOBS }, (_, index) => madeUpJob(index))
  const listed = await site.open('#/jobs', { before: page => answerEvents(page, '/api/events', 'jobs', jobs) })
  await listed.locator('tbody tr').nth(150).waitFor()
  const drawnMs = await sinceNavigation(listed)
  assert.ok(drawnMs < DRAW_LIMIT_MS, `${JOBS} jobs took ${drawnMs} ms`)
  const started = Date.now()
  await listed.locator('input[type=search]').fill('table_99 ')
  await listed.waitForFunction(() => document.querySelectorAll('tbody tr').length < 20)
  const filteredMs = Date.now() - started
  assert.ok(filteredMs < FILTER_LIMIT_MS, `filtering took ${filteredMs} ms`)
  await listed.locator('input[type=search]').fill('')
  await site.picture(listed, 'jobs-1000', 'tbody tr:nth-child(150)')
  const job = { ...madeUpJob(0), ...madeUpGraph() }
  const graph = await site.open('#/job/job-0', {
    height: 1500,
    before: async page => {
      await answerEvents(page, '/api/job/job-0/events', 'job', job)
      await page.route('**/api/job/job-0', route => route.fulfill({ json: { ...job, sql: job.query, failures: [] } }))
    },
  })
  await graph
    .locator('.stage')
    .nth(STAGES - 1)
    .waitFor()
  const graphMs = await sinceNavigation(graph)
  assert.ok(graphMs < DRAW_LIMIT_MS, `${STAGES} stages took ${graphMs} ms`)
  await site.picture(graph, 'graph-30')
  console.log(
    `${JOBS} jobs drawn ${drawnMs} ms after navigation, filtered in ${filteredMs} ms; ${STAGES} stages in ${graphMs} ms`,
  )
}

const sinceNavigation = page => page.evaluate(() => Math.round(performance.now()))

const answerEvents = (page, path, event, data) =>
  page.route(`**${path}`, route =>
    route.fulfill({
      contentType: 'text/event-stream',
      body: `retry: 600000\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`,
    }),
  )

const STATUSES = ['Completed', 'Completed', 'Completed', 'Completed', 'Failed', 'Running', 'Cancelled', 'Queued']

function madeUpJob(index) {
  const status = STATUSES[index % STATUSES.length]
  return {
    job_id: `job-${index}`,
    job_name: index % 5 === 0 ? 'nightly report' : '',
    status,
    phase: status.toLowerCase(),
    query: `SELECT region, sum(amount) FROM table_${index % 100} WHERE day >= DATE '2026-01-01' GROUP BY region`,
    scanned_rows: 1e6,
    scanned_bytes: 1e8,
    num_stages: 12,
    completed_stages: status === 'Completed' ? 12 : 5,
    num_tasks: 480,
    completed_tasks: status === 'Completed' ? 480 : (37 * index) % 480,
    percent_complete: 40,
    attempt: 1,
    submitted_time: Date.now() - index * 61_000,
    elapsed_ms: 300 + ((index * 7919) % 90_000),
    error: null,
    failures: [],
  }
}

/** Scans below, each joined to the rest: what a query over many tables becomes. */
function madeUpGraph() {
  const stages = Array.from({ length: STAGES }, (_, id) => ({
    stage_id: id,
    stage_status: id < 12 ? 'Successful' : id < 24 ? 'Running' : 'Waiting',
    num_tasks: 16,
    running_tasks: 4,
    completed_tasks: id < 12 ? 16 : 5,
    failed_tasks: 0,
    input_rows: 1e6,
    output_rows: 1e5 * id,
    output_bytes: 1e7,
    elapsed_compute: 1000,
    launch_time: Date.now(),
    elapsed_ms: 1000 * id,
    operators: madeUpOperators(id),
  }))
  const edges = stages.slice(0, -1).map(({ stage_id: id }) => ({
    edge: id,
    from_stage: id,
    to_stage: Math.min(STAGES - 1, id < 16 ? 16 + (id >> 1) : id + 1 + (id % 2)),
    partitioning: 'hash(customer_key@0) into 16',
    storage: 'memory',
    rows_sent: 1e5 * id,
    rows_received: 9e4 * id,
    bytes_sent: 10 ** (id % 10),
    bytes_received: 10 ** (id % 10),
    producer_blocked_time: 0,
    consumer_blocked_time: 0,
  }))
  return { stages, edges }
}

function madeUpOperators(id) {
  const kinds =
    id < 16
      ? ['ExchangeSinkExec', 'FilterExec', 'DataSourceExec']
      : ['ExchangeSinkExec', 'AggregateExec', 'HashJoinExec', 'ExchangeSourceExec']
  return kinds.map((kind, depth) => ({
    path: Array.from({ length: depth + 1 }, () => '0').join('.'),
    kind,
    details: 'expr=[customer_key@0, region@1]',
    output_rows: 12_345 * (id + depth),
    output_batches: 10,
    output_bytes: 1e6,
    elapsed_compute: 100 * ((id * 13 + depth * 7) % 10),
    blocked_time: 5,
    spilled_bytes: 0,
  }))
}
