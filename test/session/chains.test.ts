/** Random chains of operations give the same rows when they are one query and when every step is run and held. */
import test from 'ava'
import fc from 'fast-check'
import { col, fn, lit, SessionContext, when, type DataFrame, type Row } from '../../src/index.js'

const RUNS = process.env['BALLISTA_TEST_FULL'] === '1' ? 2000 : 25

/** `choice` picks among the columns of the frame: the same ones for both forms of a chain. */
type Operation = (frame: DataFrame, choice: number, other: DataFrame) => DataFrame

const names = (frame: DataFrame): string[] => frame.schema().fields.map(({ name }) => name)
const pick = (frame: DataFrame, choice: number): string => names(frame)[choice % names(frame).length]
const numeric = (frame: DataFrame): string[] =>
  frame.schema().fields.flatMap(({ name, type }) => (type.kind === 'int' ? [name] : []))

/** In an order that only equal rows share, so that a LIMIT after it is the same rows every time. */
const ordered = (frame: DataFrame): DataFrame => frame.sort(...names(frame).map(name => col(`${name}`)))

const OPERATIONS: Readonly<Record<string, Operation>> = {
  filter: (frame, choice) => frame.filter(col(pick(frame, choice)).isNotNull()),
  filterNumber(frame, choice) {
    const [first] = numeric(frame)
    return first === undefined
      ? frame
      : frame.filter(
          col(first)
            .mod(3)
            .neq(choice % 3)
            .or(col(first).isNull()),
        )
  },
  select(frame, choice) {
    const kept = names(frame).filter((_, i) => i !== choice % 7)
    return kept.length === 0 ? frame : frame.select(...kept)
  },
  selectAgain: frame => frame.select('*'),
  replace(frame, choice) {
    const [first] = numeric(frame)
    return first === undefined
      ? frame
      : frame.withColumn(
          first,
          col(first)
            .mul(2)
            .sub(choice % 5),
        )
  },
  add: (frame, choice) => frame.withColumn(`n${choice % 3}`, when(col(pick(frame, choice)).isNull(), 1).otherwise(0)),
  rename: (frame, choice) => frame.withColumnRenamed(pick(frame, choice), `r${choice % 4}`),
  sort: frame => ordered(frame),
  limit: (frame, choice) => ordered(frame).limit(1 + (choice % 5), choice % 2),
  distinct: frame => frame.distinct(),
  group: (frame, choice) => frame.groupBy(pick(frame, choice)).agg(fn.count().alias('n')),
  total: frame => frame.aggregate([], [fn.count().alias('n'), lit(7).alias('seven')]),
  alias: (frame, choice) => frame.alias(`t${choice % 2}`),
  union: (frame, choice) => frame.union(ordered(frame).limit(choice % 3)),
  except: (frame, choice) => frame.except(ordered(frame).limit(choice % 3)),
  unionByName: (frame, _, other) => (sameKinds(frame, other) ? frame.unionByName(other) : frame),
  join: (frame, _, other) =>
    isNumber(frame, 'id') ? frame.join(other.select('id'), { on: 'id', how: 'left' }) : frame,
  semi: (frame, _, other) => (isNumber(frame, 'id') ? frame.join(other, { on: 'id', how: 'leftSemi' }) : frame),
  fill: frame => frame.fillNull(0),
}

const isNumber = (frame: DataFrame, name: string): boolean => numeric(frame).includes(name)

/** Whether columns with equal names have equal kinds of types. */
const sameKinds = (frame: DataFrame, other: DataFrame): boolean =>
  frame.schema().fields.every(({ name, type }) => {
    const twin = other.schema().fields.find(field => field.name === name)
    return twin === undefined || twin.type.kind === type.kind
  })

/** Renaming may give two columns one name; then nothing after it could tell them apart. */
const isClear = (frame: DataFrame): boolean => new Set(names(frame)).size === names(frame).length

const text = (row: Row): string =>
  JSON.stringify(row, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value))

const step = fc.tuple(fc.constantFrom(...Object.keys(OPERATIONS)), fc.nat(100))

test('chains of operations', async t => {
  await using ctx = new SessionContext()
  const base = ctx.fromColumns({
    id: [1, 2, 2, 3, null, 5],
    name: ['a', 'b', 'b', null, 'e', 'a'],
    x: [10, 20, 20, null, 50, 60],
  })
  const other = ctx.fromColumns({ id: [2, 3, 7], name: ['b', 'c', null], y: [true, false, null] })
  base.createView('base')
  const property = fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 7 }), async steps => {
    let lazy = await ctx.table('base')
    let held = await lazy.cache()
    for (const [name, choice] of steps) {
      const next = OPERATIONS[name](lazy, choice, other)
      if (!isClear(next)) continue
      lazy = next
      held = await OPERATIONS[name](held, choice, other).cache()
    }
    const [got, expected] = await Promise.all([lazy.rows(), held.rows()])
    if (got.map(text).sort().join('\n') !== expected.map(text).sort().join('\n'))
      throw new Error(
        `${lazy.toSql()}\n--- gives\n${got.map(text).join('\n')}\n--- not\n${expected.map(text).join('\n')}`,
      )
    if (steps.at(-1)?.[0] === 'sort' && got.map(text).join('\n') !== expected.map(text).join('\n'))
      throw new Error(`the order is lost: ${lazy.toSql()}`)
  })
  await t.notThrowsAsync(fc.assert(property, { numRuns: RUNS }))
})
