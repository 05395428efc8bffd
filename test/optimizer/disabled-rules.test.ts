/** Every rule is only an optimization: without it random queries give the rows that they give with all rules. */
import test from 'ava'
import { isView } from '../../src/catalog/catalog.js'
import { seededRng } from '../../src/common/clock.js'
import { optimize } from '../../src/optimizer/optimizer.js'
import { LOGICAL_RULES } from '../../src/optimizer/rules/index.js'
import { planOf, smallCatalog } from '../helpers/catalog.js'
import { QueryMaker } from '../helpers/random-query.js'
import { isAmbiguous, randomRows, rowKey, runPlan, type Data } from '../helpers/run-plan.js'

const SEED = Number(process.env.SEED ?? 7)
const QUERIES_A_RULE = process.env.BALLISTA_TEST_FULL === '1' ? 200 : 8
const ROWS = 6
const catalog = smallCatalog()

for (const [i, { name }] of LOGICAL_RULES.entries()) {
  test(`${QUERIES_A_RULE} random queries give the same rows without ${name} (SEED=${SEED + i})`, async t => {
    const rng = seededRng(SEED + i)
    for (let query = 0; query < QUERIES_A_RULE; query++) {
      const sql = new QueryMaker(rng, { subqueries: true }).query()
      const data: Data = new Map(
        catalog.list().flatMap(({ entry }) => (isView(entry) ? [] : [[entry, randomRows(entry, ROWS, rng)] as const])),
      )
      const plan = await planOf(sql, catalog).catch(() => undefined)
      // What the binder refuses, it refuses with and without the rule.
      if (plan === undefined || isAmbiguous(plan)) continue
      const [all, without] = [optimize(plan), optimize(plan, { disabled: [name] })].map(one =>
        runPlan(one, data).map(rowKey).sort(),
      )
      t.deepEqual(without, all, `query ${query} of SEED=${SEED + i}: ${sql}`)
    }
  })
}
