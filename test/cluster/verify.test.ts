/**
 * EXPLAIN VERIFY as the cluster's oracle: every query of the .slt files gives the same rows in several tasks on two executors and in
 * one task. A seeded sample of the files; BALLISTA_TEST_FULL=1 takes all. SEED=n replays.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { seededRng } from '../../src/common/clock.js'
import { SessionContext } from '../../src/index.js'
import { parseSlt, type SltRecord } from '../helpers/slt.js'

const SEED = Number(process.env['SEED'] ?? 1)
const FILES = process.env['BALLISTA_TEST_FULL'] === '1' ? Infinity : 5

/** Rows that no query determines. */
const OPEN =
  /\brandom\(|\buuid\(|\bLIMIT\b|\bFETCH\b|\bOFFSET\b|\bnow\(|\bcurrent_|\bDISTINCT ON\b|_agg\(|first_value|last_value|nth_value|any_value|arg_m|\bmode\(|approx_|generate_series|\brange\(/i

const isChecked = ({ kind, sql }: SltRecord): boolean =>
  kind === 'query' && /^\s*(SELECT|WITH|VALUES|FROM)\b/i.test(sql) && !OPEN.test(sql)

/** Those that succeed. */
const recordsOf = (name: string): SltRecord[] =>
  parseSlt(readFileSync(`test/slt/${name}`, 'utf8')).filter(
    part => typeof part !== 'string' && part.error === undefined,
  ) as SltRecord[]

const rng = seededRng(SEED)
const chosen = readdirSync('test/slt')
  .filter(name => name.endsWith('.slt') && recordsOf(name).some(isChecked))
  .map(name => ({ name, draw: rng.next() }))
  .sort((left, right) => left.draw - right.draw)

for (const { name } of chosen.slice(0, FILES)) {
  test.serial(`${name}: the same rows in several tasks and in one (SEED=${SEED})`, async t => {
    const directory = mkdtempSync(join(tmpdir(), 'ballista-verify-'))
    const ctx = await SessionContext.standalone({ executors: 2 })
    t.teardown(async () => {
      await ctx.close()
      rmSync(directory, { recursive: true, force: true })
    })
    for (const record of recordsOf(name)) {
      const sql = record.sql.replaceAll('$DIR', directory)
      if (!isChecked(record)) {
        await (await ctx.sql(sql)).rows()
        continue
      }
      const checks = await (await ctx.sql(`EXPLAIN VERIFY ${sql}`)).rows()
      const different = checks.filter(({ result }) => result === 'differs')
      t.deepEqual(different, [], `line ${record.line}: ${record.sql}`)
    }
  })
}
