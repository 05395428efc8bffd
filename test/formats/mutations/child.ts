/**
 * Reads mutated files one after the other, in a process of its own: one that hangs or dies takes nobody along.
 * `node child.js DIRECTORY SEED FIRST END` writes a line of JSON before and after each mutation.
 */
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bytesInUse } from '../../../src/arrow/memory.js'
import { seededRng } from '../../../src/common/clock.js'
import { BallistaError } from '../../../src/common/errors.js'
import { ioStats } from '../../../src/runtime/io-counters.js'
import { scanFile } from '../duckdb.js'
import { MUTATIONS } from './mutate.js'

export interface Outcome {
  readonly number: number
  readonly file: string
  readonly mutation: string
  /** `rows`, the code of the error, or what was thrown without one. */
  readonly outcome: string
  readonly cpuMs: number
  readonly arenaBytes: number
  readonly openFiles: number
}

const [directory, seed, first, end] = process.argv.slice(2)

const say = (line: unknown): void => void process.stdout.write(`${JSON.stringify(line)}\n`)

const outcomeOf = async (path: string, partitions: number): Promise<string> => {
  try {
    await scanFile(path, { targetPartitions: partitions, minPartitionBytes: 1 })
    return 'rows'
  } catch (error) {
    return error instanceof BallistaError && error.code !== 'INTERNAL' ? error.code : `uncoded: ${String(error)}`
  }
}

const originals = readdirSync(directory).filter(name => !name.startsWith('mutated'))
const names = Object.keys(MUTATIONS)
for (let number = Number(first); number < Number(end); number++) {
  const rng = seededRng(Number(seed) + number * 7919)
  for (let i = 0; i < 8; i++) rng.next()
  const file = originals[Math.floor(rng.next() * originals.length)]
  const mutation = names[Math.floor(rng.next() * names.length)]
  const path = join(directory, `mutated-${number}-${file}`)
  writeFileSync(path, MUTATIONS[mutation](readFileSync(join(directory, file)), rng))
  say({ number, file, mutation })
  const before = process.cpuUsage()
  const outcome = await outcomeOf(path, 1 + (number % 3))
  const { user, system } = process.cpuUsage(before)
  const held = { arenaBytes: bytesInUse(), openFiles: ioStats().openFiles }
  say({ number, file, mutation, outcome, cpuMs: Math.round((user + system) / 1000), ...held } satisfies Outcome)
  rmSync(path)
}
