/** One stream of server-sent events: asks its source for news, not more often than the reader reads. */
import type { ServerResponse } from 'node:http'
import type { Clock, Timer } from '../../common/clock.js'
import type { EventAnswer, EventSource, ServerSentEvent } from './route.js'

/** Between two looks at the source: what people can follow. */
const PAUSE_MS = 250

/** A comment keeps the connection from looking idle. */
const KEEP_ALIVE_MS = 15_000

export class EventPump {
  private readonly response: ServerResponse
  private readonly clock: Clock
  private readonly source: EventSource
  private pause: Timer | undefined
  private keepAlive: Timer
  private dirty = true
  private blocked = false
  private ended = false

  /** The response has its head; it is ended when the source is over, by `end`, or by the reader. */
  constructor(response: ServerResponse, answer: EventAnswer, clock: Clock) {
    this.response = response
    this.clock = clock
    this.keepAlive = this.clock.after(KEEP_ALIVE_MS, () => this.comment())
    this.source = answer.open(() => {
      this.dirty = true
      this.flush()
    })
    response.on('drain', () => {
      this.blocked = false
      this.flush()
    })
    response.once('close', () => this.stop())
    this.flush()
  }

  end(): void {
    this.stop()
    this.response.end()
  }

  private stop(): void {
    if (this.ended) return
    this.ended = true
    this.source.stop()
    this.pause?.cancel()
    this.keepAlive.cancel()
  }

  private flush(): void {
    if (!this.dirty || this.blocked || this.ended || this.pause !== undefined) return
    this.dirty = false
    this.write(this.source.take().map(eventText).join(''))
    if (this.source.over) return this.end()
    this.pause = this.clock.after(PAUSE_MS, () => {
      this.pause = undefined
      this.flush()
    })
  }

  private comment(): void {
    this.keepAlive = this.clock.after(KEEP_ALIVE_MS, () => this.comment())
    if (!this.blocked) this.write(':\n\n')
  }

  private write(text: string): void {
    if (text !== '') this.blocked = !this.response.write(text)
  }
}

/** JSON has no line breaks of its own: one `data` line. */
const eventText = ({ event, data }: ServerSentEvent): string => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
