/** Streams of events on virtual time: what a reader gets when it reads slowly, when nothing happens, and when it leaves. */
import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import test from 'ava'
import { systemClock, type Clock } from '../../src/common/clock.js'
import { EventPump } from '../../src/cluster/http/event-pump.js'

/** Timers run when the test says so, in the order of their time. */
function virtualClock(): { clock: Clock; advance: (ms: number) => void } {
  let nowMs = 0
  let timers: { atMs: number; action: () => void }[] = []
  const clock: Clock = {
    ...systemClock,
    nowMs: () => nowMs,
    after(delayMs, action) {
      const timer = { atMs: nowMs + delayMs, action }
      timers.push(timer)
      return { cancel: () => (timers = timers.filter(other => other !== timer)) }
    },
  }
  const advance = (ms: number): void => {
    const untilMs = nowMs + ms
    for (;;) {
      const [next] = timers.toSorted((left, right) => left.atMs - right.atMs)
      if (next === undefined || next.atMs > untilMs) break
      nowMs = next.atMs
      timers = timers.filter(other => other !== next)
      next.action()
    }
    nowMs = untilMs
  }
  return { clock, advance }
}

/** A response that keeps what is written; `takes` false: its buffer is full. */
class Reader extends EventEmitter {
  text = ''
  takes = true
  ended = false

  write(text: string): boolean {
    this.text += text
    return this.takes
  }

  end(): void {
    this.ended = true
    this.emit('close')
  }

  read(): string {
    const { text } = this
    this.text = ''
    return text
  }
}

function counting(): {
  reader: Reader
  advance: (ms: number) => void
  happen: () => void
  source: { over: boolean; stops: number }
} {
  const { clock, advance } = virtualClock()
  const reader = new Reader()
  let value = 0
  let changed = (): void => undefined
  const source = {
    over: false,
    stops: 0,
    take: () => [{ event: 'n', data: value }],
    stop: () => void source.stops++,
  }
  const pump = new EventPump(reader as unknown as ServerResponse, { open: call => ((changed = call), source) }, clock)
  reader.once('test-end', () => pump.end())
  const happen = (): void => {
    value++
    changed()
  }
  return { reader, advance, happen, source }
}

const event = (value: number): string => `event: n\ndata: ${value}\n\n`

test('the first state comes at once, later ones at most four times a second', t => {
  const { reader, advance, happen } = counting()
  t.is(reader.read(), event(0))
  for (let i = 0; i < 100; i++) happen()
  t.is(reader.read(), '')
  advance(250)
  t.is(reader.read(), event(100))
  advance(1000)
  t.is(reader.read(), '', 'nothing has happened')
  happen()
  t.is(reader.read(), event(101), 'after a rest news come at once')
})

test('a reader that does not read gets nothing more, then the newest state', t => {
  const { reader, advance, happen } = counting()
  reader.takes = false
  advance(250)
  happen()
  reader.read()
  for (let i = 0; i < 50; i++) {
    happen()
    advance(20_000)
  }
  t.is(reader.read(), '')
  reader.takes = true
  reader.emit('drain')
  t.is(reader.read(), event(51))
})

test('a quiet stream is kept alive by comments', t => {
  const { reader, advance } = counting()
  reader.read()
  advance(45_000)
  t.is(reader.read(), ':\n\n:\n\n:\n\n')
})

test('a stream ends with its source, and lets go of it once', t => {
  const { reader, advance, happen, source } = counting()
  reader.read()
  source.over = true
  happen()
  advance(250)
  t.is(reader.read(), event(1))
  t.true(reader.ended)
  happen()
  advance(60_000)
  t.is(reader.read(), '')
  t.is(source.stops, 1)
})

test('a reader that leaves, and a server that closes, let go of the source', t => {
  for (const name of ['close', 'test-end']) {
    const { reader, advance, happen, source } = counting()
    reader.read()
    reader.emit(name)
    happen()
    advance(60_000)
    t.is(reader.read(), '')
    t.is(source.stops, 1)
  }
})
