/** An engine in a child process, seen from the benchmark. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Consume, EngineName, EngineOptions, EngineReply, EngineRequest, RunResult } from './engine.js'

/** One side of a measurement: an engine in processes of its own. */
export interface Contender {
  run(statements: readonly string[], how: { consume: Consume; rows: boolean }): Promise<RunResult>
  /** Largest resident memory of its processes so far, added up. */
  peakBytes(): Promise<number>
  /** Ends its processes; they are gone when this resolves. */
  close(): Promise<void>
}

const PROGRAM = new URL('./engine-process.js', import.meta.url)

export class EngineClient implements Contender {
  readonly name: EngineName
  readonly version: string
  readonly #child: ChildProcess

  private constructor(name: EngineName, version: string, child: ChildProcess) {
    this.name = name
    this.version = version
    this.#child = child
  }

  /** A fresh process with the engine open and the tables registered; nothing has run in it. Aborting the signal kills it. */
  static async start(name: EngineName, options: EngineOptions, signal: AbortSignal): Promise<EngineClient> {
    const child = fork(PROGRAM, [], { serialization: 'advanced', signal, killSignal: 'SIGKILL' })
    // The abort of the signal; whoever waits for an answer sees the exit.
    child.on('error', () => undefined)
    try {
      const { version } = await ask(child, { kind: 'open', engine: name, options }, 'opened')
      return new EngineClient(name, version, child)
    } catch (error) {
      child.kill('SIGKILL')
      throw error
    }
  }

  /** Runs the statements once. Throws what the engine threw, as text. */
  run(statements: readonly string[], { consume, rows }: { consume: Consume; rows: boolean }): Promise<RunResult> {
    return ask(this.#child, { kind: 'run', statements, consume, rows }, 'ran')
  }

  async peakBytes(): Promise<number> {
    return (await ask(this.#child, { kind: 'peak' }, 'peak')).bytes
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exit = once(this.#child, 'exit')
    await ask(this.#child, { kind: 'close' }, 'closed').catch(() => this.#child.kill('SIGKILL'))
    await exit
  }
}

async function ask<K extends EngineReply['kind']>(
  child: ChildProcess,
  request: EngineRequest,
  wanted: K,
): Promise<Extract<EngineReply, { kind: K }>> {
  const reply = await new Promise<EngineReply>((resolve, reject) => {
    const onMessage = (message: EngineReply): void => settle(() => resolve(message))
    const onExit = (code: number | null, by: string | null): void =>
      settle(() => reject(new Error(`the engine's process ended (${by ?? String(code)})`)))
    const settle = (how: () => void): void => {
      child.off('message', onMessage)
      child.off('exit', onExit)
      how()
    }
    child.on('message', onMessage)
    child.on('exit', onExit)
    child.send(request)
  })
  if (reply.kind === 'failed') throw new Error(reply.message)
  if (reply.kind !== wanted) throw new Error(`the engine's process answered ${reply.kind} to ${request.kind}`)
  return reply as Extract<EngineReply, { kind: K }>
}
