/** The parts of the prompt on their own. */
import { readFileSync, mkdtempSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { batchFromValues, releaseBatch } from '../../src/arrow/column.js'
import { field } from '../../src/arrow/schema.js'
import { INT64, UTF8 } from '../../src/arrow/types.js'
import { runCommand, type CommandContext } from '../../src/cli/prompt/commands.js'
import { completeSql, type Names } from '../../src/cli/prompt/complete.js'
import { highlight } from '../../src/cli/prompt/highlight.js'
import { HISTORY_ENTRIES, historyFile, openHistory } from '../../src/cli/prompt/history.js'
import { progressLine } from '../../src/cli/prompt/progress.js'
import { screenTableWriter } from '../../src/cli/prompt/screen-table.js'
import { StatementBuffer } from '../../src/cli/prompt/statement-buffer.js'
import { seededRng } from '../../src/common/clock.js'
import { functionNames } from '../../src/expr/functions/index.js'
import { isKeyword, keywords } from '../../src/parser/keywords.js'

const directory = mkdtempSync(join(tmpdir(), 'ballista-prompt-parts-'))
test.after.always(() => rm(directory, { recursive: true, force: true }))

test('statements end at a ; that is no part of a string, quoted name or comment', t => {
  const buffer = new StatementBuffer()
  t.deepEqual(buffer.add('select 1; select 2;  select'), ['select 1', 'select 2'])
  t.is(buffer.pending(), 'statement')
  t.deepEqual(buffer.add("';"), [])
  t.is(buffer.pending(), 'string')
  t.deepEqual(buffer.add("' /* ;"), [])
  t.is(buffer.pending(), 'comment')
  t.deepEqual(buffer.add('*/ as ";'), [])
  t.is(buffer.pending(), 'quoted')
  t.deepEqual(buffer.add('"; -- done'), ['select\n\';\n\' /* ;\n*/ as ";\n"'])
  t.is(buffer.pending(), undefined)
  t.deepEqual(buffer.add('  -- nothing yet'), [])
  t.is(buffer.pending(), undefined)
  t.deepEqual(buffer.add('/* but this'), [])
  t.is(buffer.pending(), 'comment')
  t.deepEqual(buffer.add(' */ ;;'), [])
  t.is(buffer.pending(), undefined)
})

test('highlighting adds colours and nothing else, wherever it starts', t => {
  const pieces = [
    'select ',
    "'it''s",
    "'",
    '"',
    '"a b"',
    ' 1.5e3 ',
    '-- x\n',
    '/* ',
    ' */',
    '\n',
    'é',
    '😀',
    ';',
    '$$',
    'date ',
  ]
  const seed = Number(process.env.SEED ?? 11)
  const rng = seededRng(seed)
  for (let round = 0; round < 500; round++) {
    const sql = Array.from({ length: 8 }, () => pieces[Math.floor(rng.next() * pieces.length)]).join('')
    const start = Math.floor(rng.next() * (sql.length + 1))
    t.is(
      highlight(sql, start).replace(/\u001b\[\d+m/g, ''),
      sql.slice(start),
      `seed ${seed}: ${JSON.stringify(sql)} from ${start}`,
    )
  }
  t.is(highlight("'open\nstill' 1", 6), "\u001b[32mstill'\u001b[0m \u001b[35m1\u001b[0m")
  t.is(highlight('Select bigint nothing'), '\u001b[34mSelect\u001b[0m \u001b[36mbigint\u001b[0m nothing')
})

test('the keywords are those of the grammar', t => {
  t.true(isKeyword('SELECT') && isKeyword('try_cast'))
  t.false(isKeyword('lineitem'))
  t.true(keywords().length > 80)
})

const names: Names = {
  tables: () => ['lineitem', 'orders', 'Odd name'],
  columns: async table =>
    ({ lineitem: ['l_orderkey', 'l_tax', 'order'], orders: ['o_orderkey'], '"Odd name"': ['x'], "'a.parquet'": ['p'] })[
      table
    ] ?? [],
  functions: () => ['lower', 'log', 'least'],
}

/** `|` is the cursor. */
const COMPLETIONS: readonly (readonly [string, readonly string[], string])[] = [
  ['|', ['copy', 'create', 'describe', 'drop', 'explain', 'from', 'insert', 'reset', 'select', 'set', 'show', 'values', 'with'], ''],
  ['SE|', ['SELECT', 'SET'], 'SE'],
  ['select 1; se|', ['select', 'set'], 'se'],
  ['select * from |', ['"Odd name"', 'lineitem', 'orders'], ''],
  ['select * from lineitem join o|', ['orders'], 'o'],
  ['select * from lineitem l, o|', ['orders'], 'o'],
  ['select * from (select * from orders) x, li|', ['lineitem'], 'li'],
  ['select l_t| from lineitem', ['l_tax'], 'l_t'],
  ['select l.| from orders o join lineitem as l on true', ['"order"', 'l_orderkey', 'l_tax'], ''],
  ['select lineitem.l_| from lineitem where x = 1', ['l_orderkey', 'l_tax'], 'l_'],
  ['select o.| from lineitem l', [], ''],
  ['select l| from lineitem l', ['l', 'l_orderkey', 'l_tax', 'last', 'lateral', 'leading', 'least(', 'left', 'like', 'limit', 'location', 'log(', 'lower('], 'l'],
  ['select * from "Odd name" where |', ['x'], ''],
  ["select | from 'a.parquet'", ['p'], ''],
  ["select 'fro|", [], ''],
  ['select 1 -- fro|', [], ''],
  ['describe o|', ['orders'], 'o'],
  ['select o_| from orders; select l_tax from lineitem', ['o_orderkey'], 'o_'],
] // oxfmt-ignore

for (const [marked, expected, typed] of COMPLETIONS) {
  test(`completion of ${marked}`, async t => {
    t.deepEqual(await completeSql(marked.replace('|', ''), marked.indexOf('|'), names), [[...expected], typed])
  })
}

test('every function that is listed has a help', async t => {
  for (const name of functionNames()) {
    let printed = ''
    const print = (text: string): void => void (printed += text)
    const context = { print, userFunctions: () => [] } as unknown as CommandContext
    await runCommand(`\\h ${name.toUpperCase()}`, context)
    t.true(printed.length > name.length + 10, name)
  }
})

test('the history keeps the last entries, and cuts its file when it has grown', t => {
  const file = join(directory, 'history')
  writeFileSync(file, Array.from({ length: 2 * HISTORY_ENTRIES + 1 }, (_, i) => `select ${i};\n`).join(''))
  const history = openHistory(file)
  t.is(history.entries.length, HISTORY_ENTRIES)
  t.is(history.entries[0], `select ${2 * HISTORY_ENTRIES};`)
  t.is(readFileSync(file, 'utf8').split('\n').length, HISTORY_ENTRIES + 1)
  history.add('select 1\n -- one */\n  , 2;')
  history.add('select 1 -- one */\n, 2;')
  history.add(`select '${'x'.repeat(20_000)}';`)
  history.add("set S3.secret_access_key = 'swordfish';")
  t.is(history.entries.length, HISTORY_ENTRIES)
  t.false(readFileSync(file, 'utf8').includes('swordfish'))
  t.deepEqual(history.entries.slice(0, 2), ['select 1 /* one * / */ , 2;', `select ${2 * HISTORY_ENTRIES};`])
})

test('the history lies in the state directory of the user, or where BALLISTA_HISTORY says', t => {
  t.is(historyFile({ BALLISTA_HISTORY: 'x' }), 'x')
  t.is(historyFile({ BALLISTA_HISTORY: '' }), undefined)
  const state = process.platform === 'win32' ? { LOCALAPPDATA: directory } : { XDG_STATE_HOME: directory }
  t.is(historyFile(state), join(directory, 'ballista', 'sql-history'))
})

test('progress says what is known', t => {
  const source = (read: number, total: number | undefined, rows: number): Parameters<typeof progressLine>[0] => ({
    bytesRead: () => read,
    bytesToRead: () => total,
    rows: () => rows,
    cluster: () => undefined,
  })
  t.is(progressLine(source(0, undefined, 0), 1234), '1.2 s; Ctrl-C cancels')
  t.is(progressLine(source(4e6, undefined, 12), 2000), '2.0 s, 4.0 MB read, 12 row(s); Ctrl-C cancels')
  t.is(progressLine(source(5e8, 2e9, 0), 2000), '2.0 s, 25 % (500.0 MB of 2.00 GB read); Ctrl-C cancels')
  t.is(progressLine(source(3e6, 2e6, 0), 2000), '2.0 s, 100 % (2.0 MB of 2.0 MB read); Ctrl-C cancels')
  const progress = {
    attempt: 1,
    stages: { total: 5, finished: 2 },
    tasks: { total: 18, finished: 9 },
    scanned: { rows: 1_200_000, bytes: 103e6 },
  }
  const remote = (attempt: number, total = 18): string =>
    progressLine(
      { ...source(0, undefined, 7), cluster: () => ({ ...progress, attempt, tasks: { total, finished: 9 } }) },
      3210,
    )
  const scanned = '1200000 rows (103.0 MB) scanned, 7 row(s); Ctrl-C cancels'
  t.is(remote(1), `3.2 s [######------] 2 of 5 stages, 9 of 18 tasks, ${scanned}`)
  t.is(remote(2), `3.2 s [######------] 2 of 5 stages, 9 of 18 tasks, attempt 2, ${scanned}`)
  t.is(remote(0, 0), '3.2 s (planning), 7 row(s); Ctrl-C cancels')
})

const schema = { fields: [field('number', INT64), field('text', UTF8), field('more', UTF8), field('last', INT64)] }

async function shown(
  columns: number,
  rows: readonly (readonly [bigint, string, string, bigint])[],
  unicode = true,
): Promise<string> {
  const writer = screenTableWriter({ columns, maxRows: 2, unicode })
  await writer.start(schema)
  const batch = batchFromValues(
    schema,
    schema.fields.map((_, i) => rows.map(row => row[i])),
  )
  writer.batch(batch)
  releaseBatch(batch)
  return String(await writer.end())
}

test('a table that fits is shown whole, with the number of rows that are not', async t => {
  t.is(await shown(40, [[1n, 'a', 'b', 2n], [3n, 'c', 'd', 4n], [5n, 'e', 'f', 6n]]), `+--------+------+------+------+
| number | text | more | last |
+--------+------+------+------+
|      1 | a    | b    |    2 |
|      3 | c    | d    |    4 |
+--------+------+------+------+
(1 more row(s) not shown; \\pset maxrows inf shows all)
`) // oxfmt-ignore
})

test('long texts are cut before a column is left out, and numbers never', async t => {
  const row = [12345678901234n, 'a text that is long', '日本語のとても長いテキスト', 2n] as const
  const cut = await shown(60, [row])
  t.true(cut.includes('…') && cut.includes('| 12345678901234 |'))
  t.regex(cut, /\(long values are cut; \\pset format csv shows all\)\n$/)
  const ascii = await shown(60, [row], false)
  t.true(ascii.includes('..') && !ascii.includes('…'))
  const narrow = await shown(36, [row])
  t.regex(narrow, /\| 12345678901234 \| a text that is… \|\n/)
  t.regex(narrow, /\(2 column\(s\) do not fit: more, last; \\pset format csv shows all\)\n$/)
  t.is(narrow.indexOf('\n'), 36)
  t.regex(await shown(5, [row]), /\| 12345678901234 \|\n/)
})
