/** The consumer's call to one producer process for one job: dials, and dials again when the connection breaks. */
import type { Clock, Rng } from '../common/clock.js'
import { deferred, type Deferred } from '../common/deferred.js'
import { BallistaError, fail } from '../common/errors.js'
import { callError } from './call-error.js'
import type { ConsumerCall, ExchangeClient } from './exchange-client.js'
import type { ArrivedMessage, Hello, ToProducer } from './proto/messages.js'
import { checkVersion, decodeError } from './protocol.js'
import { releaseFrames } from './received-batch.js'
import type { ChannelLink, RemoteChannel } from './remote-channel.js'

/** Between attempts to dial again: doubled from the first to the last, with jitter. */
const FIRST_RETRY_MS = 20
const LAST_RETRY_MS = 1_000

export interface LinkOptions {
  readonly address: string
  /** Of every call, but for its number. */
  readonly hello: Omit<Hello, 'call'>
  readonly client: Promise<ExchangeClient>
  readonly clock: Clock
  readonly rng: Rng
  /** No channel can be added any more. */
  readonly onDone: () => void
}

/** It stays open between channels; after `end` it half-closes when the last one is done. */
export class ExchangeLink implements ChannelLink {
  /** Resolves when no call is open and none will be. */
  readonly ended: Promise<void>
  private readonly options: LinkOptions
  private readonly peer: string
  private readonly channels = new Map<number, RemoteChannel>()
  /** Done, but the producer may not know yet. */
  private readonly finishing = new Set<RemoteChannel>()
  /** Those of them that a new call asks about: the answer to their producer's end may have been lost. */
  private unanswered = new Set<RemoteChannel>()
  private nextChannel = 0
  private calls = 0
  private call: ConsumerCall | undefined
  private ending = false
  private done = false
  private cancelled = false
  private pausing: Deferred<void> | undefined
  /** When the producer was lost, if nothing has come from it since and no call has lasted. */
  private lostAtMs: number | undefined

  constructor(options: LinkOptions) {
    this.options = options
    this.peer = `executor ${options.address}`
    this.ended = this.run()
  }

  add(channel: RemoteChannel): number {
    const number = this.nextChannel++
    channel.number = number
    this.channels.set(number, channel)
    if (this.call !== undefined) for (const message of channel.opening()) this.send(message)
    return number
  }

  send(message: ToProducer): void {
    this.call?.write(message)
  }

  finished(channel: RemoteChannel): void {
    if (!this.channels.delete(channel.number)) return
    this.finishing.add(channel)
    this.finishIfUnused()
  }

  /** No channel comes any more. */
  end(): void {
    this.ending = true
    this.finishIfUnused()
  }

  /** Breaks the call; nothing is dialled again. */
  cancel(): void {
    this.cancelled = true
    this.finish()
    this.call?.cancel()
    this.pausing?.resolve()
    this.breakChannels('this process closed it')
  }

  private async run(): Promise<void> {
    try {
      const client = await this.options.client
      for (let retryMs = FIRST_RETRY_MS; !this.cancelled; retryMs = Math.min(2 * retryMs, LAST_RETRY_MS)) {
        const startedAtMs = this.options.clock.nowMs()
        const broken = await this.carry(client)
        if (this.options.clock.nowMs() - startedAtMs >= this.options.hello.reconnectMs) this.lostAtMs = undefined
        if (broken === undefined || !this.mayRetry())
          return this.breakChannels(broken?.message ?? 'it ended early', broken)
        if (this.lostAtMs === undefined) retryMs = FIRST_RETRY_MS
        this.lostAtMs ??= this.options.clock.nowMs()
        await this.pause(retryMs * (0.5 + this.options.rng.next() / 2))
      }
    } catch (error) {
      this.call?.cancel()
      this.breakChannels((error as Error).message, error)
    } finally {
      this.finish()
    }
  }

  /** One call, to its end; undefined when that was orderly, else why it broke. Throws PROTOCOL and UNAUTHENTICATED. */
  private async carry(client: ExchangeClient): Promise<Error | undefined> {
    const call = client.open(message => this.receive(message))
    this.call = call
    call.write({ hello: { ...this.options.hello, call: ++this.calls } })
    for (const channel of [...this.channels.values(), ...this.finishing])
      for (const message of channel.opening()) call.write(message)
    this.unanswered = new Set([...this.finishing].filter(channel => channel.hasEnded))
    this.endIfDone()
    try {
      await call.ended
      return undefined
    } catch (error) {
      const coded = error instanceof BallistaError ? error : callError(error as Error, this.peer)
      if (coded.code !== 'NETWORK') throw coded
      return error as Error
    } finally {
      this.call = undefined
    }
  }

  private mayRetry(): boolean {
    if (this.channels.size === 0 && this.finishing.size === 0) return false
    const { clock, hello } = this.options
    const lostForMs = this.lostAtMs === undefined ? 0 : clock.nowMs() - this.lostAtMs
    return !this.cancelled && lostForMs < hello.reconnectMs
  }

  private async pause(delayMs: number): Promise<void> {
    const over = deferred()
    this.pausing = over
    const timer = this.options.clock.after(delayMs, () => over.resolve())
    await over.promise
    timer.cancel()
  }

  private receive(message: ArrivedMessage): void {
    if (message.helloAck !== undefined) return checkVersion(message.helloAck, this.peer)
    this.lostAtMs = undefined
    const part = message.frame ?? message.eos ?? message.failure
    if (part === undefined) return
    const channel = this.channels.get(part.channel)
    if (channel === undefined) {
      if (message.frame !== undefined) releaseFrames([message.frame])
      return this.answerAgain(part.channel, message)
    }
    if (message.frame !== undefined) channel.receiveFrame(message.frame)
    if (message.eos !== undefined) channel.receiveEos(message.eos)
    if (message.failure !== undefined) channel.fail(decodeError(message.failure.error, this.peer))
  }

  /** The producer ends a channel once more, or does not know it any more: it had our answer. */
  private answerAgain(number: number, { eos, failure }: ArrivedMessage): void {
    const asked = [...this.unanswered].find(channel => channel.number === number)
    if (asked === undefined || (eos ?? failure) === undefined) return
    if (eos !== undefined) asked.receiveEos(eos)
    this.unanswered.delete(asked)
    this.endIfDone()
  }

  private finishIfUnused(): void {
    if (!this.ending || this.channels.size > 0) return
    this.finish()
    this.endIfDone()
  }

  private endIfDone(): void {
    if (this.done && this.unanswered.size === 0) this.call?.end()
  }

  private breakChannels(reason: string, cause?: unknown): void {
    const error =
      cause instanceof BallistaError
        ? cause
        : fail('NETWORK', [`the exchange with ${this.peer} broke: ${reason}`], { cause })
    for (const channel of this.channels.values()) channel.fail(error)
    this.finishing.clear()
  }

  private finish(): void {
    if (this.done) return
    this.done = true
    this.options.onDone()
  }
}
