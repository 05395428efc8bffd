/** Both stores keep one contract; the one on disk keeps it when its process is killed. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import test, { type ExecutionContext } from 'ava'
import { BallistaError } from '../../src/common/errors.js'
import { systemRng } from '../../src/common/clock.js'
import type { KeyValueStore } from '../../src/kv/kv-store.js'
import { openStore } from '../../src/kv/lmdb-store.js'
import { MemoryStore } from '../../src/kv/memory-store.js'
import { KEYS, keyOf, valueOf } from './writer.js'

const STORES: Readonly<Record<string, (directory: string) => Promise<KeyValueStore>>> = {
  memory: async () => new MemoryStore(),
  disk: openStore,
}

const bytes = (text: string): Uint8Array => Buffer.from(text)
const texts = (store: Pick<KeyValueStore, 'scan'>, prefix: string): string[] =>
  Array.from(store.scan(prefix), ({ key, value }) => `${key}=${Buffer.from(value).toString()}`)

function scratch(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'ballista-kv-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

for (const [name, open] of Object.entries(STORES)) {
  test(`${name}: a scan gives the keys of a prefix in the order of their bytes`, async t => {
    const store = await open(scratch(t))
    await store.transact(transaction => {
      for (const key of ['b/2', 'a/é', 'a/z', 'a/', 'ab', 'a/10', 'a/9', 'a/\u{1F600}', 'a/\uFFFD'])
        transaction.put(key, bytes(key.length.toString()))
    })
    t.deepEqual(texts(store, 'a/'), ['a/=2', 'a/10=4', 'a/9=3', 'a/z=3', 'a/é=3', 'a/\uFFFD=3', 'a/\u{1F600}=4'])
    t.deepEqual(texts(store, 'b'), ['b/2=3'])
    t.is(texts(store, '').length, 9)
    t.is(store.get('c'), undefined)
    await store.close()
  })

  test(`${name}: a transaction that throws writes nothing, and the others are not disturbed`, async t => {
    const store = await open(scratch(t))
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) =>
        store.transact(transaction => {
          transaction.put(`k${i}`, bytes('x'))
          if (i % 3 === 0) throw new BallistaError({ code: 'INVALID_ARGUMENT', message: `no ${i}`, context: [] })
        }),
      ),
    )
    t.deepEqual(
      outcomes.map(({ status }) => status === 'fulfilled'),
      outcomes.map((_, i) => i % 3 !== 0),
    )
    t.is((outcomes[3] as PromiseRejectedResult).reason.message, 'no 3')
    t.is(texts(store, 'k').length, 13)
    await store.close()
  })

  test(`${name}: of many that put a key if it is absent, one does`, async t => {
    const store = await open(scratch(t))
    const won = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        store.transact(transaction => {
          if (transaction.get('key') !== undefined) return false
          transaction.put('key', bytes(String(i)))
          return true
        }),
      ),
    )
    t.is(won.filter(Boolean).length, 1)
    await Promise.all(
      Array.from({ length: 50 }, () =>
        store.transact(transaction => {
          const counted = Number(Buffer.from(transaction.get('count') ?? bytes('0')).toString())
          transaction.put('count', bytes(String(counted + 1)))
        }),
      ),
    )
    t.deepEqual(texts(store, 'count'), ['count=50'])
    await store.transact(transaction => transaction.delete('count'))
    t.deepEqual(texts(store, 'count'), [])
    await store.close()
  })

  test(`${name}: a name that is too long is refused`, async t => {
    const store = await open(scratch(t))
    const error = await t.throwsAsync(store.transact(transaction => transaction.put('é'.repeat(951), bytes(''))))
    t.is(error?.message, 'a name of 1902 bytes; 1900 are the most')
    await store.close()
  })
}

test('a store has one owner, and is there for the next one', async t => {
  const directory = scratch(t)
  const store = await openStore(directory)
  await store.transact(transaction => transaction.put('a', bytes('1')))
  const again = await t.throwsAsync<BallistaError>(openStore(directory))
  t.is(again?.code, 'STORE_LOCKED')
  const other = await runWriter(directory, 0, 0)
  t.regex(other.errors, new RegExp(`in use by process ${process.pid}`))
  await store.close()
  await store.close()
  const next = await openStore(directory)
  t.deepEqual(texts(next, ''), ['a=1'])
  await next.close()
})

const FULL = process.env['BALLISTA_TEST_FULL'] === '1'

test(`a store whose process is killed has every acknowledged transaction, and none in part`, async t => {
  const directory = scratch(t)
  const acknowledged = new Set<number>()
  let next = 0
  for (let kill = 0; kill < (FULL ? 200 : 6); kill++) {
    const { numbers, errors } = await runWriter(directory, next, 1 + Math.trunc(systemRng.next() * 40))
    t.true(numbers.length > 0, errors)
    for (const number of numbers) acknowledged.add(number)
    const store = await openStore(directory)
    const found = new Map<string, number>()
    for (const { key, value } of store.scan('job/')) {
      const [, number] = key.split('/')
      t.deepEqual(Buffer.from(value), Buffer.from(valueOf(Number(number))))
      found.set(number, (found.get(number) ?? 0) + 1)
    }
    t.true([...found.values()].every(parts => parts === KEYS))
    t.true([...acknowledged].every(number => store.get(keyOf(number, 0)) !== undefined))
    const last = Math.max(...[...found.keys()].map(Number))
    t.is(Buffer.from(store.get('last') ?? []).toString(), String(last))
    next = last + 1
    await store.close()
  }
})

/** Kills the writer in the middle of what it does after `count` transactions are acknowledged; at once if it fails. */
async function runWriter(
  directory: string,
  from: number,
  count: number,
): Promise<{ numbers: number[]; errors: string }> {
  const writer = spawn(process.execPath, [new URL('writer.js', import.meta.url).pathname, directory, String(from)])
  const numbers: number[] = []
  let errors = ''
  writer.stderr.on('data', (text: Buffer) => (errors += text.toString()))
  const ended = new Promise(resolve => writer.once('close', resolve))
  for await (const line of createInterface(writer.stdout)) {
    numbers.push(Number(line))
    if (numbers.length === count) writer.kill('SIGKILL')
  }
  await ended
  return { numbers, errors }
}
