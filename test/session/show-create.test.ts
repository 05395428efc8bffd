/** SHOW CREATE TABLE: the statement makes a table anew that nobody can tell from the first. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { Rng } from '../../src/common/clock.js'
import { SessionContext } from '../../src/index.js'
import { quoteIdent, quoteString } from '../../src/parser/quote.js'
import { below, testRng } from '../arrow/random-columns.js'
import { LASTING_SESSIONS, type LastingSession } from './lasting-sessions.js'

const TABLES = process.env['BALLISTA_TEST_FULL'] === '1' ? 500 : 20

const pick = <T>(rng: Rng, list: readonly T[]): T => list[below(rng, list.length)]
const some = <T>(rng: Rng, list: readonly T[]): T[] => list.filter(() => below(rng, 2) === 0)

/** Types, and expressions without columns that are values of them. */
const TYPES: readonly (readonly [type: string, ...defaults: string[]])[] = [
  ['TINYINT', '1', '-(1 + 2)'],
  ['SMALLINT UNSIGNED', "'7'"],
  ['INT', '1 + 1', '"length"(\'a;b\')', 'CASE WHEN true THEN 1 END'],
  ['BIGINT', '9223372036854775807', '-- words\n 4', 'NULL'],
  ['BIGINT UNSIGNED', '18446744073709551615'],
  ['FLOAT', '1.5', "'nan'"],
  ['DOUBLE PRECISION', 'random()', '1e300', '0.1 + /* more */ 0.2'],
  ['DECIMAL(38, 10)', '-0.0000000001', '1'],
  ['NUMERIC(5)', '12345'],
  ['BOOLEAN', 'true', 'NOT false', '1 IN (1, 2)', '1 BETWEEN 0 AND 2'],
  ['VARCHAR', "'it''s'", "'--' || ';'", `'"NULL" NOT NULL'`, "'a' LIKE 'b' || '%'", 'NULL'],
  ['CHAR(3)', "'abc'"],
  ['BYTEA', "CAST('x' AS BYTEA)"],
  ['DATE', "'2024-02-29'", "DATE '2024-01-01' + INTERVAL '1 day'", 'current_date'],
  ['TIMESTAMP', 'now()', "TIMESTAMP '1969-12-31 23:59:59.999999999'"],
  ['TIMESTAMP(0)', "'2024-02-29 12:00:00'"],
  ['TIMESTAMP(3)', 'now()'],
  ['TIMESTAMP(6) WITH TIME ZONE', "'2024-02-29 12:00:00'"],
  ['INTERVAL', "INTERVAL '1 month 2 days'"],
]
/** Delta has these. */
const LOGGED_TYPES = /^(?:BIGINT|INT|DOUBLE PRECISION|DECIMAL\(38, 10\)|BOOLEAN|VARCHAR|DATE)$/
/** Parquet lacks some, and with them tables that the catalog keeps. */
const UNKEPT_TYPES = /^INTERVAL$/
const PARTITION_TYPES = ['BIGINT', 'VARCHAR', 'DATE', 'INT']

const NAMES = ['a', 'B', 'a b', 'select', 'default', 'it\'s "x"', '日本', 'null', '1st', 'x.y', 'c;--', 'e', '"', 'key']

const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  CSV: [
    `null_value 'it''s "NULL", (none)'`,
    `'delimiter' '|'`,
    `format.quote ''''`,
    `has_header false`,
    `comment '#'`,
    `filename 'from "file"'`,
    `hive_types_autocast false`,
    `date_format '%d/%m ''%Y'`,
  ],
  JSON: [`malformed 'skip'`, `filename true`, `hive_types_autocast false`],
  PARQUET: [`filename 'it''s'`, `union_by_name true`],
  ARROW: [`union_by_name true`],
}

interface RandomTable {
  readonly name: string
  readonly definition: string
}

interface Place {
  /** Whether a table may go without a location. */
  readonly keepsTables: boolean
  readonly directory: string
  readonly number: number
  readonly rng: Rng
}

function randomTable({ directory, keepsTables, number, rng }: Place): RandomTable {
  const kind = pick(rng, ['', 'external', 'external', 'delta', 'query'])
  const isTemporary = kind !== 'delta' && below(rng, 4) === 0
  const name = quoteIdent(`${pick(rng, NAMES)}${number}`)
  const names = NAMES.filter(() => below(rng, 3) === 0).concat('last')
  const path = quoteString(`${directory}/it's "${number}"/`)
  const place = keepsTables && below(rng, 2) === 0 ? '' : `LOCATION ${path}`
  const temporary = isTemporary ? 'TEMPORARY ' : ''
  const isKept = !isTemporary && kind !== 'external'
  const storable = (type: string): boolean =>
    kind === 'delta' ? LOGGED_TYPES.test(type) : !(isKept && UNKEPT_TYPES.test(type))
  const typesOf = TYPES.filter(([type]) => storable(type))
  const columns = names.map(column => {
    const [type, ...defaults] = pick(rng, typesOf)
    const constraints = kind === '' ? [`DEFAULT ${pick(rng, defaults)}`, 'NOT NULL'] : ['NOT NULL']
    return [quoteIdent(column), type, ...some(rng, below(rng, 2) === 0 ? constraints : constraints.toReversed())].join(
      ' ',
    )
  })
  const list = `(${columns.join(', ')})`
  const typed = some(rng, ['k', 'K 2']).map(key => `${quoteIdent(key)} ${pick(rng, PARTITION_TYPES)}`)
  const partitioned = typed.length === 0 ? '' : `PARTITIONED BY (${typed.join(', ')}) `
  switch (kind) {
    case 'external': {
      const format = pick(rng, Object.keys(OPTIONS))
      const options = some(rng, OPTIONS[format])
      const written = options.length === 0 ? '' : ` OPTIONS (${options.join(', ')})`
      const definition = `CREATE ${temporary}EXTERNAL TABLE ${name} ${list} STORED AS ${format} ${partitioned}LOCATION ${path}${written}`
      return { name, definition }
    }
    case 'delta':
      return { name, definition: `CREATE TABLE ${name} ${list} STORED AS DELTA ${partitioned}${place}` }
    case 'query': {
      const items = names.map(column => `CAST(NULL AS ${pick(rng, typesOf)[0]}) AS ${quoteIdent(column)}`)
      return { name, definition: `CREATE ${temporary}TABLE ${name} AS SELECT ${items.join(', ')}` }
    }
    default:
      return { name, definition: `CREATE ${temporary}TABLE ${name} ${list}` }
  }
}

const SESSIONS: Readonly<Record<string, (dataDir: string) => Promise<LastingSession>>> = {
  'in memory': async () => {
    const ctx = new SessionContext()
    return { ctx, close: () => ctx.close() }
  },
  ...LASTING_SESSIONS,
}

function scratch(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'ballista-show-create-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

const rows = async (ctx: SessionContext, sql: string): Promise<Record<string, unknown>[]> => (await ctx.sql(sql)).rows()

for (const [where, open] of Object.entries(SESSIONS)) {
  test(`${where}: SHOW CREATE TABLE makes the table again`, async t => {
    const rng = testRng(message => t.log(message))
    const directory = scratch(t)
    const { ctx, close } = await open(join(directory, 'data'))
    t.teardown(close)
    for (let number = 0; number < TABLES; number++) {
      const { definition, name } = randomTable({ directory, keepsTables: where !== 'in memory', number, rng })
      await t.notThrowsAsync(ctx.sql(definition), definition)
      const [shown] = await rows(ctx, `SHOW CREATE TABLE ${name}`)
      const described = await rows(ctx, `DESCRIBE ${name}`)
      await ctx.sql(`DROP TABLE ${name}`)
      await t.notThrowsAsync(ctx.sql(String(shown.definition)), `${definition}\nbecame\n${String(shown.definition)}`)
      t.deepEqual(await rows(ctx, `SHOW CREATE TABLE ${name}`), [shown], definition)
      t.deepEqual(await rows(ctx, `DESCRIBE ${name}`), described, definition)
      await ctx.sql(`DROP TABLE ${name}`)
    }
  })
}
