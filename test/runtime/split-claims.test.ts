/** Tasks that share a scan take every piece once, whoever is faster. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import test from 'ava'
import { SplitClaims, type Claim } from '../../src/runtime/split-claims.js'

const keyOf = ({ partition, piece }: Claim): string => `${partition}/${piece}`

function takeAll(claims: SplitClaims, own: number): string[] {
  const taken: string[] = []
  for (let claim = claims.take(own); claim !== undefined; claim = claims.take(own)) taken.push(keyOf(claim))
  return taken
}

test('a task reads its own pieces in order and then helps the one with most left, from the end', t => {
  const claims = new SplitClaims(SplitClaims.counters([2, 1, 4]))
  t.deepEqual(takeAll(claims, 0), ['0/0', '0/1', '2/3', '2/2', '2/1', '1/0', '2/0'])
  t.deepEqual(takeAll(claims, 1), [])
})

test('a partition without pieces here is left alone', t => {
  const claims = new SplitClaims(SplitClaims.counters([0, 2, 0]))
  t.deepEqual(takeAll(claims, 2), ['1/1', '1/0'])
})

test('threads that ask at the same time get every piece, each once', async t => {
  const pieces = [5_000, 20_000, 0]
  const shared = SplitClaims.counters(pieces)
  const module = new URL('../../src/runtime/split-claims.js', import.meta.url).href
  const code = `
    import { parentPort, workerData } from 'node:worker_threads'
    const { SplitClaims } = await import(workerData.module)
    const claims = new SplitClaims(workerData.shared)
    const taken = []
    for (let claim = claims.take(workerData.own); claim; claim = claims.take(workerData.own)) taken.push(claim.partition + '/' + claim.piece)
    parentPort.postMessage(taken)`
  const url = new URL(`data:text/javascript,${encodeURIComponent(code)}`)
  const taken = await Promise.all(
    pieces.map(async (_, own) => {
      const worker = new Worker(url, { workerData: { module, shared, own } })
      const [[list]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')])
      return list as string[]
    }),
  )
  const all = taken.flat()
  t.is(all.length, 25_000)
  t.is(new Set(all).size, 25_000)
})
