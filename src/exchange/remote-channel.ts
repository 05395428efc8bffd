/** The consumer's end of one channel to another process: checks what comes, and keeps it for the reader within the credit it gave. */
import { fail } from '../common/errors.js'
import { newReceiver, stepReceiver, type ReceiverEvent, type ReceiverState } from './channel-state.js'
import type { InputChannel } from './merged-reader.js'
import { MAX_READ_WINDOW } from './options.js'
import type { ArrivedFrame, ChannelOpen, Eos, ToProducer } from './proto/messages.js'
import { releaseFrames, releaseParcel, type Parcel } from './received-batch.js'
import type { RemoteKey } from './task-host.js'

/** What a channel needs of the link that carries it. */
export interface ChannelLink {
  /** Dials if that has not been done, and opens the channel; its number. */
  add(channel: RemoteChannel): number
  /** Lost while the connection is: it will be said again after `reopening`. */
  send(message: ToProducer): void
  /** The channel needs nothing more from the producer, which may still have to hear of it. */
  finished(channel: RemoteChannel): void
}

export class RemoteChannel implements InputChannel {
  failure: Error | undefined
  number = -1
  private readonly peer: string
  private readonly key: RemoteKey
  private readonly dial: () => ChannelLink
  private link: ChannelLink | undefined
  private state: ReceiverState
  private isDeclined = false
  private frames: ArrivedFrame[] = []
  private readonly queue: { parcel: Parcel; bytes: number }[] = []
  private onChange = (): void => undefined

  constructor(address: string, key: RemoteKey, dial: () => ChannelLink) {
    this.peer = `executor ${address}`
    this.key = key
    this.dial = dial
    this.state = newReceiver(Math.min(key.windowBytes, MAX_READ_WINDOW))
  }

  attach(onChange: () => void): void {
    this.onChange = onChange
    this.open()
  }

  take(): Parcel | undefined {
    const item = this.queue.shift()
    if (item !== undefined) this.step({ kind: 'used', bytes: item.bytes })
    return item?.parcel
  }

  get status(): 'open' | 'ended' | 'failed' {
    if (this.failure !== undefined) return 'failed'
    return this.state.phase === 'ended' && this.queue.length === 0 ? 'ended' : 'open'
  }

  /** The producer said so. */
  get hasEnded(): boolean {
    return this.state.phase === 'ended'
  }

  cancel(): void {
    this.release()
    this.step({ kind: 'cancel' })
  }

  decline(): void {
    this.isDeclined = true
    this.open()
    this.link?.finished(this)
  }

  /** What opens the channel on a new connection, and what the producer may not have heard over the one before. */
  opening(): ToProducer[] {
    const { edge, producer, partition } = this.key
    const channel = this.number
    const open: ChannelOpen = {
      channel,
      edge,
      producer,
      partition,
      creditBytes: this.isDeclined ? 0 : this.state.creditBytes,
      received: this.state.received.frames,
    }
    const isOver = this.state.phase === 'cancelled' || this.state.phase === 'failed'
    return isOver && !this.isDeclined ? [{ open }, { cancel: { channel } }] : [{ open }]
  }

  fail(error: Error): void {
    if (this.state.phase !== 'open') return
    this.failure = error
    this.release()
    this.step({ kind: 'fail' })
    this.onChange()
  }

  /** Takes the frame over. */
  receiveFrame(frame: ArrivedFrame): void {
    const { seq, rows, more, bytes } = frame
    if (!this.step({ kind: 'frame', frame: { seq, rows, more, bytes } }, frame)) releaseFrames([frame])
  }

  receiveEos(eos: Eos): void {
    const { frames, batches, rows, bytes } = eos
    this.step({ kind: 'eos', totals: { frames, batches, rows, bytes } })
    this.onChange()
  }

  private open(): void {
    this.link = this.dial()
    this.number = this.link.add(this)
  }

  /** True: the frame of the event has been taken over. */
  private step(event: ReceiverEvent, frame?: ArrivedFrame): boolean {
    let isTaken = false
    const before = this.state.phase
    const { state, effects } = stepReceiver(this.state, event)
    this.state = state
    for (const effect of effects) {
      switch (effect.kind) {
        case 'keep':
          this.frames.push(frame as ArrivedFrame)
          isTaken = true
          break
        case 'deliver':
          this.deliver(frame as ArrivedFrame, effect.bytes)
          isTaken = true
          break
        case 'sendCredit':
          this.link?.send({
            credit: { channel: this.number, creditBytes: effect.creditBytes, received: effect.received },
          })
          break
        case 'sendBye':
          this.link?.send({ bye: { channel: this.number, batches: effect.batches, rows: effect.rows } })
          break
        case 'sendCancel':
          this.link?.send({ cancel: { channel: this.number } })
          break
        case 'reject':
          this.refuse(fail(effect.code, [this.peer, effect.found]))
          break
      }
    }
    if (before === 'open' && this.state.phase !== 'open') this.link?.finished(this)
    return isTaken
  }

  /** The payloads are checked and decoded by whoever reads them, on its thread. */
  private deliver(frame: ArrivedFrame, bytes: number): void {
    const received = { frames: [...this.frames, frame], bytes, peer: this.peer }
    this.frames = []
    this.queue.push({ parcel: { kind: 'received', received, schema: this.key.schema }, bytes })
    this.onChange()
  }

  /** What came cannot be used: the producer stops, the reader sees why. */
  private refuse(error: Error): void {
    this.failure ??= error
    this.link?.send({ cancel: { channel: this.number } })
    this.release()
    this.onChange()
  }

  private release(): void {
    releaseFrames(this.frames.splice(0))
    for (const { parcel } of this.queue.splice(0)) releaseParcel(parcel)
  }
}
