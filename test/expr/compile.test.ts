/** The compiler against the interpreter over random expressions and batches. */
import test from 'ava'
import { batchFromValues, columnValues, releaseBatch, releaseColumn } from '../../src/arrow/column.js'
import type { Batch } from '../../src/arrow/batch.js'
import { bytesInUse, views } from '../../src/arrow/memory.js'
import { field, schemaOf } from '../../src/arrow/schema.js'
import { BOOLEAN, DATE, FLOAT64, INT64, NULL, decimal, typeName, type Value } from '../../src/arrow/types.js'
import { seededRng } from '../../src/common/clock.js'
import { BallistaError } from '../../src/common/errors.js'
import { compileExprs, compilePredicate } from '../../src/expr/compile.js'
import { binaryExpr, caseExpr, inputExpr } from '../../src/expr/build.js'
import { ChainBuilder } from '../../src/expr/chain.js'
import { displayExpr } from '../../src/expr/display.js'
import { literal, typeOf, type ArithmeticOp, type Expr } from '../../src/expr/expr.js'
import { evaluateRow } from '../../src/expr/interpret.js'
import { UNREACHED } from './random-calls.js'
import { RANDOM_SCHEMA, randomBatch, randomExpr, randomType } from './random-expr.js'

const SEED = Number(process.env.SEED ?? 20_241_122)
const ROUNDS = Number(process.env.ROUNDS ?? (process.env.BALLISTA_TEST_FULL === '1' ? 20_000 : 600))

/** The full number of rounds takes minutes on a busy machine. */
const FULL_MS = 30 * 60_000

type Outcome = { readonly value: Value } | { readonly code: string }

function attempt<T>(run: () => T): T | BallistaError {
  try {
    return run()
  } catch (error) {
    if (error instanceof BallistaError && error.category === 'user') return error
    throw error
  }
}

function interpret(expr: Expr, batch: Batch): Outcome[] {
  const columns = batch.columns.map(columnValues)
  return Array.from({ length: batch.rowCount }, (_, row) => {
    const value = attempt(() =>
      evaluateRow(
        expr,
        columns.map(column => column[row]),
      ),
    )
    return value instanceof BallistaError ? { code: value.code } : { value }
  })
}

const same = (left: Value, right: Value): boolean =>
  Object.is(left, right) ||
  (typeof left === 'object' &&
    typeof right === 'object' &&
    left !== null &&
    right !== null &&
    JSON.stringify(Object.values(left), text) === JSON.stringify(Object.values(right), text))

const text = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? `${value}` : value)

function explain(expr: Expr, seed: number): string {
  return `SEED=${seed} ${typeName(typeOf(expr))}: ${displayExpr(expr)}`
}

test.serial('a chain gives what nested binary nodes give, in type, value and error', t => {
  t.timeout(FULL_MS)
  for (let round = 0; round < ROUNDS / 3; round++) {
    const seed = SEED + round
    const rng = seededRng(seed * 2_654_435)
    const type = [INT64, FLOAT64, decimal(15, 2), decimal(30, 4), DATE][Math.floor(rng.next() * 5)]
    const op = (): ArithmeticOp => (['+', '-', '+', '-', '*', '/', '%'] as const)[Math.floor(rng.next() * 7)]
    const steps = Array.from({ length: 6 }, () => ({ op: op(), right: randomExpr(rng, type, 1) }))
    const head = randomExpr(rng, type, 1)
    const nested = attempt(() => steps.reduce((left, step) => binaryExpr(step.op, left, step.right), head))
    const builder = new ChainBuilder(head)
    const built = attempt(() => steps.forEach(step => builder.add(step.op, step.right)))
    if (nested instanceof BallistaError || built instanceof BallistaError) {
      t.is(String(built), String(nested), `SEED=${seed}`)
      continue
    }
    const flat = builder.build()
    t.deepEqual(typeOf(flat), typeOf(nested), explain(flat, seed))
    t.is(displayExpr(flat), displayExpr(nested), `SEED=${seed}`)
    const batch = randomBatch(rng, 20)
    t.deepEqual(interpret(flat, batch), interpret(nested, batch), explain(flat, seed))
    const results = [flat, nested].map(expr => attempt(() => compileExprs([expr], RANDOM_SCHEMA).evaluate(batch)))
    const shown = results.map(result =>
      result instanceof BallistaError ? result.code : result.flatMap(column => columnValues(column)),
    )
    t.deepEqual(shown[0], shown[1], explain(flat, seed))
    for (const result of results) if (!(result instanceof BallistaError)) result.forEach(releaseColumn)
    releaseBatch(batch)
  }
})

test('every function can be reached by random expressions', t => {
  t.deepEqual(UNREACHED, LISTS)
})

/** These take lists, which no column of the random batch has. */
const LISTS = [
  'array_distinct',
  'array_element',
  'array_has',
  'array_length',
  'array_position',
  'array_sort',
  'array_to_string',
]

test.serial('compiled expressions give what the interpreter gives, value by value and error by error', t => {
  t.timeout(FULL_MS)
  for (let round = 0; round < ROUNDS; round++) {
    const seed = SEED + round
    const rng = seededRng(seed * 2_654_435)
    const before = bytesInUse()
    const batch = randomBatch(rng, Math.floor(rng.next() * 150))
    const expr: Expr | BallistaError = attempt(() => randomExpr(rng, randomType(rng), 4))
    if (expr instanceof BallistaError) {
      releaseBatch(batch)
      continue
    }
    const expected = interpret(expr, batch)
    const codes = expected.flatMap(outcome => ('code' in outcome ? [outcome.code] : []))
    const compiled = compileExprs([expr, expr], RANDOM_SCHEMA)
    const actual = attempt(() => compiled.evaluate(batch))
    if (actual instanceof BallistaError) {
      if (!codes.includes(actual.code))
        return t.fail(`${explain(expr, seed)} raised ${actual.message}; expected ${codes.join() || 'no error'}`)
    } else {
      if (codes.length > 0) return t.fail(`${explain(expr, seed)} did not raise ${codes.join()}`)
      for (const column of actual) {
        const values = columnValues(column)
        const wrong = expected.findIndex((outcome, row) => 'value' in outcome && !same(outcome.value, values[row]))
        const nulls = values.filter(value => value === null).length
        if (wrong >= 0)
          return t.fail(
            `${explain(expr, seed)} row ${wrong}: ${String(values[wrong])} instead of ${JSON.stringify(expected[wrong], text)}`,
          )
        if (nulls !== column.nullCount)
          return t.fail(`${explain(expr, seed)}: null count ${column.nullCount} instead of ${nulls}`)
        const { range } = column
        const outside =
          range &&
          values.some(
            value => value !== null && (BigInt(value as number) < range.min || BigInt(value as number) > range.max),
          )
        if (outside === true) return t.fail(`${explain(expr, seed)}: values outside of the stated range`)
      }
      actual.forEach(releaseColumn)
    }
    releaseBatch(batch)
    if (bytesInUse() !== before)
      return t.fail(`${explain(expr, seed)}: ${bytesInUse() - before} bytes were not released`)
  }
  t.pass()
})

test.serial('predicates select the rows where the interpreter says true', t => {
  t.timeout(FULL_MS)
  for (let round = 0; round < ROUNDS / 2; round++) {
    const seed = SEED + round
    const rng = seededRng(seed * 40_503)
    const before = bytesInUse()
    const batch = randomBatch(rng, Math.floor(rng.next() * 300))
    const expr: Expr | BallistaError = attempt(() => randomExpr(rng, BOOLEAN, 4))
    if (!(expr instanceof BallistaError)) {
      const expected = interpret(expr, batch)
      const raises = expected.some(outcome => 'code' in outcome)
      const predicate = compilePredicate(expr, RANDOM_SCHEMA)
      const selection = attempt(() => predicate.select(batch))
      if (selection instanceof BallistaError) {
        if (!raises) return t.fail(`${explain(expr, seed)} raised ${selection.message}`)
      } else {
        const { count, indices } = selection
        const all = Array.from({ length: count }, (_, i) => i)
        const rows = indices === 0 ? all : [...views().i32.subarray(indices / 4, indices / 4 + count)]
        const wanted = expected.flatMap((outcome, row) => ('value' in outcome && outcome.value === true ? [row] : []))
        if (indices === 0 && count !== 0 && count !== batch.rowCount)
          return t.fail(`${explain(expr, seed)}: ${count} rows without indices`)
        selection.release()
        const unsure = new Set(expected.flatMap((outcome, row) => ('code' in outcome ? [row] : [])))
        const certain = rows.filter(row => !unsure.has(row))
        if (certain.join() !== wanted.join())
          return t.fail(`${explain(expr, seed)}: rows ${rows.join()} instead of ${wanted.join()}`)
      }
    }
    releaseBatch(batch)
    if (bytesInUse() !== before) return t.fail(`SEED=${seed}: ${bytesInUse() - before} bytes were not released`)
  }
  t.pass()
})

const one = (expr: Expr, type = INT64, values: readonly Value[] = [1n, 0n, null, 5n]): readonly Value[] => {
  const schema = schemaOf(field('a', type))
  const batch = batchFromValues(schema, [values])
  try {
    const [column] = compileExprs([expr], schema).evaluate(batch)
    const result = columnValues(column)
    releaseColumn(column)
    return result
  } finally {
    releaseBatch(batch)
  }
}

test.serial('a predicate that is NULL selects nothing', t => {
  const schema = schemaOf(field('a', INT64))
  const batch = batchFromValues(schema, [[1n, 2n]])
  for (const value of [literal(null, NULL), literal(null, BOOLEAN)]) {
    t.is(compilePredicate(value, schema).select(batch).count, 0)
  }
  t.like(compilePredicate(literal(true, BOOLEAN), schema).select(batch), { count: 2, indices: 0 })
  releaseBatch(batch)
  t.is(bytesInUse(), 0)
})

test.serial('guards protect what comes after them', t => {
  const a = inputExpr(0, 'a', INT64)
  const zero = literal(0n, INT64)
  const ten = binaryExpr('/', literal(10n, INT64), a)
  const guard = binaryExpr('<>', a, zero)
  t.deepEqual(one(binaryExpr('and', guard, binaryExpr('>', ten, literal(1n, INT64)))), [true, false, null, true])
  t.deepEqual(one(binaryExpr('or', binaryExpr('=', a, zero), binaryExpr('>', ten, literal(3n, INT64)))), [
    true,
    true,
    null,
    false,
  ])
  t.deepEqual(one(caseExpr([guard], [ten], zero)), [10n, 0n, 0n, 2n])
  t.throws(() => one(ten), { code: 'DIVIDE_BY_ZERO' })
  t.is(bytesInUse(), 0)
})

test.serial('a decimal result that fits is given even if a rescaled operand needs more than 128 bits', t => {
  const type = decimal(38, 0)
  const big = 9n * 10n ** 37n
  const a = inputExpr(0, 'a', type)
  t.deepEqual(one(binaryExpr('+', a, literal(1n, decimal(38, 0))), type, [big]), [big + 1n])
  t.throws(() => one(binaryExpr('+', a, a), type, [big]), { code: 'NUMERIC_OVERFLOW' })
  const scaled = binaryExpr('-', a, literal(2n * big, decimal(38, 1)))
  t.throws(() => one(scaled, type, [big]), { code: 'NUMERIC_OVERFLOW' })
  t.is(bytesInUse(), 0)
})
