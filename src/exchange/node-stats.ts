/** Asks a node of a cluster what it has in use: for tests that nothing is left behind, and for tools. */
import { callError } from './call-error.js'
import type { NodeStats } from './proto/messages.js'
import { grpcTransport, type Transport } from './transport.js'

export type { NodeStats } from './proto/messages.js'

/** `address` is the `host:port` of a scheduler or executor. NETWORK if it does not answer, UNAUTHENTICATED if it will not. */
export const nodeStats = (address: string): Promise<NodeStats> => nodeStatsOver(grpcTransport, address)

export async function nodeStatsOver(transport: Transport, address: string): Promise<NodeStats> {
  const client = await transport.node(address)
  try {
    return await new Promise((resolve, reject) => {
      client.stats({}, (error, stats) => {
        if (error === null) resolve(stats)
        else reject(callError(error, address))
      })
    })
  } finally {
    client.close()
  }
}
