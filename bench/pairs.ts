/** Interleaved pairs of runs: ours, theirs, ours, theirs …, so that what disturbs the machine disturbs both. */
import type { Rows } from '../tpch/compare.js'
import { EngineClient } from './engine-client.js'
import type { Consume, EngineName, EngineOptions, Run } from './engine.js'

/** The same work in both dialects. */
export interface Workload {
  readonly name: string
  readonly ours: readonly string[]
  readonly theirs: readonly string[]
  readonly consume: Consume
  /** What differs between the rows of both; undefined: nothing. Absent: the rows are not compared. */
  readonly difference?: (ours: Rows, theirs: Rows) => string | undefined
}

export interface Measured {
  /** The first statement of a fresh process; files are in the page cache of the machine or not, as it happens. */
  readonly cold: Run
  /** After the cold run and one more that is not counted, one of each pair. */
  readonly runs: readonly Run[]
  /** Largest resident memory of the process, the JavaScript runtime included; absent where others ran in it. */
  readonly peakBytes?: number
}

export interface Measurement {
  readonly name: string
  readonly ours?: Measured
  readonly theirs?: Measured
  /** Why there is no measurement, or what differs between the answers. */
  readonly problem?: string
}

/** A run of fewer pairs is a look, not a record. */
export const RECORD_PAIRS = 9

export interface PairOptions {
  readonly pairs: number
  readonly engine: EngineOptions
  /** The engine to compare with; absent: ours alone. */
  readonly versus?: EngineName
  readonly signal: AbortSignal
  readonly onVersion?: (engine: EngineName, version: string) => void
}

/** Both engines get a process of their own for each workload; both are gone when this resolves. Throws when aborted only. */
export async function measure(workload: Workload, options: PairOptions): Promise<Measurement> {
  const { name } = workload
  const clients: EngineClient[] = []
  try {
    for (const engine of ['ballista', options.versus] as const) {
      if (engine === undefined) continue
      const client = await EngineClient.start(engine, options.engine, options.signal)
      clients.push(client)
      options.onVersion?.(engine, client.version)
    }
    return { name, ...(await measureOn(clients, workload, options.pairs)) }
  } catch (error) {
    options.signal.throwIfAborted()
    return { name, problem: (error as Error).message }
  } finally {
    await Promise.all(clients.map(client => client.close()))
  }
}

async function measureOn(
  clients: readonly EngineClient[],
  workload: Workload,
  pairs: number,
): Promise<Omit<Measurement, 'name'>> {
  const sides = clients.map(client => ({
    client,
    statements: workload[client.name === 'ballista' ? 'ours' : 'theirs'],
  }))
  const { consume } = workload
  const round = async (rows: boolean): Promise<{ run: Run; rows?: Rows }[]> => {
    const results = []
    for (const { client, statements } of sides) results.push(await client.run(statements, { consume, rows }))
    return results
  }
  const cold = await round(workload.difference !== undefined)
  await round(false)
  const runs: Run[][] = []
  for (let pair = 0; pair < pairs; pair++) runs.push((await round(false)).map(({ run }) => run))
  const [ours, theirs] = await Promise.all(
    clients.map(async (client, side): Promise<Measured> => {
      const peakBytes = await client.peakBytes()
      return { cold: cold[side].run, runs: runs.map(pair => pair[side]), peakBytes }
    }),
  )
  const [ourRows, theirRows] = cold.map(({ rows }) => rows)
  const problem = ourRows && theirRows && workload.difference?.(ourRows, theirRows)
  return { ours, ...(theirs === undefined ? {} : { theirs }), ...(problem === undefined ? {} : { problem }) }
}
