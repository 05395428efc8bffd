/** Sessions whose catalog is in a data directory, in this process and on a cluster of two executors. */
import { startStandalone } from '../../src/cluster/standalone.js'
import { BUILT_IN } from '../../src/exchange/registry.js'
import { SessionContext } from '../../src/index.js'
import { openState } from '../../src/session/open-catalog.js'
import { clusterPlanner } from '../../src/session/plan-for-cluster.js'

export interface LastingSession {
  readonly ctx: SessionContext
  close(): Promise<void>
}

export const LASTING_SESSIONS: Readonly<Record<string, (dataDir: string) => Promise<LastingSession>>> = {
  'in this process': async dataDir => {
    const ctx = new SessionContext({ dataDir })
    return { ctx, close: () => ctx.close() }
  },
  'on a cluster': async dataDir => {
    const { state, ...catalog } = await openState(dataDir)
    const planner = clusterPlanner({ allowsUserCode: false, ...catalog })
    const { tableFormats } = BUILT_IN
    const cluster = await startStandalone({ executors: 2, slots: 1, planner, scheduler: { state, tableFormats } })
    const ctx = await SessionContext.remote(`df://${cluster.address}`)
    return {
      ctx,
      async close() {
        await ctx.close()
        await cluster.close()
        await state.store.close()
      },
    }
  },
}
