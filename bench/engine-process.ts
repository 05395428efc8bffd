/** The program of an engine's process: answers the requests of engine-client.ts one after the other. */
import { processUse } from '../src/runtime/process-use.js'
import { openBallista } from './ballista-engine.js'
import { openDuckDbEngine } from './duckdb-engine.js'
import type { Consume, Engine, EngineReply, EngineRequest, RunResult } from './engine.js'

let engine: Engine | undefined

async function answer(request: EngineRequest): Promise<EngineReply> {
  switch (request.kind) {
    case 'open': {
      engine = await (request.engine === 'ballista' ? openBallista : openDuckDbEngine)(request.options)
      return { kind: 'opened', version: engine.version }
    }
    case 'run':
      return { kind: 'ran', ...(await timedRun(opened(), request)) }
    case 'peak':
      return { kind: 'peak', bytes: processUse().peakRssBytes }
    case 'close': {
      await engine?.close()
      return { kind: 'closed' }
    }
  }
}

function opened(): Engine {
  if (engine === undefined) throw new Error('no engine is open')
  return engine
}

/** The clock runs until the last batch has come; rows are converted after that. */
async function timedRun(
  { run, drain }: Engine,
  { statements, consume, rows }: { statements: readonly string[]; consume: Consume; rows: boolean },
): Promise<RunResult> {
  const cpu = process.cpuUsage()
  const started = performance.now()
  const consumed = consume === 'keep' ? await run(statements) : { rowCount: await drain(statements) }
  const ms = performance.now() - started
  const { user, system } = process.cpuUsage(cpu)
  const timed = { ms, userMs: user / 1000, systemMs: system / 1000, rowCount: consumed.rowCount }
  if (!('release' in consumed)) return { run: timed }
  try {
    return { run: timed, ...(rows ? { rows: consumed.rows() } : {}) }
  } finally {
    consumed.release()
  }
}

process.on('message', (request: EngineRequest) => {
  void answer(request)
    .catch((error: unknown): EngineReply => ({ kind: 'failed', message: messageOf(error) }))
    .then(reply => process.send?.(reply, () => request.kind === 'close' && process.disconnect()))
})
// The benchmark is gone: so is this.
process.on('disconnect', () => process.exit())

const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return 'code' in error ? `${error.message} [${String(error.code)}]` : error.message
}
