/** The Transport of one simulated machine: grpc-js's calls, over the wires of the world. */
import type { Duplex } from 'node:stream'
import { alloc, views } from '../../arrow/memory.js'
import { fail } from '../../common/errors.js'
import {
  hostPort,
  type ExchangeCall,
  type NodeClient,
  type SchedulerClient,
  type SubmitCall,
  type WorkCall,
} from '../../exchange/grpc.js'
import type { ConsumerCall } from '../../exchange/exchange-client.js'
import type { ArrivedMessage, NodeStats, ToConsumer } from '../../exchange/proto/messages.js'
import type { Services, Transport } from '../../exchange/transport.js'
import type { Call } from './call.js'
import type { Machine } from './machine.js'
import type { World } from './world.js'

/** Every host has one port. */
export const PORT = 1

/** Streams that peers do not end get this long, as in gRPC's server. */
const SHUTDOWN_MS = 500

export function simulatedTransport(world: World, machine: Machine): Transport {
  return {
    async exchange(address) {
      const dial = (): Call =>
        world.dial(machine, address, 'exchange', (services, stream) =>
          services.exchange?.(serverStream(stream, machine) as ExchangeCall),
        )
      return { open: onMessage => consumerCall(dial(), onMessage), close: () => undefined }
    },
    async scheduler(address) {
      const work = (): unknown =>
        clientStream(
          world.dial(machine, address, 'work', (services, stream) =>
            services.scheduler?.work(serverStream(stream, machine) as WorkCall),
          ),
        )
      const submitQuery = (): unknown =>
        clientStream(
          world.dial(machine, address, 'submitQuery', (services, stream) =>
            services.scheduler?.submitQuery(serverStream(stream, machine) as SubmitCall),
          ),
        )
      return { work, submitQuery, close: () => undefined } as unknown as SchedulerClient
    },
    async node(address) {
      const stats = (_request: object, done: (error: Error | null, stats?: NodeStats) => void): void => {
        const services = world.machines.get(address.slice(0, address.lastIndexOf(':')))?.services
        if (services === undefined) done(fail('NETWORK', [`nobody listens at ${address}`]))
        else done(null, services.stats())
      }
      return { stats, close: () => undefined } as unknown as NodeClient
    },
    async serve(_host, _port, services) {
      machine.services = services
      return { port: PORT, close: () => closeServer(machine, services) }
    },
  }
}

/** Calls may end for a while; then they are broken. */
async function closeServer(machine: Machine, services: Services): Promise<void> {
  if (machine.services === services) machine.services = undefined
  const served = (): Call[] => [...machine.calls].filter(call => call.parts.server === machine)
  const lastResort = machine.clock.after(SHUTDOWN_MS, () => {
    for (const call of served()) call.break(machine)
  })
  while (served().length > 0) await machine.callEnded.wait()
  lastResort.cancel()
}

function consumerCall(call: Call, onMessage: (message: ArrivedMessage) => void): ConsumerCall {
  const stream = call.client
  // Late errors of a broken call; the loop below has seen it end.
  stream.on('error', () => undefined)
  const read = async (): Promise<void> => {
    for await (const message of stream as AsyncIterable<ToConsumer>) onMessage(arrived(message))
  }
  return {
    ended: read(),
    write: message => void (stream.writable && stream.write(message)),
    end: () => stream.end(),
    cancel: () => call.cancel(),
  }
}

/** A payload goes into the arena when it arrives. */
function arrived({ frame, ...message }: ToConsumer): ArrivedMessage {
  if (frame === undefined) return message
  const { payload, isGone: _, ...rest } = frame
  const block = alloc(payload.length)
  views().u8.set(payload, block)
  return { frame: { ...rest, block, start: 0, bytes: payload.length } }
}

const clientStream = (call: Call): Duplex => Object.assign(call.client, { cancel: () => call.cancel() })

const serverStream = (stream: Duplex, client: Machine): unknown =>
  Object.assign(stream, { getPeer: () => hostPort(client.name, PORT) })
