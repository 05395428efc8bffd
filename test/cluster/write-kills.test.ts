/**
 * Writes of real processes of which one is killed at a random moment: scheduler, executor or client. A reader polls all the time, what
 * was killed is started again, and the write comes again with its key. SEED=n replays the choices; moments are as exact as the machine.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { seededRng } from '../../src/common/clock.js'
import { BallistaError } from '../../src/common/errors.js'
import { SessionContext } from '../../src/session/context.js'
import { until } from '../helpers/node-watch.js'
import { NODES, startRestartable, type RestartableCluster } from '../helpers/restartable-cluster.js'

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)
const KILLS = process.env.BALLISTA_TEST_FULL === '1' ? 40 : 2
const WRITER = fileURLToPath(new URL('write-process.js', import.meta.url))
const OLD = 1_000
const NEW = 200_000
const MAX_TRIES = 60

const TARGETS = [...NODES, 'client'] as const
/** The numbers [from, to). */
const numbers = (from: number, to: number): string => `SELECT value AS k FROM range(${from}, ${to})`
/** By the number of the case and its directory. */
const STATEMENTS = {
  'COPY to a new directory': (_: number, path: string) => `COPY (SELECT k FROM source) TO '${path}' STORED AS PARQUET`,
  INSERT: (n: number) => `INSERT INTO t${n} SELECT k FROM source`,
  'INSERT OVERWRITE': (n: number) => `INSERT OVERWRITE t${n} SELECT k FROM source`,
} as const
/** So that both executors write, however small the file is. */
const SPLIT = { 'ballista.optimizer.repartition_file_min_size': '1' }

type Kind = keyof typeof STATEMENTS

/** When the victim is killed, after a random pause: at once, or when a file of the write is there whose path below the staging directory matches. */
const MOMENTS = [undefined, /^[^/]+$/, /^[^/]+\/parts\/./, /MANIFEST\.json/, /COMMITTED\.json/] as const

let cluster: RestartableCluster
const local = new SessionContext()

test.before(async () => {
  cluster = await startRestartable()
  const source = join(cluster.files, 'source.parquet')
  await local.sql(`COPY (${numbers(0, NEW)}) TO '${source}' OPTIONS (max_row_group_size 20000)`)
  await using ctx = await SessionContext.remote(cluster.url)
  await ctx.sql(`CREATE EXTERNAL TABLE source STORED AS PARQUET LOCATION '${source}'`)
})
test.after.always(async () => {
  await local.close()
  await cluster?.close()
})

type Seen = 'old' | 'new' | `between: ${string}`

/** What a reader sees; the files of an overwritten table may go before it has opened them. */
async function seen(path: string, kind: Kind): Promise<Seen> {
  if (!existsSync(path) || readdirSync(path).length === 0) return 'old'
  const query = `SELECT count(*) AS n, sum(k) AS s, min(k) AS least, max(k) AS most FROM '${path}'`
  for (;;) {
    try {
      const [{ n, s, least, most }] = await (await local.sql(query)).rows()
      const found = [n, s, least, most].join()
      return found === sums(kind, 'new') ? 'new' : found === sums(kind, 'old') ? 'old' : `between: ${found}`
    } catch (error) {
      if (!(error instanceof BallistaError) || error.code !== 'FILE_NOT_READABLE' || kind !== 'INSERT OVERWRITE')
        throw error
    }
  }
}

/** Of the numbers [-OLD, 0), [0, NEW), or both. */
function sums(kind: Kind, when: 'old' | 'new'): string {
  const from = when === 'old' || kind === 'INSERT' ? -OLD : 0
  const to = when === 'old' ? 0 : NEW
  return [to - from, ((to - from) * (from + to - 1)) / 2, from, to - 1].join()
}

/** Polls until it is stopped; every change that it saw. */
function watch(path: string, kind: Kind): { stop(): Promise<readonly string[]> } {
  const changes: Seen[] = []
  let isOver = false
  const polling = (async () => {
    while (!isOver) {
      const now = await seen(path, kind)
      if (now !== changes.at(-1)) changes.push(now)
      await sleep(1)
    }
  })()
  return {
    async stop() {
      isOver = true
      await polling
      return changes
    },
  }
}

async function awaitMoment(root: string, moment: RegExp | undefined, isOver: () => boolean): Promise<void> {
  const isThere = (): boolean =>
    moment === undefined ||
    (existsSync(root) && readdirSync(root, { recursive: true, encoding: 'utf8' }).some(path => moment.test(path)))
  while (!isOver()) {
    // Directories go while they are read.
    try {
      if (isThere()) return
    } catch {}
    await sleep(0)
  }
}

/** A row `count`, an error, or nothing: it was killed. */
interface Client {
  readonly ready: Promise<void>
  readonly answer: Promise<string>
  kill(): void
}

function startClient(key: string, statement: string): Client {
  const child = spawn(process.execPath, [WRITER, cluster.url, key, statement], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  const output = createInterface({ input: child.stdout })
  const ready = once(output, 'line').then(() => undefined)
  output.on('line', line => lines.push(line))
  return {
    ready,
    answer: once(child, 'close').then(() => lines[1] ?? 'killed'),
    kill: () => void child.kill('SIGKILL'),
  }
}

async function writeAgain(ctx: SessionContext, t: ExecutionContext, statement: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      const [{ count }] = await (await ctx.sql(statement)).rows()
      return void t.is(count, BigInt(NEW))
    } catch (error) {
      if (!(error instanceof BallistaError) || !error.retryable || tries >= MAX_TRIES) throw error
      await sleep(250)
    }
  }
}

test.serial('a program that does nothing but write waits for a scheduler that is gone for a while', async t => {
  const path = join(cluster.files, 'waits/')
  const client = startClient('waits', STATEMENTS['COPY to a new directory'](0, path))
  await client.ready
  let isOver = false
  void client.answer.then(() => (isOver = true))
  await awaitMoment(join(cluster.files, '.waits.staging'), MOMENTS[1], () => isOver)
  await cluster.kill('scheduler')
  await sleep(1_000)
  await cluster.restart('scheduler')
  t.is(await client.answer, `count ${NEW}`)
})

const rng = seededRng(SEED)
const pick = <T>(list: readonly T[]): T => list[Math.floor(rng.next() * list.length)]

for (let kill = 0; kill < KILLS; kill++) {
  test.serial(`kill ${kill}: old or new content, acknowledged means present, again means once`, async t => {
    t.log(`seed ${SEED}`)
    const kind = pick(Object.keys(STATEMENTS) as Kind[])
    const [target, moment, pauseMs] = [pick(TARGETS), pick(MOMENTS), 150 * rng.next() ** 2]
    const name = `${kind}, ${target} killed ${pauseMs.toFixed(0)} ms after ${moment ?? 'its start'}`
    const path = join(cluster.files, `t${kill}/`)
    const root = join(cluster.files, `.t${kill}.staging`)
    const key = `${SEED} ${kill}`
    const ctx = await SessionContext.remote(cluster.url, {
      settings: { ...SPLIT, 'ballista.write.idempotency_key': key },
    })
    if (kind !== 'COPY to a new directory') {
      mkdirSync(path)
      await (await local.sql(numbers(-OLD, 0))).writeParquet(join(path, 'old.parquet'))
      await ctx.sql(`CREATE EXTERNAL TABLE t${kill} (k BIGINT) STORED AS PARQUET LOCATION '${path}'`)
    }
    const statement = STATEMENTS[kind](kill, path)
    const reader = watch(path, kind)
    const client = startClient(key, statement)
    await client.ready
    let isOver = false
    const answered = client.answer.then(answer => {
      isOver = true
      return answer
    })
    await awaitMoment(root, moment, () => isOver)
    await sleep(pauseMs)
    if (target === 'client') client.kill()
    else {
      await cluster.kill(target)
      await cluster.restart(target)
    }
    const answer = await answered
    t.log(`${name}: ${answer}`)
    if (answer.startsWith('count')) {
      t.is(answer, `count ${NEW}`, name)
      t.is(await seen(path, kind), 'new', `${name}: acknowledged means present`)
    } else if (target !== 'client') t.fail(`${name}: ${answer}`)
    await writeAgain(ctx, t, statement)
    t.is(await seen(path, kind), 'new', `${name}: written again`)
    await until(`${name}: nothing is staged`, () => !existsSync(root) || undefined)
    const changes = await reader.stop()
    t.true(['old,new', 'new', 'old'].includes(changes.join()), `${name}: a reader saw ${changes.join()}`)
    await ctx.close()
  })
}
