/** Writes in a store that outlives its coordinator: what the next one finds, and what a key means. */
import test from 'ava'
import type { WriteIntent } from '../../src/catalog/table-write.js'
import { StoreIntents } from '../../src/commit/store-intents.js'
import { systemClock, type Clock } from '../../src/common/clock.js'
import { MemoryStore } from '../../src/kv/memory-store.js'

const intentOf = (writeId: string, idempotencyKey?: string, path = '/t/'): WriteIntent => ({
  writeId,
  target: { kind: 'directory', path, format: 'parquet', options: {} },
  mode: 'append',
  ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
})

test('what was not ended is found by the next coordinator, with what was decided', async t => {
  const store = new MemoryStore()
  const intents = new StoreIntents(store, systemClock)
  await intents.begin(intentOf('a'))
  await intents.begin(intentOf('b', undefined, '/u/'))
  await intents.begin(intentOf('c'))
  await intents.record(intentOf('b', undefined, '/u/'), { kind: 'committed', rows: 3 })
  await intents.forget(intentOf('c'))
  const next = new StoreIntents(store, systemClock)
  t.deepEqual(await next.abandoned(), [
    { intent: intentOf('a'), isRunning: false },
    { intent: intentOf('b', undefined, '/u/'), outcome: { kind: 'committed', rows: 3 }, isRunning: false },
  ])
  t.deepEqual(await next.abandoned(intentOf('z').target), [{ intent: intentOf('a'), isRunning: false }])
})

test('a key is taken by the first write to its target, kept with its outcome for a day, and free when that was aborted', async t => {
  let wallMs = 1_000
  const clock: Clock = { ...systemClock, wallMs: () => wallMs }
  const intents = new StoreIntents(new MemoryStore(), clock)
  const first = intentOf('a', 'key')
  t.is(await intents.find(first), undefined)
  await intents.begin(first)
  t.true((await intents.find(intentOf('b', 'key')))?.isRunning)
  await t.throwsAsync(intents.begin(intentOf('b', 'key')), { message: /under way/ })
  await intents.begin(intentOf('c', 'key', '/other/'))
  await intents.record(first, { kind: 'aborted', error: { code: 'CANCELLED', message: '', context: [] } })
  await intents.forget(first)
  t.is(await intents.find(first), undefined)
  await intents.begin(intentOf('b', 'key'))
  await intents.record(intentOf('b', 'key'), { kind: 'committed', rows: 5 })
  await intents.forget(intentOf('b', 'key'))
  wallMs += 23 * 3_600_000
  t.deepEqual((await intents.find(intentOf('d', 'key')))?.outcome, { kind: 'committed', rows: 5 })
  wallMs += 2 * 3_600_000
  t.is(await intents.find(intentOf('d', 'key')), undefined)
  await intents.begin(intentOf('d', 'key'))
})
