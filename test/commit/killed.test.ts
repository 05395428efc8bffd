/** Writing processes that are killed at any moment: a reader sees whole writes only, and the next process mends what is left. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { seededRng, type Rng } from '../../src/common/clock.js'
import { SessionContext } from '../../src/session/context.js'

const WRITER = fileURLToPath(new URL('writer-process.js', import.meta.url))
const SEED = Number(process.env['SEED'] ?? Date.now() % 100_000)
const KILLS = process.env['BALLISTA_TEST_FULL'] === '1' ? 20 : 2

const home = mkdtempSync(join(tmpdir(), 'killed-'))
test.after.always(() => rmSync(home, { recursive: true }))

/** Runs until it is killed; gives how many rounds it has acknowledged. */
async function writeUntilKilled(directory: string, mode: string, rng: Rng): Promise<number> {
  const [startsLate, afterMs] = [rng.next() < 0.8, 300 * rng.next()]
  const child = spawn(process.execPath, [WRITER, directory, mode], { stdio: ['ignore', 'pipe', 'inherit'] })
  let acknowledged = 0
  let killing: Promise<boolean> | undefined
  for await (const line of createInterface({ input: child.stdout })) {
    if (line !== 'ready') acknowledged = Number(line) + 1
    // From its first write on, or right at it.
    if (line === 'ready' && startsLate) continue
    killing ??= sleep(afterMs).then(() => child.kill('SIGKILL'))
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return acknowledged
}

for (const mode of ['append', 'overwrite']) {
  test.serial(`killed writers, ${mode}: whole writes, acknowledged means present, staging empty`, async t => {
    t.log(`seed ${SEED}`)
    const rng = seededRng(SEED)
    await using ctx = new SessionContext()
    for (let kill = 0; kill < KILLS; kill++) {
      const directory = join(home, `${mode}-${kill}/`)
      const acknowledged = await writeUntilKilled(directory, mode, rng)
      // Before anything is mended, and after the next write has mended it.
      for (const mends of [false, true]) {
        if (mends)
          await ctx
            .fromRows([{ round: -1, part: 0, i: 0 }])
            .writeParquet(directory, { partitionBy: ['part'], mode: 'append' })
        const frame = await ctx.readParquet(directory).catch(() => undefined)
        if (frame === undefined) {
          t.is(acknowledged, 0)
          continue
        }
        const rounds = await (
          await ctx.sql(`SELECT round, count(*) AS rows, count(DISTINCT i) AS distinct_rows FROM '${directory}'
          WHERE round >= 0 GROUP BY round ORDER BY round`)
        ).rows()
        for (const each of rounds) t.deepEqual([each['rows'], each['distinct_rows']], [300n, 300n])
        const seen = rounds.map(each => Number(each['round']))
        const last = seen.at(-1) ?? -1
        t.true(last >= acknowledged - 1, `saw ${seen.join()}, acknowledged ${acknowledged}`)
        const expected =
          mode === 'append' ? Array.from({ length: last + 1 }, (_, round) => round) : last < 0 ? [] : [last]
        t.deepEqual(seen, expected)
      }
      const root = join(home, `.${mode}-${kill}.staging`)
      const left = existsSync(root) ? readdirSync(root) : []
      t.deepEqual(
        left.filter(name => name !== 'keys'),
        [],
      )
      t.log(`${acknowledged} writes acknowledged`)
    }
  })
}
