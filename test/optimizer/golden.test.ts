/**
 * The plans of the 22 TPC-H queries at fixed statistics, without data: optimized and physical in one task, test/golden/tpch/qNN.txt,
 * and the stages of four tasks each, test/golden/tpch-stages/qNN.txt. UPDATE=1 writes them anew.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { indentedTree } from '../../src/common/tree-text.js'
import { fragment } from '../../src/exchange/fragment.js'
import { EXCHANGE_OPERATORS } from '../../src/exchange/operators.js'
import { stageTrees } from '../../src/exchange/staged-plan.js'
import { displayLogical } from '../../src/logical/display.js'
import { planTree, type LogicalPlan } from '../../src/logical/plan.js'
import { estimateRows } from '../../src/optimizer/cardinality.js'
import { optimize } from '../../src/optimizer/optimizer.js'
import { displayPhysical } from '../../src/physical/display.js'
import { OPERATORS } from '../../src/physical/operators/index.js'
import { planQuery } from '../../src/physical/plan-query.js'
import { planOf, tpchCatalog } from '../helpers/catalog.js'

const QUERIES = join(process.cwd(), 'tpch/queries')
const GOLDEN = join(process.cwd(), 'test/golden')
const catalog = tpchCatalog()

/** `Inner Join: …  ~1200 rows`: the estimates of joins, scans and aggregates beside their lines. */
function withEstimates(plan: LogicalPlan): string {
  const lines = displayLogical(plan).split('\n')
  const nodes: LogicalPlan[] = []
  const visit = (node: LogicalPlan): void => {
    nodes.push(node)
    planTree.children(node).forEach(visit)
  }
  visit(plan)
  const isEstimated = ({ kind }: LogicalPlan): boolean => kind === 'join' || kind === 'scan' || kind === 'aggregate'
  return lines
    .map((line, i) => (isEstimated(nodes[i]) ? `${line}  ~${Math.round(estimateRows(nodes[i]))} rows` : line))
    .join('\n')
}

/** The one query of a file; views that it creates go into the catalog. */
function queryOf(text: string): string {
  let query = ''
  for (const statement of text.replaceAll(/^--.*$/gm, '').split(';')) {
    const [, view, columns, sql] = /^\s*create view (\w+) \(([^)]*)\) as\s([^]*)$/.exec(statement) ?? []
    if (view !== undefined) catalog.register([view], { kind: 'view', sql, columns: columns.split(/,\s*/) })
    else if (/^\s*(select|with)\b/.test(statement)) query = statement.trim()
  }
  return query
}

function isAsBefore(t: ExecutionContext, name: string, text: string): void {
  const path = join(GOLDEN, name)
  if (process.env['UPDATE'] === '1') writeFileSync(path, text)
  t.true(existsSync(path), 'UPDATE=1 writes it')
  t.is(text, readFileSync(path, 'utf8'))
}

for (const file of readdirSync(QUERIES).sort()) {
  const name = file.replace(/\.sql$/, '')
  test(`${name} is planned as test/golden/tpch/${name}.txt shows`, async t => {
    const optimized = optimize(await planOf(queryOf(readFileSync(join(QUERIES, file), 'utf8')), catalog))
    const physical = await planQuery(optimized, { targetPartitions: 1, operators: OPERATORS })
    isAsBefore(t, `tpch/${name}.txt`, `${withEstimates(optimized)}\n\n${displayPhysical(physical, OPERATORS)}\n`)
    const spread = await planQuery(optimized, { targetPartitions: 4, operators: OPERATORS })
    const stages = stageTrees(fragment(spread, OPERATORS), [...OPERATORS, ...EXCHANGE_OPERATORS])
    isAsBefore(t, `tpch-stages/${name}.txt`, `${stages.map(indentedTree).join('\n')}\n`)
  })
}
