/** How much a planned query reads from files. */
import type { StagePlan } from '../exchange/stage.js'
import { scanBytes } from '../formats/scan-bytes.js'
import type { DataSourceExec } from '../physical/operators/data-source.js'
import type { PhysicalPlan } from '../physical/plan.js'
import type { FileHost } from '../storage/store.js'

/** Bytes on disk of what the scans of all stages read, if nothing stops them early. */
export async function planScanBytes(stages: readonly StagePlan[], host: FileHost): Promise<number> {
  let bytes = 0
  const add = async (plan: PhysicalPlan): Promise<void> => {
    if (isScan(plan)) bytes += await scanBytes(plan.source, plan.projection, host)
    for (const child of plan.children) await add(child)
  }
  for (const { plan } of stages) await add(plan)
  return bytes
}

const isScan = (plan: PhysicalPlan): plan is DataSourceExec => plan.kind === 'DataSourceExec'
