/**
 * Every .slt file, in every mode that exists; without BALLISTA_TEST_FULL=1 in the local mode and, by turns, in one of the rest.
 * UPDATE=1 writes the expected parts anew (from the local mode).
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { bytesInUse } from '../src/arrow/memory.js'
import { startStandalone, type Standalone } from '../src/cluster/standalone.js'
import type { Settings } from '../src/common/option.js'
import { SessionContext } from '../src/index.js'
import { ioStats } from '../src/runtime/io-counters.js'
import { SharedCatalog } from '../src/catalog/shared-catalog.js'
import { MemoryStore } from '../src/kv/memory-store.js'
import { clusterPlanner } from '../src/session/plan-for-cluster.js'
import { DAY, IS_FULL, isTurn } from './helpers/sample.js'
import { runSlt } from './helpers/slt.js'

const update = process.env['UPDATE'] === '1'
/** ONLY=joins,strings runs just these files, in every mode. */
const only = process.env['ONLY']?.split(',')

/** Every table is cut into as many partitions as it has lines, row groups or batches, up to `count`. */
const partitioned = (count: number): Settings => ({
  'ballista.optimizer.repartition_file_min_size': '1',
  'ballista.execution.target_partitions': String(count),
})

interface Mode {
  readonly settings: Settings
  readonly cluster?: boolean
}

const MODES: Readonly<Record<string, Mode>> = {
  local: { settings: {} },
  // Every operator that can spill does so before its second batch.
  'local, batches of 3 rows and no memory': {
    settings: { 'ballista.execution.batch_size': '3', 'ballista.memory.limit': '1' },
  },
  'local, 4 partitions': { settings: partitioned(4) },
  'a cluster of two executors, 3 partitions': { settings: partitioned(3), cluster: true },
  'a cluster of two executors, 3 partitions and the smallest windows': {
    settings: {
      ...partitioned(3),
      'ballista.execution.batch_size': '2',
      'ballista.exchange.write_buffer': '1',
      'ballista.exchange.read_window': '1000',
    },
    cluster: true,
  },
}

const files = readdirSync('test/slt').filter(
  name => name.endsWith('.slt') && (only === undefined || only.includes(name.slice(0, -4))),
)

const isFull = IS_FULL || only !== undefined
/** Each day every file in another one of the modes after the first. */
const isChosen = (file: number, mode: number): boolean =>
  isFull || mode === 0 || isTurn(file + mode, Object.keys(MODES).length - 1)

test.before(t => t.log(isFull ? 'all files in all modes' : `SEED=${DAY}`))

let cluster: Standalone | undefined
/** What the sessions of the cluster share; emptied after each file. */
const shared = new MemoryStore()

const emptyShared = (): Promise<void> =>
  shared.transact(transaction => {
    for (const { key } of transaction.scan('')) transaction.delete(key)
  })

/** All sessions of this kind share one cluster, which starts with the first. */
async function openSession({ settings, cluster: isRemote }: Mode): Promise<SessionContext> {
  if (isRemote !== true) return new SessionContext({ settings })
  const planner = clusterPlanner({ allowsUserCode: false, catalog: new SharedCatalog(shared) })
  cluster ??= await startStandalone({ executors: 2, slots: 1, planner })
  return SessionContext.remote(`df://${cluster.address}`, { settings })
}

for (const [m, [mode, options]] of Object.entries(MODES).entries()) {
  for (const [i, file] of files.entries()) {
    if (!isChosen(i, m) || (update && m > 0)) continue
    test.serial(`${file}: ${mode}`, async t => {
      const directory = mkdtempSync(join(tmpdir(), 'ballista-slt-'))
      const ctx = await openSession(options)
      t.teardown(async () => {
        await ctx.close()
        await emptyShared()
        rmSync(directory, { recursive: true, force: true })
      })
      const differences = await runSlt(ctx, `test/slt/${file}`, { update, directory })
      await ctx.close()
      t.deepEqual(differences, [])
      if (options.cluster !== true) t.is(bytesInUse(), 0)
      t.is(ioStats().tempFiles, 0)
    })
  }
}

test.serial('a closed cluster leaves no byte in the arena', async t => {
  await cluster?.close()
  t.is(bytesInUse(), 0)
})
