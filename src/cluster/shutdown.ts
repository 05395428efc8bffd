/** Ends a gRPC server within a bounded time. */
import type * as Grpc from '@grpc/grpc-js'
import type { Clock } from '../common/clock.js'

/** Streams that peers do not end get this long. */
const SHUTDOWN_MS = 500

/** Lets open streams end, then closes what is left; resolves when no handle remains. */
export function shutdown(server: Grpc.Server, clock: Clock): Promise<void> {
  return new Promise(resolve => {
    const lastResort = clock.after(SHUTDOWN_MS, () => server.forceShutdown())
    server.tryShutdown(() => {
      lastResort.cancel()
      resolve()
    })
  })
}
