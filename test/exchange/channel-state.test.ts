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
import { IS_FULL } from '../helpers/sample.js'

const send = (bytes: number, more = false): SenderEvent => ({ kind: 'send', bytes, rows: more ? 0 : 5, more })
const credit = (creditBytes: number, received = 0): SenderEvent => ({ kind: 'credit', creditBytes, received })
const resume = (creditBytes: number, received: number): SenderEvent => ({ kind: 'resume', creditBytes, received })

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
    events: [credit(3), send(10)],
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
    name: 'what has arrived is forgotten, once',
    credit: 10,
    events: [send(4), send(4), credit(20, 2), credit(14, 1)],
    phase: 'streaming',
    effects: ['sendFrame', 'sendFrame', 'forget'],
  },
  {
    name: 'more frames than were sent cannot have arrived',
    credit: 10,
    events: [send(4), credit(20, 2)],
    phase: 'done',
    effects: ['sendFrame', 'violated'],
  },
  {
    name: 'a consumer that is back gets what it lacks, and the end',
    credit: 10,
    events: [send(4), send(4), { kind: 'end' }, resume(20, 1)],
    phase: 'eosSent',
    effects: ['sendFrame', 'sendFrame', 'sendEos', 'forget', 'resend', 'sendEos'],
  },
  {
    name: 'a consumer that is back and lacks nothing gets nothing',
    credit: 10,
    events: [send(4), resume(20, 1)],
    phase: 'streaming',
    effects: ['sendFrame', 'forget'],
  },
  {
    name: 'frames that are forgotten are not sent again',
    credit: 10,
    events: [send(4), send(4), credit(20, 2), resume(20, 1)],
    phase: 'done',
    effects: ['sendFrame', 'sendFrame', 'forget', 'violated'],
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

test('sender: a frame may exceed the credit, one when it is used up is refused by the machine itself', t => {
  const { state } = stepSender(newSender(10), send(11))
  t.false(canSend(state))
  t.throws(() => stepSender(state, send(1)), { message: /a frame without credit/ })
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
  { name: 'a repeated frame is dropped', events: [frame(0, 4), frame(0, 4)], phase: 'open', effects: ['deliver'] },
  {
    name: 'a repeated end is answered again',
    events: [frame(0, 4), eos(1, 1, 5, 4), eos(1, 1, 5, 4)],
    phase: 'ended',
    effects: ['deliver', 'sendBye', 'sendBye'],
  },
  {
    name: 'another end is refused',
    events: [eos(0, 0, 0, 0), eos(1, 1, 5, 4)],
    phase: 'failed',
    effects: ['sendBye', 'reject'],
  },
  {
    name: 'a frame beyond the credit is refused',
    events: [frame(0, 11), frame(1, 1)],
    phase: 'failed',
    effects: ['deliver', 'reject'],
  },
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

interface RandomRun {
  readonly sent: number
  readonly used: number
  readonly maxHeld: number
  readonly bound: number
  readonly breaks: number
  readonly phases: string
}

/**
 * One channel with delayed messages both ways: random batch sizes, consumption and delivery order between the directions. Credits
 * come twice and overtake each other, frames come twice, and connections break with all that is on its way.
 */
class RandomExchange {
  private readonly below: (limit: number) => number
  private readonly maxFrame: number
  private readonly windowBytes: number
  private readonly batches: number[]
  private sender
  private receiver
  private readonly frames: FrameHeader[] = []
  private forgotten = 0
  private toReceiver: ReceiverEvent[] = []
  private toSender: SenderEvent[] = []
  private readonly held: number[] = []
  private rest = 0
  private sent = 0
  private used = 0
  private maxHeld = 0
  private breaks = 0

  constructor(seed: number) {
    const rng = seededRng(seed)
    this.below = limit => Math.floor(rng.next() * limit)
    this.windowBytes = 1 + this.below(500)
    // Windows of hundreds of frames take most of the time: they are for BALLISTA_TEST_FULL=1, by which their seeds are replayed.
    this.maxFrame = (IS_FULL ? 1 : Math.ceil(this.windowBytes / 50)) + this.below(100)
    this.batches = Array.from({ length: this.below(30) }, () => 1 + this.below(4 * this.windowBytes))
    this.sender = newSender(this.windowBytes)
    this.receiver = newReceiver(this.windowBytes)
  }

  run(): RandomRun {
    const actions = [
      () => this.produce(),
      () => this.produce(),
      () => this.deliver(),
      () => this.deliver(),
      () => this.answer(),
      () => this.answer(),
      () => this.consume(),
      () => this.consume(),
      () => this.disturb(),
    ]
    for (let idle = 0; idle < 300;) idle = actions[this.below(actions.length)]() ? 0 : idle + 1
    return {
      sent: this.sent,
      used: this.used,
      maxHeld: this.maxHeld,
      bound: this.windowBytes + this.maxFrame,
      breaks: this.breaks,
      phases: `${this.sender.phase} ${this.receiver.phase}`,
    }
  }

  private produce(): boolean {
    if (this.rest === 0) {
      const next = this.batches.shift()
      if (next === undefined) {
        if (this.sender.phase !== 'streaming') return false
        this.send({ kind: 'end' })
        return true
      }
      this.rest = next
    }
    const bytes = Math.min(this.rest, this.maxFrame)
    if (!canSend(this.sender)) return false
    this.rest -= bytes
    this.sent += bytes
    this.send({ kind: 'send', bytes, rows: this.rest > 0 ? 0 : 1, more: this.rest > 0 })
    return true
  }

  private deliver(): boolean {
    const event = this.toReceiver.shift()
    if (event === undefined) return false
    this.receive(event)
    if (event.kind === 'frame' && this.below(20) === 0) this.receive(event)
    return true
  }

  private answer(): boolean {
    const event = this.toSender.shift()
    if (event === undefined) return false
    if (event.kind === 'credit' && this.below(10) === 0)
      this.toSender.splice(this.below(this.toSender.length), 0, event)
    this.send(event)
    return true
  }

  private consume(): boolean {
    const bytes = this.held.shift()
    if (bytes === undefined) return false
    this.used += bytes
    this.receive({ kind: 'used', bytes })
    return true
  }

  /** The connection breaks, and there is another one. */
  private disturb(): boolean {
    if (this.below(5) > 0) return false
    this.breaks++
    this.toReceiver = []
    this.toSender = []
    const { creditBytes, received } = this.receiver
    this.send({ kind: 'resume', creditBytes, received: received.frames })
    return false
  }

  private send(event: SenderEvent): void {
    const step = stepSender(this.sender, event)
    this.sender = step.state
    for (const effect of step.effects) {
      if (effect.kind === 'sendFrame') this.frames.push(effect.frame)
      if (effect.kind === 'sendFrame') this.toReceiver.push({ kind: 'frame', frame: effect.frame })
      if (effect.kind === 'forget') this.forgotten = effect.received
      if (effect.kind === 'resend') this.resend(effect.from)
      if (effect.kind === 'sendEos') this.toReceiver.push({ kind: 'eos', totals: effect.totals })
      if (effect.kind === 'violated') throw new Error(effect.found)
      if (effect.kind === 'sendFailure') throw new Error('a failure')
    }
  }

  private resend(from: number): void {
    if (from < this.forgotten) throw new Error(`frame ${from} is forgotten`)
    for (const lost of this.frames.slice(from)) this.toReceiver.push({ kind: 'frame', frame: lost })
  }

  private receive(event: ReceiverEvent): void {
    const before = this.receiver.creditBytes
    const step = stepReceiver(this.receiver, event)
    this.receiver = step.state
    if (this.receiver.creditBytes < before) throw new Error('credit shrank')
    for (const effect of step.effects) {
      if (effect.kind === 'deliver') this.held.push(effect.bytes)
      if (effect.kind === 'sendCredit') this.toSender.push({ ...effect, kind: 'credit' })
      if (effect.kind === 'sendBye') this.toSender.push({ kind: 'bye', batches: effect.batches, rows: effect.rows })
      if (effect.kind === 'reject') throw new Error(effect.found)
    }
    // One batch may be larger than the window; the others fit it, but for the frame that uses it up.
    const allButLargest = this.held.reduce((sum, bytes) => sum + bytes, 0) - Math.max(0, ...this.held)
    this.maxHeld = Math.max(this.maxHeld, allButLargest)
  }
}

test('random exchanges over connections that break end, lose nothing, and hold no more than the window', t => {
  let breaks = 0
  for (let seed = 1; seed <= 1000; seed++) {
    const run = new RandomExchange(seed).run()
    breaks += run.breaks
    t.is(run.phases, 'done ended', `seed ${seed}`)
    t.is(run.used, run.sent, `seed ${seed}`)
    t.true(run.maxHeld <= run.bound, `seed ${seed}: ${run.maxHeld} of ${run.bound}`)
  }
  t.true(breaks > 1000)
})
