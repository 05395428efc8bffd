import test from 'ava'
import { BallistaError } from '../../src/common/errors.js'
import { memoryPool } from '../../src/runtime/memory-pool.js'

test('reservations share one limit and give back what they release', t => {
  const pool = memoryPool(100)
  const sort = pool.reserve('SortExec (0)')
  const join = pool.reserve('HashJoinExec (0.1)')
  t.true(sort.tryResize(60))
  t.false(join.tryResize(41))
  t.is(join.byteLength, 0)
  t.true(join.tryResize(40))
  t.is(pool.reserved, 100)
  t.true(sort.tryResize(10))
  t.is(pool.reserved, 50)
  join.release()
  t.is(pool.reserved, 10)
  sort.release()
  t.is(pool.reserved, 0)
})

test('a refusal keeps the old size and names the largest consumers', t => {
  const pool = memoryPool(100)
  const sizes: [string, number][] = [
    ['A', 5],
    ['B', 30],
    ['C', 20],
    ['D', 10],
  ]
  for (const [owner, byteLength] of sizes) pool.reserve(owner).resize(byteLength)
  const last = pool.reserve('AggregateExec (0)')
  last.resize(15)
  const error = t.throws(() => last.resize(40), { instanceOf: BallistaError })
  t.is((error as BallistaError).code, 'MEMORY_LIMIT')
  t.is(
    error?.message,
    'memory limit of 100 bytes reached by AggregateExec (0) (AggregateExec (0) holds 15, B holds 30, C holds 20, D holds 10), which asked for 25 more; raise ballista.memory.limit, or lower ballista.execution.batch_size',
  )
  t.is(last.byteLength, 15)
})

test('shrinking is granted even above the limit', t => {
  const pool = memoryPool(100)
  const reservation = pool.reserve('A')
  reservation.resize(100)
  t.true(reservation.tryResize(99))
})

test('releasing twice is releasing once', t => {
  const pool = memoryPool(100)
  const reservation = pool.reserve('A')
  reservation.resize(50)
  reservation.release()
  reservation.release()
  t.is(pool.reserved, 0)
})
