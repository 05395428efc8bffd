import test from 'ava'
import { field, schemaOf } from '../../src/arrow/schema.js'
import { INT64, UTF8 } from '../../src/arrow/types.js'
import type { ScanRequest, TableProvider } from '../../src/catalog/table-provider.js'
import { deferred } from '../../src/common/deferred.js'
import { fail } from '../../src/common/errors.js'
import { aggregateExpr, binaryExpr, columnExpr } from '../../src/expr/build.js'
import { literal, type Expr, type SortKey } from '../../src/expr/expr.js'
import {
  aggregatePlan,
  aliasPlan,
  distinctPlan,
  filterPlan,
  joinPlan,
  limitPlan,
  projectionPlan,
  scanPlan,
  sortPlan,
  unionPlan,
} from '../../src/logical/build.js'
import type { LogicalPlan } from '../../src/logical/plan.js'
import { displayPhysical } from '../../src/physical/display.js'
import { OPERATORS } from '../../src/physical/operators/index.js'
import { defineOperator, type OperatorDefinition, type PhysicalPlan } from '../../src/physical/plan.js'
import { planQuery } from '../../src/physical/plan-query.js'
import { spread } from '../../src/physical/properties.js'

interface ScanNode extends PhysicalPlan {
  readonly kind: 'DataSourceExec'
  readonly source: { readonly partitions: readonly unknown[] }
  readonly projection: readonly number[]
  readonly fetch?: number
}

/** Stands for the scan operator, so that these plans show nothing of file formats. */
const scanOperator = defineOperator<ScanNode>({
  kind: 'DataSourceExec',
  properties: plan => ({ partitioning: spread(plan.source.partitions.length), ordering: [] }),
  details: plan =>
    `projection=${JSON.stringify(plan.projection)}${plan.fetch === undefined ? '' : `, fetch=${plan.fetch}`}`,
  samples: () => [],
})
const operators: readonly OperatorDefinition[] = [
  ...OPERATORS.filter(({ kind }) => kind !== 'DataSourceExec'),
  scanOperator as OperatorDefinition,
]

/** `(a BIGINT, b VARCHAR, c BIGINT)` in so many partitions; `residual` picks the filters that it leaves to the engine. */
class FakeTable implements TableProvider {
  readonly schema = schemaOf(field('a', INT64), field('b', UTF8), field('c', INT64))
  readonly requests: ScanRequest[] = []
  readonly #partitions: number
  readonly #residual: (filters: readonly Expr[]) => readonly Expr[]

  constructor(partitions: number, residual: (filters: readonly Expr[]) => readonly Expr[] = filters => filters) {
    this.#partitions = partitions
    this.#residual = residual
  }

  statistics = () => ({ columns: new Map() })

  scan(request: ScanRequest) {
    this.requests.push(request)
    const partitions = Array.from({ length: this.#partitions }, () => [])
    return { source: { kind: 'memory' as const, partitions }, residual: this.#residual(request.filters) }
  }
}

type Scan = Extract<LogicalPlan, { kind: 'scan' }>

const scan = (relation: string, provider: TableProvider, more: Partial<Scan> = {}): LogicalPlan =>
  ({ ...scanPlan('t', relation, provider), ...more }) as LogicalPlan
const a = (relation: string): Expr => columnExpr('a', INT64, true, relation)
const b = (relation: string): Expr => columnExpr('b', UTF8, true, relation)
const c = (relation: string): Expr => columnExpr('c', INT64, true, relation)
const one = literal(1n, INT64)
const byC: SortKey = { expr: c('t'), descending: true, nullsFirst: false }
const sum = (expr: Expr) => ({ expr: aggregateExpr('sum', [expr]), name: 'total' })

const CASES: readonly { title: string; plan: LogicalPlan; targetPartitions?: number; lines: readonly string[] }[] = [
  {
    title: 'a scan of one partition is only a scan',
    plan: scan('t', new FakeTable(1)),
    lines: ['DataSourceExec: projection=[0,1,2]'],
  },
  {
    title: 'partitions are gathered at the root',
    plan: scan('t', new FakeTable(3)),
    lines: ['ExchangeExec: partitioning=single', '  DataSourceExec: projection=[0,1,2]'],
  },
  {
    title: 'a residual filter reads the columns it needs, which are projected away above it',
    plan: scan('t', new FakeTable(1), { projection: [2], filters: [binaryExpr('>', a('t'), one)], fetch: 5 }),
    lines: ['ProjectionExec: expr=[c@0 as c]', '  FilterExec: a@1 > 1', '    DataSourceExec: projection=[2,0]'],
  },
  {
    title: 'a filter that the source applies exactly leaves no trace, and the fetch reaches the scan',
    plan: scan('t', new FakeTable(1, () => []), { projection: [2], filters: [binaryExpr('>', a('t'), one)], fetch: 5 }),
    lines: ['DataSourceExec: projection=[2], fetch=5'],
  },
  {
    title: 'an alias vanishes and its columns are found by their new relation',
    plan: filterPlan(aliasPlan(scan('t', new FakeTable(1)), 'x'), binaryExpr('=', c('x'), one)),
    lines: ['FilterExec: c@2 = 1', '  DataSourceExec: projection=[0,1,2]'],
  },
  {
    title: 'an aggregate over one partition has one phase',
    plan: aggregatePlan(scan('t', new FakeTable(1)), [{ expr: b('t'), name: 'b' }], [sum(a('t'))]),
    lines: ['AggregateExec: mode=Single, gby=[b@1 as b], aggr=[total]', '  DataSourceExec: projection=[0,1,2]'],
  },
  {
    title: 'an aggregate over partitions has two phases around a hash exchange',
    plan: aggregatePlan(scan('t', new FakeTable(3)), [{ expr: b('t'), name: 'b' }], [sum(a('t'))]),
    lines: [
      'ExchangeExec: partitioning=single',
      '  AggregateExec: mode=Final, gby=[b@0 as b], aggr=[total]',
      '    ExchangeExec: partitioning=hash(b@0) into 4',
      '      AggregateExec: mode=Partial, gby=[b@1 as b], aggr=[total]',
      '        DataSourceExec: projection=[0,1,2]',
    ],
  },
  {
    title: 'an aggregate without groups gathers its states',
    plan: aggregatePlan(scan('t', new FakeTable(3)), [], [sum(a('t'))]),
    lines: [
      'AggregateExec: mode=Final, gby=[], aggr=[total]',
      '  ExchangeExec: partitioning=single',
      '    AggregateExec: mode=Partial, gby=[], aggr=[total]',
      '      DataSourceExec: projection=[0,1,2]',
    ],
  },
  {
    title: 'a DISTINCT aggregate keeps one phase and exchanges its rows by group',
    plan: aggregatePlan(
      scan('t', new FakeTable(3)),
      [{ expr: b('t'), name: 'b' }],
      [{ expr: aggregateExpr('count', [a('t')], { distinct: true }), name: 'n' }],
    ),
    lines: [
      'ExchangeExec: partitioning=single',
      '  AggregateExec: mode=Single, gby=[b@1 as b], aggr=[n]',
      '    ExchangeExec: partitioning=hash(b@1) into 4',
      '      DataSourceExec: projection=[0,1,2]',
    ],
  },
  {
    title: 'groups that already lie together are not exchanged again',
    plan: aggregatePlan(
      distinctPlan(projectionPlan(scan('t', new FakeTable(3)), [{ expr: b('t'), name: 'b', relation: 't' }])),
      [{ expr: b('t'), name: 'b' }],
      [{ expr: aggregateExpr('count', []), name: 'n' }],
    ),
    lines: [
      'ExchangeExec: partitioning=single',
      '  AggregateExec: mode=Single, gby=[b@0 as b], aggr=[n]',
      '    AggregateExec: mode=Final, gby=[b@0 as b], aggr=[]',
      '      ExchangeExec: partitioning=hash(b@0) into 4',
      '        AggregateExec: mode=Partial, gby=[b@0 as b], aggr=[]',
      '          ProjectionExec: expr=[b@1 as b]',
      '            DataSourceExec: projection=[0,1,2]',
    ],
  },
  {
    title: 'ORDER BY sorts each partition, then gathers them in order',
    plan: sortPlan(scan('t', new FakeTable(3)), [byC]),
    lines: [
      'ExchangeExec: partitioning=single, ordering=[c@2 DESC NULLS LAST]',
      '  SortExec: local, expr=[c@2 DESC NULLS LAST]',
      '    DataSourceExec: projection=[0,1,2]',
    ],
  },
  {
    title: 'ORDER BY with LIMIT takes the first rows of each partition, then of all',
    plan: sortPlan(scan('t', new FakeTable(3)), [byC], 10),
    lines: [
      'TopKExec: fetch=10, expr=[c@2 DESC NULLS LAST]',
      '  ExchangeExec: partitioning=single',
      '    TopKExec: fetch=10, expr=[c@2 DESC NULLS LAST]',
      '      DataSourceExec: projection=[0,1,2]',
    ],
  },
  {
    title: 'ORDER BY with LIMIT over one partition takes them once',
    plan: sortPlan(scan('t', new FakeTable(1)), [byC], 10),
    lines: ['TopKExec: fetch=10, expr=[c@2 DESC NULLS LAST]', '  DataSourceExec: projection=[0,1,2]'],
  },
  {
    title: 'a join hashes both sides by its keys, and an aggregate by the same key stays',
    plan: aggregatePlan(
      joinPlan(scan('t', new FakeTable(3)), scan('u', new FakeTable(2)), 'inner', binaryExpr('=', a('t'), c('u'))),
      [{ expr: a('t'), name: 'a' }],
      [sum(c('u'))],
    ),
    lines: [
      'ExchangeExec: partitioning=single',
      '  AggregateExec: mode=Single, gby=[a@0 as a], aggr=[total]',
      '    CoalesceExec',
      '      HashJoinExec: join_type=Inner, on=[(a@0, c@2)]',
      '        ExchangeExec: partitioning=hash(a@0) into 4',
      '          DataSourceExec: projection=[0,1,2]',
      '        ExchangeExec: partitioning=hash(c@2) into 4',
      '          DataSourceExec: projection=[0,1,2]',
    ],
  },
  {
    title: 'a join without keys gathers both sides',
    plan: joinPlan(scan('t', new FakeTable(3)), scan('u', new FakeTable(2)), 'left', binaryExpr('<', a('t'), c('u'))),
    lines: [
      'NestedLoopJoinExec: join_type=Left, filter=a@0 < c@5',
      '  ExchangeExec: partitioning=single',
      '    DataSourceExec: projection=[0,1,2]',
      '  ExchangeExec: partitioning=single',
      '    DataSourceExec: projection=[0,1,2]',
    ],
  },
  {
    title: 'a limit over partitions limits each of them first',
    plan: limitPlan(scan('t', new FakeTable(3)), 5, 10),
    lines: [
      'LimitExec: skip=5, fetch=10',
      '  ExchangeExec: partitioning=single',
      '    LimitExec: local, fetch=15',
      '      DataSourceExec: projection=[0,1,2]',
    ],
  },
  {
    title: 'an offset alone only gathers',
    plan: limitPlan(scan('t', new FakeTable(3)), 5),
    lines: ['LimitExec: skip=5', '  ExchangeExec: partitioning=single', '    DataSourceExec: projection=[0,1,2]'],
  },
  {
    title: 'a limit of no rows reads nothing',
    plan: limitPlan(scan('t', new FakeTable(3)), 0, 0),
    lines: ['EmptyExec: rows=0'],
  },
  {
    title: 'small batches are merged before an exchange, not before a limit',
    plan: limitPlan(
      aggregatePlan(
        filterPlan(scan('t', new FakeTable(3)), binaryExpr('=', a('t'), one)),
        [{ expr: b('t'), name: 'b' }],
        [],
      ),
      0,
      2,
    ),
    lines: [
      'LimitExec: skip=0, fetch=2',
      '  ExchangeExec: partitioning=single',
      '    LimitExec: local, fetch=2',
      '      AggregateExec: mode=Final, gby=[b@0 as b], aggr=[]',
      '        ExchangeExec: partitioning=hash(b@0) into 4',
      '          AggregateExec: mode=Partial, gby=[b@1 as b], aggr=[]',
      '            CoalesceExec',
      '              FilterExec: a@0 = 1',
      '                DataSourceExec: projection=[0,1,2]',
    ],
  },
  {
    title: 'one partition to aim for gathers before an aggregate instead of hashing',
    plan: aggregatePlan(scan('t', new FakeTable(3)), [{ expr: b('t'), name: 'b' }], []),
    targetPartitions: 1,
    lines: [
      'AggregateExec: mode=Final, gby=[b@0 as b], aggr=[]',
      '  ExchangeExec: partitioning=single',
      '    AggregateExec: mode=Partial, gby=[b@1 as b], aggr=[]',
      '      DataSourceExec: projection=[0,1,2]',
    ],
  },
]

for (const { title, plan, targetPartitions = 4, lines } of CASES) {
  test(title, async t => {
    const physical = await planQuery(plan, { targetPartitions, operators })
    t.deepEqual(displayPhysical(physical, operators).split('\n'), lines)
  })
}

test('a union knows which inputs each partition reads', async t => {
  const plan = unionPlan([scan('t', new FakeTable(3)), scan('u', new FakeTable(1))])
  const physical = await planQuery(plan, { targetPartitions: 4, operators })
  t.is(physical.kind, 'ExchangeExec')
  t.deepEqual((physical.children[0] as PhysicalPlan & { partitionCounts: number[] }).partitionCounts, [3, 1])
})

test('a scan is asked for its columns, bare filters and the fetch only when nothing filters', async t => {
  const filtered = new FakeTable(1)
  await planQuery(scan('t', filtered, { projection: [2], filters: [binaryExpr('>', a('t'), one)], fetch: 5 }), {
    targetPartitions: 4,
    operators,
  })
  const bare = binaryExpr('>', columnExpr('a', INT64, true), one)
  t.deepEqual(filtered.requests, [{ projection: [2, 0], filters: [bare], targetPartitions: 4 }])
  const plain = new FakeTable(1)
  await planQuery(scan('t', plain, { fetch: 5 }), { targetPartitions: 4, operators })
  t.deepEqual(plain.requests, [{ projection: [0, 1, 2], filters: [], targetPartitions: 4, fetch: 5 }])
})

test('all scans of a plan are asked for before the first answers; of several errors that of the first is thrown', async t => {
  const answer = deferred<void>()
  const asked: string[] = []
  const waiting = (name: string): TableProvider => ({
    schema: schemaOf(field('a', INT64)),
    statistics: () => ({ columns: new Map() }),
    async scan() {
      asked.push(name)
      if (name === 'left') await answer.promise
      else answer.resolve()
      throw fail('FILE_NOT_READABLE', ['host', name, 'it is gone'])
    },
  })
  const plan = unionPlan([scan('t', waiting('left')), scan('u', waiting('right'))])
  const error = await t.throwsAsync(planQuery(plan, { targetPartitions: 1, operators }))
  t.deepEqual(asked, ['left', 'right'])
  t.true(error.message.includes('left'), error.message)
})
