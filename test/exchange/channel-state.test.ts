/** The channel machines: every event in every phase, and random exchanges that keep the protocol's invariants. */
import test from 'ava'
import { seededRng } from '../../src/common/clock.js'
import {
  canSend,
  newReceiver,
  newSender,
  stepReceiver,
  stepSender,
  type FrameHeader,
  type ReceiverEffect,
  type ReceiverEvent,
  type SenderEffect,
  type SenderEvent,
} from '../../src/exchange/channel-state.js'

const send = (bytes: number, more = false): SenderEvent => ({ kind: 'send', bytes, rows: more ? 0 : 5, more })

const senderCases: readonly {
  name: string
  credit: number
  events: readonly SenderEvent[]
  phase: string
  effects: readonly SenderEffect['kind'][]
}[] = [
  {
    name: 'sends within credit',
    credit: 10,
    events: [send(4), send(6)],
    phase: 'streaming',
    effects: ['sendFrame', 'sendFrame'],
  },
  {
    name: 'a smaller credit changes nothing',
    credit: 10,
    events: [{ kind: 'credit', creditBytes: 3 }, send(10)],
    phase: 'streaming',
    effects: ['sendFrame'],
  },
  { name: 'ends once', credit: 10, events: [{ kind: 'end' }, { kind: 'end' }], phase: 'eosSent', effects: ['sendEos'] },
  {
    name: 'bye with the totals acknowledges',
    credit: 10,
    events: [send(3), { kind: 'end' }, { kind: 'bye', batches: 1, rows: 5 }],
    phase: 'done',
    effects: ['sendFrame', 'sendEos', 'acknowledged'],
  },
  {
    name: 'bye with other totals is a violation',
    credit: 10,
    events: [send(3), { kind: 'end' }, { kind: 'bye', batches: 1, rows: 4 }],
    phase: 'done',
    effects: ['sendFrame', 'sendEos', 'violated'],
  },
  {
    name: 'bye before the end is a violation',
    credit: 10,
    events: [{ kind: 'bye', batches: 0, rows: 0 }],
    phase: 'done',
    effects: ['violated'],
  },
  {
    name: 'cancel is the last word',
    credit: 10,
    events: [{ kind: 'cancel' }, { kind: 'end' }, { kind: 'fail' }],
    phase: 'done',
    effects: ['cancelled'],
  },
  {
    name: 'a failure is told',
    credit: 10,
    events: [{ kind: 'fail' }, { kind: 'end' }],
    phase: 'done',
    effects: ['sendFailure'],
  },
]

for (const { name, credit, events, phase, effects } of senderCases) {
  test(`sender: ${name}`, t => {
    let state = newSender(credit)
    const seen: string[] = []
    for (const event of events) {
      const step = stepSender(state, event)
      state = step.state
      seen.push(...step.effects.map(effect => effect.kind))
    }
    t.deepEqual({ phase: state.phase, seen }, { phase, seen: [...effects] } as never)
  })
}

test('sender: a frame without credit is refused by the machine itself', t => {
  t.false(canSend(newSender(10), 11))
  t.throws(() => stepSender(newSender(10), send(11)), { message: /a frame without credit/ })
})

const frame = (seq: number, bytes: number, more = false): ReceiverEvent => ({
  kind: 'frame',
  frame: { seq, rows: more ? 0 : 5, more, bytes },
})
const eos = (frames: number, batches: number, rows: number, bytes: number): ReceiverEvent => ({
  kind: 'eos',
  totals: { frames, batches, rows, bytes },
})

const receiverCases: readonly {
  name: string
  events: readonly ReceiverEvent[]
  phase: string
  effects: readonly ReceiverEffect['kind'][]
}[] = [
  { name: 'delivers', events: [frame(0, 4)], phase: 'open', effects: ['deliver'] },
  {
    name: 'gives credit back by half windows',
    events: [frame(0, 4), { kind: 'used', bytes: 4 }, frame(1, 2), { kind: 'used', bytes: 2 }],
    phase: 'open',
    effects: ['deliver', 'deliver', 'sendCredit'],
  },
  {
    name: 'a batch larger than the window comes through',
    events: [frame(0, 6, true), frame(1, 6, true), frame(2, 6)],
    phase: 'open',
    effects: ['keep', 'sendCredit', 'keep', 'sendCredit', 'deliver'],
  },
  { name: 'a gap is refused', events: [frame(1, 4)], phase: 'failed', effects: ['reject'] },
  {
    name: 'a repeated frame is refused',
    events: [frame(0, 4), frame(0, 4)],
    phase: 'failed',
    effects: ['deliver', 'reject'],
  },
  { name: 'a frame beyond the credit is refused', events: [frame(0, 11)], phase: 'failed', effects: ['reject'] },
  {
    name: 'ends when the totals agree',
    events: [frame(0, 4), eos(1, 1, 5, 4)],
    phase: 'ended',
    effects: ['deliver', 'sendBye'],
  },
  {
    name: 'an end with fewer rows is refused',
    events: [frame(0, 4), eos(1, 1, 6, 4)],
    phase: 'failed',
    effects: ['deliver', 'reject'],
  },
  {
    name: 'an end with more frames is refused',
    events: [frame(0, 4), eos(2, 2, 10, 8)],
    phase: 'failed',
    effects: ['deliver', 'reject'],
  },
  {
    name: 'an end inside a batch is refused',
    events: [frame(0, 4, true), eos(1, 0, 0, 4)],
    phase: 'failed',
    effects: ['keep', 'reject'],
  },
  {
    name: 'a frame after the end is refused',
    events: [eos(0, 0, 0, 0), frame(0, 4)],
    phase: 'failed',
    effects: ['sendBye', 'reject'],
  },
  {
    name: 'what is on its way after a cancel is ignored',
    events: [{ kind: 'cancel' }, frame(0, 4), eos(1, 1, 5, 4)],
    phase: 'cancelled',
    effects: ['sendCancel'],
  },
  {
    name: 'a cancel after the end says nothing',
    events: [eos(0, 0, 0, 0), { kind: 'cancel' }],
    phase: 'ended',
    effects: ['sendBye'],
  },
]

for (const { name, events, phase, effects } of receiverCases) {
  test(`receiver: ${name}`, t => {
    let state = newReceiver(10)
    const seen: string[] = []
    for (const event of events) {
      const step = stepReceiver(state, event)
      state = step.state
      seen.push(...step.effects.map(effect => effect.kind))
    }
    t.deepEqual({ phase: state.phase, seen }, { phase, seen: [...effects] } as never)
  })
}

/** One channel with delayed messages both ways: random batch sizes, consumption and delivery order between the directions. */
function randomExchange(seed: number): {
  sent: number
  used: number
  maxHeld: number
  windowBytes: number
  phase: string
} {
  const rng = seededRng(seed)
  const below = (limit: number): number => Math.floor(rng.next() * limit)
  const maxFrame = 1 + below(100)
  const windowBytes = 2 * maxFrame + below(300)
  const batches = Array.from({ length: below(30) }, () => 1 + below(4 * windowBytes))
  let sender = newSender(windowBytes)
  let receiver = newReceiver(windowBytes)
  const toReceiver: ReceiverEvent[] = []
  const toSender: SenderEvent[] = []
  const held: number[] = []
  let rest = 0
  let sent = 0
  let used = 0
  let maxHeld = 0

  function produce(): boolean {
    if (rest === 0) {
      const next = batches.shift()
      if (next === undefined) {
        if (sender.phase !== 'streaming') return false
        apply(stepSender(sender, { kind: 'end' }))
        return true
      }
      rest = next
    }
    const bytes = Math.min(rest, maxFrame)
    if (!canSend(sender, bytes)) return false
    rest -= bytes
    sent += bytes
    apply(stepSender(sender, { kind: 'send', bytes, rows: rest > 0 ? 0 : 1, more: rest > 0 }))
    return true
  }

  function apply(step: ReturnType<typeof stepSender>): void {
    sender = step.state
    for (const effect of step.effects) {
      if (effect.kind === 'sendFrame') toReceiver.push({ kind: 'frame', frame: effect.frame satisfies FrameHeader })
      if (effect.kind === 'sendEos') toReceiver.push({ kind: 'eos', totals: effect.totals })
      if (effect.kind === 'violated' || effect.kind === 'sendFailure') throw new Error(effect.kind)
    }
  }

  function consume(event: ReceiverEvent): void {
    const before = receiver.creditBytes
    const step = stepReceiver(receiver, event)
    receiver = step.state
    if (receiver.creditBytes < before) throw new Error('credit shrank')
    for (const effect of step.effects) {
      if (effect.kind === 'deliver') held.push(effect.bytes)
      if (effect.kind === 'sendCredit') toSender.push({ kind: 'credit', creditBytes: effect.creditBytes })
      if (effect.kind === 'sendBye') toSender.push({ kind: 'bye', batches: effect.batches, rows: effect.rows })
      if (effect.kind === 'reject') throw new Error(effect.found)
    }
    // One batch may be larger than the window; the others fit it.
    const allButLargest = held.reduce((sum, bytes) => sum + bytes, 0) - Math.max(0, ...held)
    maxHeld = Math.max(maxHeld, allButLargest)
  }

  const actions = [
    produce,
    () => deliverTo(toReceiver, consume),
    () => deliverTo(toSender, event => apply(stepSender(sender, event))),
    () => {
      const bytes = held.shift()
      if (bytes === undefined) return false
      used += bytes
      consume({ kind: 'used', bytes })
      return true
    },
  ]
  for (let idle = 0; idle < 200;) idle = actions[below(actions.length)]() ? 0 : idle + 1
  return { sent, used, maxHeld, windowBytes, phase: sender.phase }
}

function deliverTo<T>(queue: T[], receive: (event: T) => void): boolean {
  const event = queue.shift()
  if (event === undefined) return false
  receive(event)
  return true
}

test('random exchanges end, lose nothing, and hold no more than the window', t => {
  for (let seed = 1; seed <= 500; seed++) {
    const run = randomExchange(seed)
    t.is(run.phase, 'done', `seed ${seed}`)
    t.is(run.used, run.sent, `seed ${seed}`)
    t.true(run.maxHeld <= run.windowBytes, `seed ${seed}: ${run.maxHeld} of ${run.windowBytes}`)
  }
})
