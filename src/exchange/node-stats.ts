/** Asks a node of a cluster what it has in use: for tests that nothing is left behind, and for tools. */
import { fail } from '../common/errors.js'
import type { NodeStats } from './proto/messages.js'
import { grpcTransport } from './transport.js'

export type { NodeStats } from './proto/messages.js'

/** `address` is the `host:port` of a scheduler or executor. NETWORK if it does not answer. */
export async function nodeStats(address: string): Promise<NodeStats> {
  const client = await grpcTransport.node(address)
  try {
    return await new Promise((resolve, reject) => {
      client.stats({}, (error, stats) => {
        if (error === null) resolve(stats)
        else reject(fail('NETWORK', [`${address} gave no statistics: ${error.message}`], { cause: error }))
      })
    })
  } finally {
    client.close()
  }
}
