/** Interleaved pairs of runs: ours, theirs, ours, theirs …, so that what disturbs the machine disturbs both. */
import type { Rows } from '../tpch/compare.js'
import { EngineClient, type Contender } from './engine-client.js'
import type { Consume, EngineName, EngineOptions, Run, RunResult } from './engine.js'

/** The same work in both dialects. */
export interface Workload {
  readonly name: string
  readonly ours: readonly string[]
  readonly theirs: readonly string[]
  readonly consume: Consume
  /** Of our engine, beside those of the benchmark. */
  readonly settings?: Readonly<Record<string, string>>
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
  const { signal, versus, onVersion } = options
  const engine = { ...options.engine, settings: { ...options.engine.settings, ...workload.settings } }
  const side = (name: EngineName, statements: readonly string[]): SideStart => ({
    statements,
    async start() {
      const client = await EngineClient.start(name, engine, signal)
      onVersion?.(name, client.version)
      return client
    },
  })
  const theirSide = versus === undefined ? [] : [side(versus, workload.theirs)]
  const measured = await measureSides([side('ballista', workload.ours), ...theirSide], workload, options)
  const { sides: [ours, theirs] = [], problem } = measured
  return {
    name: workload.name,
    ...(ours === undefined ? {} : { ours }),
    ...(theirs === undefined ? {} : { theirs }),
    ...(problem === undefined ? {} : { problem }),
  }
}

/** A contender that a measurement starts, and what it runs. */
export interface SideStart {
  readonly statements: readonly string[]
  start(): Promise<Contender>
}

/**
 * Starts all sides, runs them in turn, and ends them; `warmUp` rounds after the cold one (default 1) are not counted. Answers are compared with those of the first side. Throws when aborted only;
 * `sides` is absent if one failed.
 */
export async function measureSides(
  starts: readonly SideStart[],
  workload: Pick<Workload, 'consume' | 'difference'>,
  options: { readonly pairs: number; readonly signal: AbortSignal; readonly warmUp?: number },
): Promise<{ readonly sides?: readonly Measured[]; readonly problem?: string }> {
  const contenders: Contender[] = []
  try {
    for (const { start } of starts) contenders.push(await start())
    const statements = starts.map(side => side.statements)
    return await runInTurn(contenders, statements, workload, options)
  } catch (error) {
    options.signal.throwIfAborted()
    return { problem: (error as Error).message }
  } finally {
    await Promise.all(contenders.map(contender => contender.close()))
  }
}

async function runInTurn(
  contenders: readonly Contender[],
  statements: readonly (readonly string[])[],
  { consume, difference }: Pick<Workload, 'consume' | 'difference'>,
  { pairs, warmUp = 1 }: { readonly pairs: number; readonly warmUp?: number },
): Promise<{ readonly sides: readonly Measured[]; readonly problem?: string }> {
  const round = async (rows: boolean): Promise<RunResult[]> => {
    const results = []
    for (const [i, contender] of contenders.entries())
      results.push(await contender.run(statements[i], { consume, rows }))
    return results
  }
  const cold = await round(difference !== undefined)
  for (let i = 0; i < warmUp; i++) await round(false)
  const runs: Run[][] = []
  for (let pair = 0; pair < pairs; pair++) runs.push((await round(false)).map(({ run }) => run))
  const sides = await Promise.all(
    contenders.map(async (contender, side): Promise<Measured> => {
      const peakBytes = await contender.peakBytes()
      return { cold: cold[side].run, runs: runs.map(pair => pair[side]), peakBytes }
    }),
  )
  const [first, ...others] = cold.map(({ rows }) => rows)
  const problem = others
    .map(rows => (first === undefined || rows === undefined ? undefined : difference?.(first, rows)))
    .find(found => found !== undefined)
  return { sides, ...(problem === undefined ? {} : { problem }) }
}
