/** The planner of a scheduler, which gets its requests from clients. */
import { SharedCatalog } from '../catalog/shared-catalog.js'
import type { Planner } from '../cluster/scheduler/planned-query.js'
import { BUILT_IN } from '../exchange/registry.js'
import { MemoryStore } from '../kv/memory-store.js'
import { PlanCache } from './plan-cache.js'
import { planRequestOf } from './plan-request.js'
import type { PlanEnvironment } from './plan-environment.js'
import { planStatement } from './plan-statement.js'
import { planTexts } from './plan-texts.js'
import type { SessionCatalog } from './request-names.js'

export interface ClusterPlannerOptions extends Pick<PlanEnvironment, 'allowsUserCode' | 'registry' | 'warehouse'> {
  /** Of all sessions; default: one in memory. */
  readonly catalog?: SessionCatalog
}

/** PROTOCOL when what came from a client is not a request. */
export function clusterPlanner(options: ClusterPlannerOptions): Planner {
  const { allowsUserCode, registry = BUILT_IN, catalog = new SharedCatalog(new MemoryStore()), warehouse } = options
  const plans = new PlanCache()
  return async (request, { slots, wallMs }) => {
    const now = BigInt(Math.trunc(wallMs)) * 1_000_000n
    const { history, ...planned } = await planStatement(planRequestOf(request), {
      slots,
      now,
      allowsUserCode,
      registry,
      catalog,
      plans,
      ...(warehouse === undefined ? {} : { warehouse }),
    })
    return history === undefined ? planned : { ...planned, describe: () => planTexts(history, planned.stages) }
  }
}

/** Of a scheduler that refuses code of clients. */
export const planForCluster = clusterPlanner({ allowsUserCode: false })
