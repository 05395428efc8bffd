/** One streaming call between two machines, with the two stream objects that grpc-js gives its client and its server. */
import { Duplex } from 'node:stream'
import type { ToConsumer } from '../../exchange/proto/messages.js'
import type { Machine } from './machine.js'
import type { Network, Pipe } from './network.js'

/** How a call ended, in the words of gRPC. */
export interface CallStatus {
  readonly code: number
  readonly details: string
}

export const CANCELLED: CallStatus = { code: 1, details: 'Cancelled on client' }
export const UNAVAILABLE: CallStatus = { code: 14, details: 'Connection dropped' }
export const REFUSED: CallStatus = { code: 14, details: 'No connection established' }
const OK: CallStatus = { code: 0, details: 'OK' }
const NAMES: Readonly<Record<number, string>> = { 0: 'OK', 1: 'CANCELLED', 14: 'UNAVAILABLE' }

/** What is seen of every message, for the trace and the checks. */
export interface CallObserver {
  sent(call: Call, side: Side, message: object): void
  arrived(call: Call, side: Side, message: object): void
  /** How often the message arrives: once, or again where the protocol lets it. */
  copies(call: Call, message: object): number
  ended(call: Call, side: Side, status: CallStatus): void
}

/** The side that sends. */
export type Side = 'client' | 'server'

export interface CallParts {
  readonly number: number
  readonly kind: 'exchange' | 'work' | 'submitQuery'
  readonly client: Machine
  readonly server: Machine
  readonly network: Network
  /** Bytes that may be on their way in one direction before a write waits. */
  readonly windowBytes: number
  readonly observer: CallObserver
}

/**
 * Messages arrive once and in order or the call breaks, as on HTTP/2. Each end learns of the other's end by what arrives from it, so
 * that with a cut between them one may go on for a while after the other has ended.
 */
export class Call {
  readonly parts: CallParts
  readonly client: Duplex
  server: Duplex | undefined
  private readonly up: Pipe
  private readonly down: Pipe
  private readonly clientIn: Inflow
  private readonly serverIn: Inflow
  private readonly clientOut: Outflow
  private readonly serverOut: Outflow
  private clientEnded = false
  private serverEnded = false
  private halfClosed = false
  private statusSent = false

  constructor(parts: CallParts) {
    this.parts = parts
    this.up = parts.network.pipe(parts.client, parts.server)
    this.down = parts.network.pipe(parts.server, parts.client)
    this.clientOut = new Outflow(parts.windowBytes, message => this.transfer('client', message))
    this.serverOut = new Outflow(parts.windowBytes, message => this.transfer('server', message))
    const { windowBytes } = parts
    this.clientIn = new Inflow(windowBytes, bytes => this.up.send(() => this.serverOut.read(bytes)))
    this.serverIn = new Inflow(windowBytes, bytes => this.down.send(() => this.clientOut.read(bytes)))
    this.client = this.stream(this.clientIn, this.clientOut, () => this.up.send(() => this.halfClose()))
    this.clientIn.stream = this.client
    parts.client.calls.add(this)
    parts.server.calls.add(this)
  }

  /** Both ends have seen the end, or their process is dead. */
  get isOver(): boolean {
    const { client, server } = this.parts
    return (this.clientEnded || !client.alive) && (this.serverEnded || !server.alive)
  }

  /** The first packet: the server's handler gets its stream. */
  dial(handle: (stream: Duplex) => void): void {
    this.up.send(() => {
      if (this.serverEnded) return
      this.server = this.stream(this.serverIn, this.serverOut, () => this.sendStatus())
      // As grpc-js does: an error of the stream ends the call with a status.
      this.server.on('error', () => this.server?.end())
      this.serverIn.stream = this.server
      handle(this.server)
    })
  }

  cancel(): void {
    this.endClient(CANCELLED)
  }

  /** This machine's end sees the connection break; the other one does when it hears of it. */
  break(machine: Machine, status = UNAVAILABLE): void {
    if (machine === this.parts.client) this.endClient(status)
    else this.endServer(status)
  }

  private stream(inflow: Inflow, outflow: Outflow, final: () => void): Duplex {
    return new Duplex({
      objectMode: true,
      read: () => inflow.ask(),
      write: (message: object, _encoding, done) => outflow.write(message, done),
      final(done) {
        final()
        done()
      },
    })
  }

  /** The bytes of all copies on their way, as their reader counts them. */
  private transfer(side: Side, written: object): number {
    const { observer } = this.parts
    const message = serialized(written)
    const [pipe, inflow] = side === 'client' ? [this.up, this.serverIn] : [this.down, this.clientIn]
    observer.sent(this, side, message)
    const copies = observer.copies(this, message)
    for (let copy = 0; copy < copies; copy++) {
      pipe.send(() => {
        observer.arrived(this, side, message)
        inflow.receive(message)
      })
    }
    return copies * byteLength(message)
  }

  private halfClose(): void {
    this.halfClosed = true
    this.serverIn.end(() => this.server?.push(null))
    if (this.statusSent) this.endServer(OK)
  }

  private sendStatus(): void {
    this.statusSent = true
    this.down.send(() => this.clientIn.end(() => this.endClient(OK)))
    if (this.halfClosed) this.endServer(OK)
  }

  private endClient(status: CallStatus): void {
    if (this.clientEnded) return
    this.clientEnded = true
    this.parts.observer.ended(this, 'client', status)
    this.up.send(() => this.endServer(status))
    this.clientIn.close()
    this.clientOut.close()
    process.nextTick(() => {
      this.client.push(null)
      if (status.code !== 0) this.client.emit('error', statusError(status))
      this.client.emit('status', status)
    })
    this.forget()
  }

  private endServer(status: CallStatus): void {
    if (this.serverEnded) return
    this.serverEnded = true
    this.parts.observer.ended(this, 'server', status)
    if (!this.statusSent) this.down.send(() => this.endClient(UNAVAILABLE))
    this.serverIn.close()
    this.serverOut.close()
    process.nextTick(() => {
      this.server?.emit('cancelled', 'cancelled')
      this.server?.destroy()
    })
    this.forget()
  }

  private forget(): void {
    if (!this.isOver) return
    this.up.close()
    this.down.close()
    for (const machine of [this.parts.client, this.parts.server]) {
      machine.calls.delete(this)
      machine.callEnded.notify()
    }
  }
}

/**
 * The message as it arrives: payloads are copied when they are written, for they lie in memory that is used again; one that is gone
 * by then is an empty message. The field that is set has its name in `message`, as the loader of the .proto files puts it there.
 */
function serialized(written: object): object {
  const { frame } = written as ToConsumer
  if (frame !== undefined) {
    if (frame.isGone?.() === true) return {}
    const { isGone: _, ...rest } = frame
    return { message: 'frame', frame: { ...rest, payload: frame.payload.slice() } }
  }
  const set = Object.entries(written).find(([, value]) => typeof value === 'object' && !ArrayBuffer.isView(value))
  return set === undefined ? written : { ...written, message: set[0] }
}

const statusError = ({ code, details }: CallStatus): Error =>
  Object.assign(new Error(`${code} ${NAMES[code]}: ${details}`), { code, details })

/**
 * What arrives and waits for its reader: one message is pushed for each call of the stream's `read`. What has been read is told when
 * it is half of a window, as HTTP/2 does.
 */
class Inflow {
  stream: Duplex | undefined
  private readonly inbox: object[] = []
  private asked = false
  private pushing = false
  private closed = false
  private readonly windowBytes: number
  private readonly onRead: (bytes: number) => void
  private read = 0
  private onEnd: (() => void) | undefined

  constructor(windowBytes: number, onRead: (bytes: number) => void) {
    this.windowBytes = windowBytes
    this.onRead = onRead
  }

  ask(): void {
    this.asked = true
    this.advance()
  }

  receive(message: object): void {
    this.inbox.push(message)
    this.advance()
  }

  /** `onEnd` runs when everything has been pushed. */
  end(onEnd: () => void): void {
    this.onEnd = onEnd
    this.advance()
  }

  close(): void {
    this.closed = true
    this.inbox.length = 0
  }

  private advance(): void {
    if (this.closed || this.pushing) return
    if (this.inbox.length === 0) {
      const onEnd = this.onEnd
      this.onEnd = undefined
      return onEnd?.()
    }
    if (!this.asked) return
    this.asked = false
    this.pushing = true
    const message = this.inbox.shift() as object
    process.nextTick(() => {
      this.pushing = false
      if (this.closed) return
      this.count(message)
      this.stream?.push(message)
      this.advance()
    })
  }

  private count(message: object): void {
    this.read += byteLength(message)
    if (this.read < this.windowBytes / 2) return
    this.onRead(this.read)
    this.read = 0
  }
}

/** Writes wait while more than a window is on its way or unread. */
class Outflow {
  private readonly windowBytes: number
  /** Gives the bytes that travel. */
  private readonly send: (message: object) => number
  private unread = 0
  private waiting: (() => void) | undefined
  private closed = false

  constructor(windowBytes: number, send: (message: object) => number) {
    this.windowBytes = windowBytes
    this.send = send
  }

  write(message: object, done: () => void): void {
    if (!this.closed) {
      this.unread += this.send(message)
    }
    if (this.closed || this.unread <= this.windowBytes) process.nextTick(done)
    else this.waiting = done
  }

  read(bytes: number): void {
    this.unread -= bytes
    if (this.unread <= this.windowBytes) this.wake()
  }

  close(): void {
    this.closed = true
    this.wake()
  }

  private wake(): void {
    const waiting = this.waiting
    this.waiting = undefined
    waiting?.()
  }
}

const HEADER_BYTES = 32

/** Of the parts whose sizes are the same in every run: reports tell of real time. */
function byteLength(message: object): number {
  const { frame, launchTasks, body } = message as {
    frame?: { payload: Uint8Array }
    launchTasks?: { body: Uint8Array }
    body?: Uint8Array
  }
  return HEADER_BYTES + (frame?.payload ?? launchTasks?.body ?? body ?? NOTHING).length
}

const NOTHING = new Uint8Array(0)
