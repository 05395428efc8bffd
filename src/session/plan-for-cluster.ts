/** The planner of a scheduler, which gets its requests from clients. */
import type { Planner } from '../cluster/scheduler/planned-query.js'
import { BUILT_IN } from '../exchange/registry.js'
import { planRequestOf } from './plan-request.js'
import { planStatement, type PlanEnvironment } from './plan-statement.js'
import { planTexts } from './plan-texts.js'

/** PROTOCOL when what came from a client is not a request. */
export const clusterPlanner =
  ({ allowsUserCode, registry = BUILT_IN }: Pick<PlanEnvironment, 'allowsUserCode' | 'registry'>): Planner =>
  async (request, { slots, wallMs }) => {
    const now = BigInt(Math.trunc(wallMs)) * 1_000_000n
    const { history, ...planned } = await planStatement(planRequestOf(request), {
      slots,
      now,
      allowsUserCode,
      registry,
    })
    return history === undefined ? planned : { ...planned, describe: () => planTexts(history, planned.stages) }
  }

/** Of a scheduler that refuses code of clients. */
export const planForCluster = clusterPlanner({ allowsUserCode: false })
