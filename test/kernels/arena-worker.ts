/** A thread of the allocator tests: does what it is told and answers with what happened. */
import { parentPort, workerData, type MessagePort } from 'node:worker_threads'
import { alloc, arenaThread, attachArena, bytesInUse, release, retain, views } from '../../src/arrow/memory.js'
import { seededRng } from '../../src/common/clock.js'
import { invariant } from '../../src/common/invariant.js'

export interface ThreadData {
  readonly memory?: WebAssembly.Memory
  readonly task: 'exchange' | 'allocate' | 'misuse' | 'outlive'
  readonly seed?: number
  readonly peer?: MessagePort
  readonly rounds?: number
  readonly count?: number
  readonly byteLength?: number
  /** Of another thread, with a reference for this one. */
  readonly blocks?: readonly number[]
}

/** A block on its way to another thread, with the word that fills it. */
interface Parcel {
  readonly block: number
  readonly words: number
  readonly mark: number
}

const data = workerData as ThreadData
if (data.memory !== undefined) attachArena(data.memory)

switch (data.task) {
  case 'exchange':
    exchange(data)
    break
  case 'allocate':
    allocate(data.count ?? 0, data.byteLength ?? 0)
    break
  case 'outlive':
    outlive(data.blocks ?? [])
    break
  case 'misuse':
    parentPort?.postMessage(misuse())
    break
}

/** Sends blocks to the peer and releases those that come from it, keeping some of both for later rounds. */
function exchange({ seed = 1, peer, rounds = 0 }: ThreadData): void {
  invariant(peer !== undefined, 'an exchange has a peer')
  const rng = seededRng(seed)
  const kept: Parcel[] = []
  const settle = (parcel: Parcel): void => {
    const { u32 } = views()
    for (const at of [0, parcel.words >>> 1, parcel.words - 1]) {
      invariant(u32[parcel.block / 4 + at] === parcel.mark, `block ${parcel.block} was overwritten`)
    }
    release(parcel.block)
  }
  const round = (): Parcel[] =>
    Array.from({ length: 40 }, (): Parcel => {
      const byteLength = 4 * Math.ceil(2 ** (rng.next() * 18))
      const parcel = { block: alloc(byteLength), words: byteLength / 4, mark: Math.floor(rng.next() * 2 ** 32) }
      views().u32.fill(parcel.mark, parcel.block / 4, parcel.block / 4 + parcel.words)
      if (rng.next() < 0.3) {
        retain(parcel.block)
        kept.push(parcel)
      }
      return parcel
    })
  let sent = 0
  const send = (): void => peer.postMessage(sent++ < rounds ? round() : 'end')
  peer.on('message', (message: Parcel[] | 'end') => {
    try {
      if (message === 'end') {
        kept.splice(0).forEach(settle)
        peer.close()
        parentPort?.postMessage({ thread: arenaThread(), rounds: sent })
        return
      }
      message.forEach(settle)
      while (kept.length > 50) settle(kept.splice(Math.floor(rng.next() * kept.length), 1)[0])
      send()
    } catch (error) {
      parentPort?.postMessage({ error: String(error) })
      peer.close()
    }
  })
  send()
}

/** Allocates blocks and says where; then waits to be ended. */
function allocate(count: number, byteLength: number): void {
  const blocks = Array.from({ length: count }, () => alloc(byteLength))
  parentPort?.postMessage({ thread: arenaThread(), blocks })
  parentPort?.once('message', () => parentPort?.close())
}

/** Releases blocks of another thread and, when that has been swept, so many own ones that the debug mode lets the first ones go. */
function outlive(blocks: readonly number[]): void {
  blocks.forEach(release)
  parentPort?.postMessage('released')
  parentPort?.once('message', () => {
    try {
      for (let i = 0; i < 600; i++) release(alloc(64))
      parentPort?.postMessage('fine')
    } catch (error) {
      parentPort?.postMessage(String(error))
    }
  })
}

/** What the debug mode says about the three kinds of misuse. */
function misuse(): string[] {
  const messages: string[] = []
  const attempt = (action: () => void): void => {
    try {
      action()
      messages.push('nothing')
    } catch (error) {
      messages.push(error instanceof Error ? error.message : String(error))
    }
  }
  const block = alloc(1000)
  release(block)
  attempt(() => release(block))
  attempt(() => retain(block))
  views().u8[block + 500] = 1
  attempt(() => {
    for (let i = 0; i < 300; i++) release(alloc(64))
  })
  messages.push(String(bytesInUse()), String(block))
  return messages
}
