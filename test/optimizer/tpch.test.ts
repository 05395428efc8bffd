/** The optimized plans of TPC-H at fixed statistics: no cross products, filters and columns at the scans. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { displayLogical } from '../../src/logical/display.js'
import { planTree, type LogicalPlan } from '../../src/logical/plan.js'
import { optimize } from '../../src/optimizer/optimizer.js'
import { planOf, tpchCatalog } from '../helpers/catalog.js'

const catalog = tpchCatalog()
const optimized = async (query: string): Promise<LogicalPlan> => {
  const sql = readFileSync(join(process.cwd(), `tpch/queries/q${query}.sql`), 'utf8')
    .trim()
    .replace(/;$/, '')
  return optimize(await planOf(sql, catalog))
}
const nodes = (plan: LogicalPlan): readonly LogicalPlan[] => [plan, ...planTree.children(plan).flatMap(nodes)]

for (const query of [
  '01',
  '02',
  '03',
  '04',
  '05',
  '06',
  '08',
  '09',
  '10',
  '12',
  '13',
  '14',
  '16',
  '17',
  '18',
  '19',
  '20',
  '21',
]) {
  test(`Q${query} has no join without keys and no filter above a scan, and optimizing it again changes nothing`, async t => {
    const plan = await optimized(query)
    for (const node of nodes(plan)) {
      if (node.kind === 'join') t.true(node.on.length > 0, displayLogical(node))
      if (node.kind === 'filter') t.not(node.input.kind, 'scan', displayLogical(node))
    }
    t.is(displayLogical(optimize(plan)), displayLogical(plan))
  })
}

test('Q6 reads two columns and gives the scan all predicates, dates folded', async t => {
  t.is(
    displayLogical(await optimized('06')),
    `Projection: sum(lineitem.l_extendedprice * lineitem.l_discount) AS revenue
  Aggregate: groupBy=[[]], aggr=[[sum(lineitem.l_extendedprice * lineitem.l_discount)]]
    TableScan: lineitem projection=[l_extendedprice, l_discount], full_filters=[lineitem.l_shipdate >= DATE '1994-01-01', lineitem.l_shipdate < DATE '1995-01-01', lineitem.l_discount >= 0.05, lineitem.l_discount <= 0.07, lineitem.l_quantity < 24.00]`,
  )
})

test('Q3 builds on the filtered customers, then on their orders, and probes with lineitem', async t => {
  t.is(
    displayLogical(await optimized('03')),
    `Sort: revenue DESC NULLS FIRST, orders.o_orderdate ASC NULLS LAST, fetch=10
  Projection: lineitem.l_orderkey, sum(lineitem.l_extendedprice * (1 - lineitem.l_discount)) AS revenue, orders.o_orderdate, orders.o_shippriority
    Aggregate: groupBy=[[lineitem.l_orderkey, orders.o_orderdate, orders.o_shippriority]], aggr=[[sum(lineitem.l_extendedprice * (1 - lineitem.l_discount))]]
      Inner Join: orders.o_orderkey = lineitem.l_orderkey
        Projection: orders.o_orderkey, orders.o_orderdate, orders.o_shippriority
          Inner Join: customer.c_custkey = orders.o_custkey
            TableScan: customer projection=[c_custkey], full_filters=[customer.c_mktsegment = 'BUILDING']
            TableScan: orders projection=[o_orderkey, o_custkey, o_orderdate, o_shippriority], full_filters=[orders.o_orderdate < DATE '1995-03-15']
        TableScan: lineitem projection=[l_orderkey, l_extendedprice, l_discount], full_filters=[lineitem.l_shipdate > DATE '1995-03-15']`,
  )
})

test('Q5 does not join customer and supplier by their nation alone', async t => {
  const joins = nodes(await optimized('05')).filter(node => node.kind === 'join')
  t.is(joins.length, 5)
  const keys = joins.map(node => (node.kind === 'join' ? node.on.length : 0)).sort((a, b) => a - b)
  t.deepEqual(keys, [1, 1, 1, 1, 2])
})
