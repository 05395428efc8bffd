/** The kernels of pairs and bits against sums over arrays, in one piece and merged from two. */
import test from 'ava'
import type { Column } from '../../src/arrow/batch.js'
import { columnFromValues, columnValues, releaseColumn } from '../../src/arrow/column.js'
import { alloc, bytesInUse, release, views } from '../../src/arrow/memory.js'
import { FLOAT64, INT32, type DataType, type Value } from '../../src/arrow/types.js'
import { seededRng, type Rng } from '../../src/common/clock.js'
import type { Accumulator } from '../../src/expr/functions/aggregate/accumulator.js'
import { AGGREGATES } from '../../src/expr/functions/aggregate/index.js'

const SEED = Number(process.env.SEED ?? 5)
const GROUPS = 3

interface Rows {
  readonly groups: readonly number[]
  readonly columns: readonly (readonly Value[])[]
}

function open(name: string, args: readonly DataType[]): Accumulator {
  const definition = AGGREGATES.find(aggregate => aggregate.name === name)
  if (definition === undefined) throw new Error(name)
  return definition.accumulator({ args, constants: [], groupCount: 0, charge: () => undefined })
}

function withGroups(groups: readonly number[], use: (position: number) => void): void {
  const position = alloc(groups.length * 4 + 4)
  views().u32.set(groups, position / 4)
  use(position)
  release(position)
}

function feed(accumulator: Accumulator, types: readonly DataType[], { groups, columns }: Rows): void {
  const made: Column[] = columns.map((values, i) => columnFromValues(types[i], values))
  withGroups(groups, position =>
    accumulator.update({ groups: position, count: groups.length, groupCount: GROUPS, isPartial: true }, made),
  )
  made.forEach(releaseColumn)
}

/** The results by group of one accumulator that was given the first half and merged with one of the second half. */
function merged(name: string, types: readonly DataType[], { groups, columns }: Rows): Value[] {
  const half = groups.length >> 1
  const [left, right] = [open(name, types), open(name, types)]
  feed(left, types, { groups: groups.slice(0, half), columns: columns.map(values => values.slice(0, half)) })
  feed(right, types, { groups: groups.slice(half), columns: columns.map(values => values.slice(half)) })
  const states = right.states(0, GROUPS)
  withGroups([0, 1, 2], position =>
    left.merge({ groups: position, count: GROUPS, groupCount: GROUPS, isPartial: true }, states),
  )
  states.forEach(releaseColumn)
  const column = left.finish(0, GROUPS)
  const results = columnValues(column)
  releaseColumn(column)
  left.close()
  right.close()
  return results
}

const nullable = (rng: Rng, value: Value): Value => (rng.next() < 0.1 ? null : value)

test('covariance and correlation of merged halves are those of all pairs', t => {
  const rng = seededRng(SEED)
  const groups = Array.from({ length: 400 }, () => Math.floor(rng.next() * GROUPS))
  const x = groups.map(() => nullable(rng, 1e9 + rng.next()))
  const y = x.map(value => nullable(rng, 2 * Number(value ?? 0) + rng.next()))
  for (const [name, expected] of [
    ['covar_pop', (pairs: readonly (readonly number[])[]) => sums(pairs).xy / pairs.length],
    ['covar_samp', (pairs: readonly (readonly number[])[]) => sums(pairs).xy / (pairs.length - 1)],
    ['corr', (pairs: readonly (readonly number[])[]) => sums(pairs).xy / Math.sqrt(sums(pairs).xx * sums(pairs).yy)],
  ] as const) {
    const found = merged(name, [FLOAT64, FLOAT64], { groups, columns: [y, x] })
    for (let group = 0; group < GROUPS; group++) {
      const pairs = groups.flatMap((owner, row) =>
        owner === group && x[row] !== null && y[row] !== null ? [[Number(y[row]), Number(x[row])]] : [],
      )
      const wanted = expected(pairs)
      t.true(
        Math.abs(Number(found[group]) - wanted) <= Math.abs(wanted) * 1e-6,
        `SEED=${SEED} ${name}: ${String(found[group])} ${wanted}`,
      )
    }
  }
  t.is(bytesInUse(), 0)
})

/** Sums of products of distances from the means; the numbers are taken to the origin first, so that they are exact. */
function sums(pairs: readonly (readonly number[])[]): { xx: number; yy: number; xy: number } {
  const shifted = pairs.map(([y, x]) => [y - 2e9, x - 1e9])
  const mean = (i: 0 | 1): number => shifted.reduce((sum, pair) => sum + pair[i], 0) / shifted.length
  const [meanY, meanX] = [mean(0), mean(1)]
  return {
    xx: shifted.reduce((sum, [, x]) => sum + (x - meanX) ** 2, 0),
    yy: shifted.reduce((sum, [y]) => sum + (y - meanY) ** 2, 0),
    xy: shifted.reduce((sum, [y, x]) => sum + (x - meanX) * (y - meanY), 0),
  }
}

test('bits of merged halves are those of all values', t => {
  const rng = seededRng(SEED + 1)
  const groups = Array.from({ length: 60 }, () => Math.floor(rng.next() * GROUPS))
  const values = groups.map(() => nullable(rng, Math.floor(rng.next() * 2 ** 32) | 0))
  for (const [name, fold] of [
    ['bit_and', (a: number, b: number) => a & b],
    ['bit_or', (a: number, b: number) => a | b],
    ['bit_xor', (a: number, b: number) => a ^ b],
  ] as const) {
    const expected = [0, 1, 2].map(group =>
      values.flatMap((value, row) => (groups[row] === group && value !== null ? [Number(value)] : [])).reduce(fold),
    )
    t.deepEqual(merged(name, [INT32], { groups, columns: [values] }), expected, `SEED=${SEED} ${name}`)
  }
  t.is(bytesInUse(), 0)
})
