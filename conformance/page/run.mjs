/** Looks at the scheduler's page as a user would, and keeps pictures. Status 1 if something is not as it should be. */
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { launchBrowser } from './browser.mjs'
import { startCluster } from './cluster.mjs'
import { openSession, tpchQuery } from './queries.mjs'
import { checkLargePages } from './large.mjs'
import { visitor } from './visitor.mjs'

const SCREENSHOTS = new URL('../screenshots/', import.meta.url).pathname

/** Batches of a result that the client takes one by one, so that the query lasts as long as it is looked at. */
const LONG_JOIN = `SELECT c_mktsegment, o_orderpriority, l_extendedprice * (1 - l_discount) AS revenue, l_comment
FROM lineitem JOIN orders ON l_orderkey = o_orderkey JOIN customer ON o_custkey = c_custkey
WHERE l_quantity > 1`
const HOSTILE = `SELECT '<script>window.hacked = 1</script>' AS "<img src=x onerror='window.hacked = 1'>"`
const FAILING = 'SELECT l_orderkey / (l_linenumber - l_linenumber) FROM lineitem'

const browser = await launchBrowser()
if (browser === undefined) {
  console.log('skipped: no browser starts here')
  process.exit(0)
}
mkdirSync(SCREENSHOTS, { recursive: true })
const cluster = await startCluster({ executors: 2, slots: 2 })
const ctx = await openSession(cluster.address)
const site = visitor(browser, `http://${cluster.address}`, SCREENSHOTS)
try {
  await ctx.sql("SET ballista.job.name = '<b>nightly</b> report'")
  for (const number of [1, 3, 6, 9]) await (await ctx.sql(tpchQuery(number))).rows()
  await ctx.sql('RESET ballista.job.name')
  await (await ctx.sql(HOSTILE)).rows()
  await assert.rejects(async () => (await ctx.sql(FAILING)).rows(), { code: 'DIVIDE_BY_ZERO' })
  await checkJobList()
  await checkFinishedJob()
  await checkLiveJob()
  await checkLargePages(site)
  site.checkManners()
  console.log(`the page is as it should be; pictures are in ${SCREENSHOTS}`)
} finally {
  await browser.close()
  await ctx.close()
  await cluster.close()
}

async function checkJobList() {
  const page = await site.open('#/jobs')
  await page.locator('tbody tr').nth(5).waitFor()
  const texts = await page.locator('.query .sql').allTextContents()
  assert.ok(texts.includes(HOSTILE), 'the statement is shown as it was written')
  assert.equal(await page.evaluate(() => window.hacked), undefined, 'no text became markup')
  await page.keyboard.press('/')
  await page.keyboard.type('nightly')
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 4)
  await page.locator('input[type=search]').fill('')
  await page.getByRole('button', { name: /^Failed/ }).click()
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1)
  await page.getByRole('button', { name: /^All/ }).click()
  await site.picture(page, 'jobs')
  await site.picture(await site.open('#/jobs', { dark: true }), 'jobs-dark', 'tbody tr')
}

async function checkFinishedJob() {
  const { job_id: id } = (await site.get('/api/jobs')).find(({ query }) => query.includes('sum_profit'))
  const page = await site.open(`#/job/${id}`, { height: 1500 })
  const stage = page.locator('.stage').last()
  await stage.focus()
  await page.keyboard.press('Enter')
  await page.locator('.panel').waitFor()
  await site.picture(page, 'job', '.panel', { keep: true })
  await page.keyboard.press('Escape')
  await page.locator('.panel').waitFor({ state: 'detached' })
  for (const tab of ['Tasks', 'Plans', 'Settings']) {
    await page.getByRole('link', { name: tab }).click()
    await page
      .locator(tab === 'Plans' ? '.plans pre' : '.content tbody tr')
      .first()
      .waitFor()
    await site.picture(page, tab.toLowerCase(), undefined, { keep: true })
  }
  await page.close()
  await site.picture(await site.open(`#/job/${id}`, { height: 1500, dark: true }), 'job-dark', '.stage')
  const failed = (await site.get('/api/jobs')).find(({ status }) => status === 'Failed')
  await site.picture(await site.open(`#/job/${failed.job_id}`), 'failed', '.trouble p')
}

async function checkExecutors() {
  const page = await site.open('#/executors')
  await page.locator('tbody tr').nth(1).waitFor()
  // Figures of the processor need two heartbeats.
  await page.waitForFunction(() => /%/.test(document.querySelector('tbody').textContent))
  await site.picture(page, 'executors')
}

async function checkLiveJob() {
  // Little fits into the buffers on the way: the query goes at the pace of its reader.
  await ctx.sql("SET ballista.exchange.write_buffer = '1MB'")
  const batches = (await ctx.sql(LONG_JOIN)).stream()[Symbol.asyncIterator]()
  await batches.next()
  const { job_id: id } = (await site.get('/api/jobs')).find(({ status }) => status === 'Running')
  const reading = (async () => {
    while (!(await batches.next()).done) await new Promise(resolve => setTimeout(resolve, 150))
  })()
  reading.catch(() => undefined)
  const page = await site.open(`#/job/${id}`, { height: 1300 })
  await page.locator('.edge[data-state=flowing]').first().waitFor({ state: 'attached' })
  const amounts = () => page.locator('.edge-label .amount').allTextContents()
  const before = (await amounts()).join()
  await page.waitForFunction(
    text => [...document.querySelectorAll('.edge-label .amount')].map(each => each.textContent).join() !== text,
    before,
  )
  await page.locator('.edge-label .kind', { hasText: 'rows/s' }).first().waitFor()
  await site.picture(page, 'live', undefined, { keep: true })
  await checkExecutors()
  await page.getByRole('button', { name: 'Cancel job' }).click()
  await page.getByRole('button', { name: 'Yes, cancel it' }).click()
  await page.locator('.job-header .status[data-status=Cancelled]').waitFor()
  await assert.rejects(reading, { code: 'CANCELLED' })
  assert.equal(await page.getByRole('button', { name: 'Cancel job' }).isVisible(), false)
  await site.picture(page, 'cancelled')
}
