/** `npm run simulate`: prints the promises that seeds break, and their traces when asked. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { prepareWorkload } from '../../../src/cluster/simulator/workload.js'
import { simulate } from '../../../src/cluster/simulator/simulate.js'
import { OPERATORS } from '../../../src/physical/operators/index.js'
import { planForCluster } from '../../../src/session/plan-for-cluster.js'

/** Resolves with the exit code: 1 when a seed breaks a promise. */
export async function main(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      from: { type: 'string' },
      count: { type: 'string' },
      trace: { type: 'boolean' },
      'until-failure': { type: 'boolean' },
      workers: { type: 'string' },
    },
  })
  const from = Number(env.SEED ?? values.from ?? 1)
  const count = env.SEED === undefined ? Number(values.count ?? 1_000) : 1
  const workers = Math.min(Number(values.workers ?? 1), count)
  if (workers > 1) return inProcesses(workers, from, count, args)
  const workload = await prepareWorkload(planForCluster, OPERATORS)
  const write = (line: string): void => void process.stdout.write(`${line}\n`)
  let failures = 0
  // Traces of errors that are part of the game cost more than the game.
  Error.stackTraceLimit = 0
  const start = process.cpuUsage()
  for (let seed = from; seed < from + count && !(failures > 0 && values['until-failure']); seed++) {
    const { events, virtualMs, violations } = await simulate({
      seed,
      workload,
      ...(values.trace === true ? { trace: write } : {}),
    })
    if (violations.length > 0) {
      failures++
      write(`SEED=${seed} npm run simulate`)
      for (const violation of violations) write(`  ${violation}`)
    } else if (count === 1) write(`seed ${seed}: ${events} events, ${(virtualMs / 1000).toFixed(1)} s`)
  }
  const { user, system } = process.cpuUsage(start)
  write(`${count} seeds from ${from}: ${failures} failed, ${((user + system) / 1000 / count).toFixed(1)} ms a seed`)
  return failures === 0 ? 0 : 1
}

/** The seeds in as many processes of the command that runs, each with its share. */
async function inProcesses(workers: number, from: number, count: number, args: readonly string[]): Promise<number> {
  const share = Math.ceil(count / workers)
  const codes = Array.from({ length: Math.ceil(count / share) }, async (_, i): Promise<unknown> => {
    const first = from + i * share
    const seeds = ['--from', String(first), '--count', String(Math.min(share, from + count - first))]
    const child = spawn(process.execPath, [process.argv[1], ...args, '--workers', '1', ...seeds], { stdio: 'inherit' })
    const [code] = await once(child, 'close')
    return code
  })
  return (await Promise.all(codes)).every(code => code === 0) ? 0 : 1
}
