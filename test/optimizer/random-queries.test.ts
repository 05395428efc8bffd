/** Random queries over small random tables: the optimized plan gives the rows of the bound plan. */
import test from 'ava'
import { isView } from '../../src/catalog/catalog.js'
import { seededRng, type Rng } from '../../src/common/clock.js'
import { displayLogical } from '../../src/logical/display.js'
import { optimize } from '../../src/optimizer/optimizer.js'
import { planOf, smallCatalog } from '../helpers/catalog.js'
import { QueryMaker } from '../helpers/random-query.js'
import { randomRows, rowKey, runPlan, type Data } from '../helpers/run-plan.js'

const SEED = Number(process.env.SEED ?? 1)
const QUERIES = 400
const ROWS = 7
const catalog = smallCatalog()

const randomData = (rng: Rng): Data =>
  new Map(
    catalog.list().flatMap(({ entry }) => (isView(entry) ? [] : [[entry, randomRows(entry, ROWS, rng)] as const])),
  )

test(`optimized and bound plans of ${QUERIES} random queries give the same rows (SEED=${SEED})`, async t => {
  const rng = seededRng(SEED)
  for (let i = 0; i < QUERIES; i++) {
    const sql = new QueryMaker(rng).query()
    const plan = await planOf(sql, catalog)
    const optimized = optimize(plan)
    const data = randomData(rng)
    const [actual, expected] = [optimized, plan].map(one => runPlan(one, data).map(rowKey).sort())
    if (actual.join('\n') !== expected.join('\n')) {
      t.deepEqual(
        actual,
        expected,
        `query ${i} of SEED=${SEED}: ${sql}\n${displayLogical(plan)}\n=>\n${displayLogical(optimized)}`,
      )
      return
    }
    t.is(displayLogical(optimize(optimized)), displayLogical(optimized), `query ${i} of SEED=${SEED}: ${sql}`)
  }
})
