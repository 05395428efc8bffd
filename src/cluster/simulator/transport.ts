/** The Transport of one simulated machine: grpc-js's calls, over the wires of the world. */
import type { Duplex } from 'node:stream'
import { fail } from '../../common/errors.js'
import {
  hostPort,
  type ExchangeCall,
  type ExchangeClient,
  type NodeClient,
  type SchedulerClient,
  type SubmitCall,
  type WorkCall,
} from '../../exchange/grpc.js'
import type { NodeStats } from '../../exchange/proto/messages.js'
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
      const open = (): unknown =>
        clientStream(
          world.dial(machine, address, 'exchange', (services, stream) =>
            services.exchange?.(serverStream(stream, machine) as ExchangeCall),
          ),
        )
      return { open, close: () => undefined } as unknown as ExchangeClient
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

const clientStream = (call: Call): Duplex => Object.assign(call.client, { cancel: () => call.cancel() })

const serverStream = (stream: Duplex, client: Machine): unknown =>
  Object.assign(stream, { getPeer: () => hostPort(client.name, PORT) })
