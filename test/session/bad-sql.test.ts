/** SQL that cannot be answered, and SQL that looks like it: a coded error within a second or the right answer, nothing left behind. */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import { BallistaError } from '../../src/common/errors.js'
import type { Rng } from '../../src/common/clock.js'
import { SessionContext } from '../../src/index.js'
import { generateTpch } from '../../tpch/generate.js'
import { below, testRng } from '../arrow/random-columns.js'
import { threadCpuMs } from '../helpers/thread-cpu.js'

/** A second of processor time; tests that run beside this one make a core up to three times slower. */
const CPU_LIMIT_MS = 3000

let ctx: SessionContext
test.before(async () => {
  ctx = new SessionContext()
  await (await ctx.sql('SELECT 1 + 1')).rows()
})
test.after.always(() => ctx.close())

/** The code of the error, or the rows as text. */
async function outcomeOf(t: ExecutionContext, sql: string): Promise<string> {
  const startMs = threadCpuMs()
  const outcome = await ctx
    .sql(sql)
    .then(df => df.rows())
    .then(rows => rows.map(row => Object.values(row).map(String).join(' ')).join('; '))
    .catch((error: unknown) => {
      if (error instanceof BallistaError) return error.code === 'INTERNAL' ? `INTERNAL ${error.message}` : error.code
      throw error
    })
  const cpuMs = threadCpuMs() - startMs
  const label = sql.slice(0, 60)
  t.true(cpuMs < CPU_LIMIT_MS, `${label}: ${cpuMs} ms of processor time`)
  t.is(bytesInUse(), 0, label)
  return outcome
}

const ARITHMETIC: Readonly<Record<string, string>> = {
  'SELECT 1 / 0': 'DIVIDE_BY_ZERO',
  'SELECT 1.5 / 0': 'DIVIDE_BY_ZERO',
  'SELECT 1 % 0': 'DIVIDE_BY_ZERO',
  'SELECT x / (x - x) FROM (VALUES (1), (2)) AS t(x)': 'DIVIDE_BY_ZERO',
  'SELECT 9223372036854775807 + 1': 'NUMERIC_OVERFLOW',
  'SELECT x * x FROM (VALUES (9223372036854775807)) AS t(x)': 'NUMERIC_OVERFLOW',
  'SELECT sum(x) FROM (VALUES (9223372036854775807), (9223372036854775807)) AS t(x)': 'NUMERIC_OVERFLOW',
  'SELECT CAST(300 AS TINYINT)': 'NUMERIC_OVERFLOW',
  "SELECT CAST('x' AS INT)": 'INVALID_CAST',
  "SELECT CAST('2024-02-30' AS DATE)": 'INVALID_CAST',
  'SELECT CAST(12345.6 AS DECIMAL(4, 1))': 'NUMERIC_OVERFLOW',
  'SELECT CASE WHEN false THEN 1 / 0 ELSE 2 END': '2',
}

test.serial('arithmetic that has no answer', async t => {
  for (const [sql, expected] of Object.entries(ARITHMETIC)) t.is(await outcomeOf(t, sql), expected, sql)
})

const nested = (open: string, middle: string, close: string): string =>
  `SELECT ${open.repeat(10_000)}${middle}${close.repeat(10_000)}`

const DEEP: Readonly<Record<string, string>> = {
  parentheses: nested('(', '1', ')'),
  'open parentheses': nested('(', '', ''),
  functions: nested('abs(', '1', ')'),
  subqueries: nested('(SELECT ', '1', ')'),
  'tables in tables': `SELECT * FROM ${'(SELECT * FROM '.repeat(10_000)}t${')'.repeat(10_000)}`,
  NOT: nested('NOT ', 'true', ''),
  minus: nested('- ', '1', ''),
  CASE: nested('CASE WHEN true THEN ', '1', ' END'),
  casts: nested('CAST(', '1', ' AS INT)'),
}

test.serial('nesting 10 000 deep', async t => {
  for (const [what, sql] of Object.entries(DEEP)) {
    t.regex(await outcomeOf(t, sql), /^(SYNTAX|QUERY_TOO_DEEP|NOT_SUPPORTED)$/, what)
  }
})

const MEGABYTE = 1_000_000

const LARGE: Readonly<Record<string, readonly [sql: string, expected: RegExp]>> = {
  'a string of 900 000 letters': [`SELECT length('${'x'.repeat(900_000)}') AS n`, /^900000$/],
  'a comment of 900 000 letters': [`SELECT 1 /* ${'x'.repeat(900_000)} */`, /^1$/],
  blanks: [`SELECT${' '.repeat(900_000)}1`, /^1$/],
  'more than 1 000 000 letters': [`SELECT '${'x'.repeat(MEGABYTE)}'`, /^SYNTAX$/],
  'nothing but parentheses': ['('.repeat(MEGABYTE), /^(SYNTAX|QUERY_TOO_DEEP)$/],
  'nothing but quotes': ["'".repeat(MEGABYTE - 1), /^SYNTAX$/],
  'nothing but letters': ['x'.repeat(MEGABYTE), /^SYNTAX$/],
  'zero bytes': ['\0'.repeat(MEGABYTE), /^SYNTAX$/],
  'an identifier of 900 000 letters': [`SELECT ${'x'.repeat(900_000)}`, /^COLUMN_NOT_FOUND$/],
  'a number of 900 000 digits': [`SELECT ${'9'.repeat(900_000)}`, /^NUMERIC_OVERFLOW$/],
}

test.serial('a megabyte of SQL', async t => {
  for (const [what, [sql, expected]] of Object.entries(LARGE)) t.regex(await outcomeOf(t, sql), expected, what)
})

/** The text with a few pieces left out, doubled, swapped or replaced. */
function mutated(text: string, rng: Rng): string {
  const tokens = text.split(/(\s+|[(),])/)
  for (let change = 0; change <= below(rng, 3); change++) {
    const [at, other] = [below(rng, tokens.length), below(rng, tokens.length)]
    const kind = below(rng, 5)
    if (kind === 0) tokens.splice(at, 1 + below(rng, 4))
    else if (kind === 1) tokens.splice(at, 0, ...tokens.slice(other, other + 1 + below(rng, 6)))
    else if (kind === 2) [tokens[at], tokens[other]] = [tokens[other], tokens[at]]
    else if (kind === 3)
      tokens[at] = ['NULL', "'", '(', '*', '1e999', '-', 'SELECT', 'FROM', '"', '\\', '::', '[', '$1'][below(rng, 13)]
    else tokens[at] = tokens[at].slice(0, below(rng, tokens[at].length + 1))
  }
  return tokens.join('')
}

test.serial('the TPC-H queries, broken in a thousand ways, are planned or refused', async t => {
  const rng = testRng(message => t.log(message))
  const data = mkdtempSync(join(tmpdir(), 'ballista-bad-sql-'))
  t.teardown(() => rmSync(data, { recursive: true }))
  await generateTpch({ scale: 0.001, out: data, format: 'parquet' })
  for (const name of readdirSync(data)) await ctx.registerParquet(name.replace('.parquet', ''), join(data, name))
  const queries = readdirSync('tpch/queries').map(name => readFileSync(join('tpch/queries', name), 'utf8'))
  const outcomes = new Map<string, number>()
  for (let round = 0; round < 1000; round++) {
    const sql = mutated(queries[round % queries.length], rng)
    const outcome = await ctx
      .sql(`EXPLAIN ${sql}`)
      .then(df => df.rows())
      .then(
        () => 'planned',
        (error: unknown) => (error instanceof BallistaError ? error.code : String(error)),
      )
    if (outcome === 'INTERNAL' || !/^(planned|[A-Z_]+)$/.test(outcome)) t.fail(`${outcome}: ${sql}`)
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }
  t.log(Object.fromEntries(outcomes))
  t.true((outcomes.get('planned') ?? 0) > 50)
  t.is(bytesInUse(), 0)
})
