/** Runs a session's statements in this process: those of one task on this thread, others on worker threads. */
import { availableParallelism, hostname } from 'node:os'
import { systemClock, systemRng } from '../common/clock.js'
import { EXCHANGE_OPERATORS } from '../exchange/operators.js'
import type { TaskReport } from '../exchange/stage.js'
import { createLocalEngine, type LocalEngine } from '../exchange/local-run.js'
import { OPERATORS } from '../physical/operators/index.js'
import { operatorTable } from '../runtime/pipeline.js'
import type { Backend, QueryResult } from './backend.js'
import { planStatement } from './plan-statement.js'
import type { PlanRequest } from './registration.js'
import type { OpenTables } from './tables.js'

export class LocalBackend implements Backend {
  readonly #threads = availableParallelism()
  readonly #openTables: OpenTables = new WeakMap()
  readonly #engine: LocalEngine

  /** `memoryLimit`: bytes that the operators of all queries together may hold. */
  constructor(memoryLimit: number) {
    this.#engine = createLocalEngine({
      threads: this.#threads,
      operators: operatorTable(OPERATORS, EXCHANGE_OPERATORS),
      memoryLimit,
      clock: systemClock,
      rng: systemRng,
      host: hostname(),
    })
  }

  async execute(request: PlanRequest, signal: AbortSignal): Promise<QueryResult> {
    const now = BigInt(systemClock.wallMs()) * 1_000_000n
    const planned = await planStatement(request, { slots: this.#threads, openTables: this.#openTables, now })
    const reports: TaskReport[] = []
    const { schema, stages, explain } = planned
    const onTask = (report: TaskReport): void => void reports.push(report)
    const batches = this.#engine.run({ stages, settings: request.settings, signal, onTask })
    const scanBytes = async (): Promise<number> =>
      (await import('./plan-scan-bytes.js')).planScanBytes(stages, hostname())
    const result = { schema, batches, scanBytes }
    return explain === undefined ? result : { ...result, explanation: async () => explain(reports) }
  }

  async close(): Promise<void> {
    await this.#engine.close()
  }
}
