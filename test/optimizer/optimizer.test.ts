/** The driver of the rules: order, passes, switches, timing and the schema check; and row estimates. */
import test from 'ava'
import { BallistaError } from '../../src/common/errors.js'
import { projectionPlan, namedColumn } from '../../src/logical/build.js'
import { displayLogical } from '../../src/logical/display.js'
import { schemaOf } from '../../src/logical/schema-of.js'
import { estimateRows } from '../../src/optimizer/cardinality.js'
import { optimize, type RuleEvent } from '../../src/optimizer/optimizer.js'
import { logicalRule } from '../../src/optimizer/rule.js'
import { LOGICAL_RULES } from '../../src/optimizer/rules/index.js'
import { planOf, smallCatalog, tpchCatalog } from '../helpers/catalog.js'

const catalog = smallCatalog()

test('the observer hears of each rule that fired, in order', async t => {
  const events: RuleEvent[] = []
  const plan = await planOf('SELECT DISTINCT a FROM t WHERE a > 1 + 1', catalog)
  const after = optimize(plan, { observer: event => events.push(event) })
  t.deepEqual(
    events.map(({ pass, rule }) => `${pass} ${rule}`),
    ['1 simplify_expressions', '1 replace_distinct_with_aggregate', '1 push_down_filter', '1 optimize_projections'],
  )
  t.is(events[0].before, plan)
  t.is(events[events.length - 1].after, after)
  t.true(events.every(event => event.elapsedMs >= 0))
})

test('a disabled rule does not run', async t => {
  const plan = await planOf('SELECT a FROM t WHERE a > 1', catalog)
  const after = optimize(plan, {
    disabled: LOGICAL_RULES.map(rule => rule.name).filter(name => name !== 'optimize_projections'),
  })
  t.is(displayLogical(after), 'Filter: t.a > 1\n  TableScan: t projection=[a]')
})

test('a rule that changes the schema is named', async t => {
  const plan = await planOf('SELECT a, b FROM t', catalog)
  const guilty = logicalRule('drop_column', 'once', input =>
    projectionPlan(input, schemaOf(input).slice(1).map(namedColumn)),
  )
  const error = t.throws(() => optimize(plan, { rules: [guilty] }), { instanceOf: BallistaError })
  t.is(error?.message, 'rule drop_column changed the schema from (t.a BIGINT, t.b BIGINT) to (t.b BIGINT)')
})

test('a plan on which nothing fires is returned as it is', async t => {
  const plan = optimize(await planOf('SELECT s, count(*) FROM t JOIN u USING (a, s) GROUP BY s LIMIT 3', catalog))
  t.is(optimize(plan), plan)
})

test('passes end when the maximum is reached', async t => {
  let calls = 0
  const restless = logicalRule('restless', 'once', plan => {
    calls++
    return { ...plan }
  })
  optimize(await planOf('SELECT a FROM t', catalog), { rules: [restless], maxPasses: 3 })
  t.is(calls, 3)
})

const tpch = tpchCatalog()

test('row estimates follow statistics', async t => {
  const cases: (readonly [string, number])[] = [
    ['SELECT * FROM orders', 1_500_000],
    ['SELECT count(*) FROM orders', 1],
    ['SELECT c_nationkey, count(*) FROM customer GROUP BY c_nationkey', 25],
    ['SELECT * FROM customer WHERE c_nationkey = 3', 6000],
    ['SELECT * FROM customer WHERE c_nationkey IN (3, 4)', 12_000],
    ["SELECT * FROM customer WHERE c_mktsegment = 'BUILDING'", 30_000],
    ['SELECT * FROM orders JOIN lineitem ON o_orderkey = l_orderkey', 6_001_215],
    ['SELECT * FROM customer JOIN supplier ON c_nationkey = s_nationkey', 60_000_000],
    ['SELECT * FROM lineitem JOIN partsupp ON l_partkey = ps_partkey AND l_suppkey = ps_suppkey', 6_001_215],
    ['SELECT * FROM nation LEFT JOIN region ON n_regionkey = r_regionkey', 25],
    ['SELECT * FROM orders ORDER BY o_totalprice LIMIT 10', 10],
    ['SELECT * FROM nation UNION ALL SELECT r_regionkey, r_name, r_regionkey, r_comment FROM region', 30],
  ]
  const groups = 'SELECT l_suppkey FROM lineitem GROUP BY l_suppkey HAVING'
  cases.push(
    // 600 rows a supplier, of 25.5 pieces each.
    [`${groups} sum(l_quantity) > 15300`, 5_018],
    [`${groups} 15300 >= sum(l_quantity)`, 4_982],
    [`${groups} sum(l_quantity) > 30000`, 10],
    [`${groups} sum(l_quantity) < 30000`, 10_000],
    [`${groups} count(*) > 600`, 5_021],
    [`${groups} avg(l_quantity) > 40`, 10],
    [`${groups} max(l_quantity) > 25`, 10_000],
    [`${groups} min(l_quantity) > 25`, 10],
    // Nothing is known.
    [`${groups} sum(l_quantity * 2) > 25`, 2_000],
    [`${groups} sum(DISTINCT l_quantity) > 25`, 2_000],
  )
  for (const [sql, rows] of cases) t.is(Math.round(estimateRows(optimize(await planOf(sql, tpch)))), rows, sql)
})
