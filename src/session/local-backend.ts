/** Runs a session's statements in this process: those of one task on this thread, others on worker threads. */
import { availableParallelism, hostname } from 'node:os'
import { systemClock, systemRng } from '../common/clock.js'
import type { Config, Settings } from '../common/option.js'
import type { WriteCoordinator } from '../commit/coordinator.js'
import type { WriteIntents } from '../commit/write-intents.js'
import { EXCHANGE_OPERATORS } from '../exchange/operators.js'
import { bringRegistry, type Registry } from '../exchange/registry.js'
import type { TaskReport } from '../exchange/stage.js'
import { createLocalEngine, type LocalEngine } from '../exchange/local-run.js'
import { memoryLimit } from '../runtime/options.js'
import { operatorTable } from '../runtime/pipeline.js'
import { spillPlace } from '../runtime/spill-space.js'
import type { Backend, ExecuteOptions, QueryResult } from './backend.js'
import type { LocalWrite } from './local-write.js'
import { planStatement, type PlannedStatement } from './plan-statement.js'
import type { PlanRequest } from './registration.js'
import { openState, type LastingState } from './open-catalog.js'
import type { OpenTables } from './tables.js'

export class LocalBackend implements Backend {
  readonly readsStreams = true
  readonly sharesCatalog: boolean
  readonly #threads = availableParallelism()
  readonly #openTables: OpenTables = new WeakMap()
  readonly #engine: LocalEngine
  readonly #registry: Registry
  readonly #letGo: () => void
  /** What is remembered of writes in a data directory, those of the session before having been ended. */
  #intents: Promise<WriteIntents> | undefined
  readonly #dataDir: string | undefined
  #lasting: Promise<LastingState> | undefined

  /**
   * Reads what is fixed for a session: the memory limit of all its queries together, and where operators that reach it write. The catalog
   * is in `dataDir`, opened by the first statement; without one it is in memory.
   */
  constructor(config: Config, registry: Registry, dataDir?: string) {
    this.#registry = registry
    this.#dataDir = dataDir
    this.sharesCatalog = dataDir !== undefined
    this.#letGo = bringRegistry(registry)
    this.#engine = createLocalEngine({
      threads: this.#threads,
      operators: operatorTable(registry.operators, EXCHANGE_OPERATORS),
      extensions: registry.extensions,
      memoryLimit: config.get(memoryLimit),
      temp: spillPlace(config),
      clock: systemClock,
      rng: systemRng,
      host: hostname(),
    })
  }

  async execute(request: PlanRequest, { signal, streams = new Map() }: ExecuteOptions): Promise<QueryResult> {
    const now = BigInt(systemClock.wallMs()) * 1_000_000n
    this.#lasting ??= openState(this.#dataDir)
    const lasting = await this.#lasting
    const planned = await planStatement(request, {
      slots: this.#threads,
      ...lasting,
      openTables: this.#openTables,
      now,
      allowsUserCode: true,
      registry: this.#registry,
    })
    const reports: TaskReport[] = []
    const { schema, stages, explain, write } = planned
    const onTask = (report: TaskReport): void => void reports.push(report)
    const batches = this.#engine.run({ stages, settings: request.settings, signal, streams, onTask })
    const scanBytes = async (): Promise<number> => {
      const { planScanBytes } = await import('./plan-scan-bytes.js')
      const { thisHost } = await import('../storage/this-host.js')
      return planScanBytes(stages, thisHost(request.settings))
    }
    const { settings } = request
    if (write !== undefined)
      return this.#write({ intent: write, stages, reports, batches }, planned, { lasting, settings })
    const result = { schema, batches, scanBytes }
    return explain === undefined ? result : { ...result, explanation: async () => explain(reports) }
  }

  async #write(
    write: LocalWrite,
    { explain, onWritten, schema }: PlannedStatement,
    { lasting, settings }: { readonly lasting: LastingState; readonly settings: Settings },
  ): Promise<QueryResult> {
    const coordinator = await this.#coordinator(lasting, settings)
    const { localWrite } = await import('./local-write.js')
    let count = ''
    const batches = localWrite(coordinator, write, async ({ rows }) => {
      count = String(rows)
      await onWritten?.()
    })
    return { schema, batches, explanation: async () => explain?.(write.reports) ?? [[count]] }
  }

  /** With a data directory the first one ends the writes of the session before. */
  async #coordinator({ state }: LastingState, settings: Settings): Promise<WriteCoordinator> {
    const { writeCoordinator } = await import('../commit/committers.js')
    const { tableFormats } = this.#registry
    if (this.#dataDir === undefined) return writeCoordinator({ settings, tableFormats })
    const open = async (): Promise<WriteIntents> => {
      const { StoreIntents } = await import('../commit/store-intents.js')
      const intents = new StoreIntents(state.store, systemClock)
      await writeCoordinator({ intents, settings, tableFormats }).recover()
      return intents
    }
    this.#intents ??= open()
    return writeCoordinator({ intents: await this.#intents, settings, tableFormats })
  }

  async close(): Promise<void> {
    await this.#engine.close()
    this.#letGo()
    // One that could not be opened has failed its statements already.
    const lasting = await this.#lasting?.catch(() => undefined)
    await lasting?.state.store.close()
  }
}
