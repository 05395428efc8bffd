/** A store has one holder at a time, and the next one knows that it is the next. */
import test from 'ava'
import { MemoryStore } from '../../src/kv/memory-store.js'
import { takeOver } from '../../src/kv/take-over.js'

test('whoever takes a store over ends the transactions of the one before', async t => {
  const store = new MemoryStore()
  const first = await takeOver(store)
  await first.store.transact(transaction => transaction.put('a', Buffer.from('1')))
  const second = await takeOver(store)
  t.is(second.epoch, first.epoch + 1)
  t.is(second.stateId, first.stateId)
  await t.throwsAsync(
    first.store.transact(transaction => transaction.put('a', Buffer.from('2'))),
    { message: /epoch 2, not 1/ },
  )
  t.is(Buffer.from(second.store.get('a') ?? []).toString(), '1')
  t.not((await takeOver(new MemoryStore())).stateId, first.stateId)
})
