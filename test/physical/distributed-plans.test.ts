import test from 'ava'
import { batchFromValues, releaseBatch } from '../../src/arrow/column.js'
import { encodeBatch } from '../../src/arrow/frame.js'
import { bytesInUse } from '../../src/arrow/memory.js'
import { field, schemaOf } from '../../src/arrow/schema.js'
import { INT64, UTF8, type Value } from '../../src/arrow/types.js'
import { MemoryTable } from '../../src/catalog/memory-table.js'
import { seededRng, type Rng } from '../../src/common/clock.js'
import { encodeWireText } from '../../src/common/wire.js'
import { aggregateExpr, binaryExpr, columnExpr } from '../../src/expr/build.js'
import { literal, type Expr } from '../../src/expr/expr.js'
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
import type { LogicalJoinType, LogicalPlan } from '../../src/logical/plan.js'
import { displayPhysical } from '../../src/physical/display.js'
import { OPERATORS } from '../../src/physical/operators/index.js'
import { planQuery } from '../../src/physical/plan-query.js'
import { runStaged } from './run-staged.js'

const SCHEMA = schemaOf(field('a', INT64), field('b', UTF8))
const below = (rng: Rng, bound: number): number => Math.floor(rng.next() * bound)

/** `batchCount` batches of a few rows `(a, b)` with many equal values and NULLs. */
function randomTable(rng: Rng, batchCount: number): MemoryTable {
  const table = new MemoryTable('t', SCHEMA)
  for (let i = 0; i < batchCount; i++) {
    const rowCount = 1 + below(rng, 8)
    const a = Array.from({ length: rowCount }, (): Value => (rng.next() < 0.15 ? null : BigInt(below(rng, 6))))
    const b = Array.from({ length: rowCount }, (): Value => (rng.next() < 0.15 ? null : ['x', 'yy', ''][below(rng, 3)]))
    const batch = batchFromValues(SCHEMA, [a, b])
    table.append([{ bytes: encodeBatch(batch), rowCount }])
    releaseBatch(batch)
  }
  return table
}

const a = (relation: string): Expr => columnExpr('a', INT64, true, relation)
const b = (relation: string): Expr => columnExpr('b', UTF8, true, relation)
const three = literal(3n, INT64)
const COUNT = { expr: aggregateExpr('count', []), name: 'n' }

type Shape = (t: LogicalPlan, u: LogicalPlan) => LogicalPlan
const SHAPES: Readonly<Record<string, Shape>> = {
  'GROUP BY': t =>
    aggregatePlan(
      t,
      [{ expr: b('t'), name: 'b' }],
      [
        COUNT,
        { expr: aggregateExpr('sum', [a('t')]), name: 's' },
        { expr: aggregateExpr('avg', [a('t')]), name: 'm' },
        { expr: aggregateExpr('max', [b('t')]), name: 'x' },
      ],
    ),
  'aggregates of all rows': t => aggregatePlan(t, [], [COUNT, { expr: aggregateExpr('min', [a('t')]), name: 'm' }]),
  'aggregates of no rows': t => aggregatePlan(filterPlan(t, binaryExpr('>', a('t'), literal(99n, INT64))), [], [COUNT]),
  'count of distinct values': t =>
    aggregatePlan(
      t,
      [{ expr: a('t'), name: 'a' }],
      [{ expr: aggregateExpr('count', [b('t')], { distinct: true }), name: 'n' }],
    ),
  'DISTINCT after a filter': t => distinctPlan(filterPlan(t, binaryExpr('<', a('t'), three))),
  'UNION ALL of rows and of a count': (t, u) =>
    unionPlan([projectionPlan(t, [{ expr: a('t'), name: 'a' }]), aggregatePlan(u, [], [COUNT])]),
  'GROUP BY over UNION ALL': (t, u) =>
    aggregatePlan(aliasPlan(unionPlan([u, t]), 'w'), [{ expr: a('w'), name: 'a' }], [COUNT]),
  'count of LIMIT': t => aggregatePlan(limitPlan(t, 2, 9), [], [COUNT]),
}

const byA =
  (fetch?: number): Shape =>
  t =>
    sortPlan(
      projectionPlan(t, [{ expr: a('t'), name: 'a', relation: 't' }]),
      [{ expr: a('t'), descending: true, nullsFirst: false }],
      fetch,
    )
/** Their rows come in one order only. */
const ORDERED: Readonly<Record<string, Shape>> = {
  'ORDER BY': byA(),
  'ORDER BY with LIMIT': byA(7),
  'ORDER BY with OFFSET': (t, u) => limitPlan(byA(7)(t, u), 3, 4),
}

const JOIN_TYPES: readonly LogicalJoinType[] = [
  'inner',
  'left',
  'right',
  'full',
  'leftSemi',
  'leftAnti',
  'leftMark',
  'rightSemi',
  'rightAnti',
  'rightMark',
]
const joined = (t: LogicalPlan, u: LogicalPlan, type: LogicalJoinType, condition: Expr): LogicalPlan => {
  const join = joinPlan(t, u, type, condition)
  return type.endsWith('Mark') ? { ...join, mark: { relation: 'm', name: 'mark' } } : join
}
const joins = Object.fromEntries(
  JOIN_TYPES.flatMap((type): [string, Shape][] => [
    [`${type} join`, (t, u) => joined(t, u, type, binaryExpr('=', a('t'), a('u')))],
    [`${type} join without keys`, (t, u) => joined(t, u, type, binaryExpr('<', a('t'), a('u')))],
    [
      `GROUP BY over a ${type} join`,
      (t, u) => {
        const side = type.startsWith('right') ? 'u' : 't'
        return aggregatePlan(
          joined(t, u, type, binaryExpr('=', a('t'), a('u'))),
          [{ expr: a(side), name: 'a' }],
          [COUNT],
        )
      },
    ],
  ]),
)

const seed = Number(process.env['SEED'] ?? 4711)

/** Kinds of exchanges that the plans had. */
const taken = new Set<string>()

for (const [title, shape] of Object.entries({ ...SHAPES, ...ORDERED, ...joins })) {
  test.serial(`${title}: the same rows over any partitions`, async t => {
    const before = bytesInUse()
    for (let run = 0; run < 6; run++) {
      const rng = seededRng(seed + run)
      // Few rows on one side and many on the other are broadcast, others are exchanged by their keys.
      const [left, right] = [randomTable(rng, 1 + below(rng, 12)), randomTable(rng, 1 + below(rng, 12))]
      const plan = shape(scanPlan('t', 't', left), scanPlan('t', 'u', right))
      const rowsWith = async (targetPartitions: number): Promise<string[]> => {
        const physical = await planQuery(plan, { targetPartitions, minPartitionBytes: 1, operators: OPERATORS })
        for (const [, kind] of displayPhysical(physical, OPERATORS).matchAll(/ExchangeExec: partitioning=(\w+)/g))
          taken.add(kind)
        return (await runStaged(physical)).map(encodeWireText)
      }
      const inOrder = (rows: string[]): string[] => (title in ORDERED ? rows : rows.sort())
      const expected = inOrder(await rowsWith(1))
      for (const targetPartitions of [2, 3, 5]) {
        t.deepEqual(
          inOrder(await rowsWith(targetPartitions)),
          expected,
          `SEED=${seed + run}, ${targetPartitions} partitions`,
        )
      }
    }
    t.is(bytesInUse(), before)
  })
}

test.serial('the plans above took every kind of exchange', t => {
  t.deepEqual([...taken].sort(), ['broadcast', 'hash', 'single'])
})
