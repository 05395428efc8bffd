/** The prompt as a user meets it, on streams: keys in, text out. */
import { chmodSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { CTRL_C, CTRL_D, fakeTerminal, UP } from './terminal.js'

const directory = mkdtempSync(join(tmpdir(), 'ballista-prompt-'))
test.after.always(() => rm(directory, { recursive: true, force: true }))

const READY = /ballista> $/
/** Runs until it is stopped. */
const ENDLESS = `select count(*) from ${Array.from({ length: 12 }, (_, i) => `(values (1),(2),(3),(4),(5),(6),(7),(8)) v${i}`).join(', ')};`

test.serial('a statement over several lines, its rows, their number and the time', async t => {
  const terminal = fakeTerminal()
  await terminal.seen(READY)
  terminal.type('select 1 as x,\r')
  await terminal.seen(/ {6}-> $/)
  terminal.type("'a;\r")
  await terminal.seen(/ {6}'> $/)
  terminal.type("b' as y;\r")
  const shown = await terminal.seen(/\+[^]*Elapsed \d+\.\d{3} seconds\.\n\nballista> $/)
  t.regex(
    shown,
    /^\+---\+----\+\n\| x \| y {2}\|\n\+---\+----\+\n\| 1 \| a; \|\n\| {3}\| b {2}\|\n\+---\+----\+\n1 row\(s\) fetched\.\n/,
  )
  terminal.type(CTRL_D)
  t.is(await terminal.status, 0)
})

test.serial('an error shows the line with a caret, and the next statement runs', async t => {
  const terminal = fakeTerminal()
  await terminal.seen(READY)
  terminal.type('select 1,\rnope;\r')
  await terminal.seen(/column 'nope' not found \[COLUMN_NOT_FOUND\]\nline 2: nope\n {8}\^\^\^\^\nballista> $/)
  terminal.type('select 41 + 1 as n;\r')
  await terminal.seen(/\| 42 \|/)
  terminal.type('\\q\r')
  t.is(await terminal.status, 0)
})

test.serial('records that are left out are counted', async t => {
  const file = join(directory, 'malformed.csv')
  writeFileSync(file, 'a,b\n1,2\n3\n4,5\n')
  const terminal = fakeTerminal({ settings: { format: 'csv' } })
  await terminal.seen(READY)
  terminal.type(`select sum(a) as s from read_csv('${file}', ignore_errors = true);\r`)
  await terminal.seen(/s\n5\n1 malformed record\(s\) left out\.\n1 row\(s\) fetched/)
  terminal.type(CTRL_D)
  t.is(await terminal.status, 0)
})

test.serial('pasted lines and lines typed while a statement runs are shown and run in order', async t => {
  const terminal = fakeTerminal({ settings: { format: 'csv', quiet: true } })
  await terminal.seen(READY)
  terminal.type('select 1 as a; select 2 as b;\rselect 3\r as c;\rsel')
  await terminal.seen(/c\n3\nballista> sel$/)
  terminal.type('ect 4 as d;\r')
  await terminal.seen(/d\n4\nballista> $/)
  t.deepEqual(terminal.text().split('\n').slice(0, -1), [
    'ballista> select 1 as a; select 2 as b;',
    'a', '1', 'b', '2',
    'ballista> select 3', '      ->  as c;',
    'c', '3',
    'ballista> select 4 as d;',
    'd', '4',
  ]) // oxfmt-ignore
  terminal.end()
  t.is(await terminal.status, 0)
})

test.serial('a long paste is taken in a moment', async t => {
  t.timeout(60_000)
  const terminal = fakeTerminal({ settings: { format: 'csv', quiet: true }, colors: true })
  await terminal.seen(READY)
  const lines = Array.from({ length: 1_500 }, (_, i) => `(${i}, 'a text of some length')${i === 1_499 ? ') v;' : ','}`)
  const started = performance.now()
  terminal.type(`select count(*) as n, sum(column1) as s from (values\r${lines.join('\r')}\r`)
  await terminal.seen(/n,s\n1500,1124250\nballista> $/)
  t.true(performance.now() - started < 30_000)
  terminal.type(CTRL_D)
  t.is(await terminal.status, 0)
})

test.serial('Ctrl-C stops the statement that runs, and pressed again it quits', async t => {
  const terminal = fakeTerminal()
  await terminal.seen(READY)
  terminal.type(`${ENDLESS}\r`)
  // Readline has handled the keys in this turn.
  await new Promise(resolve => setTimeout(resolve, 100))
  terminal.type(CTRL_C)
  await terminal.seen(/query cancelled: interrupted \[CANCELLED\]\nCtrl-C again quits\.\nballista> $/)
  terminal.type(CTRL_C)
  t.is(await terminal.status, 130)
  t.is(terminal.impatient(), 0)
})

test.serial('Ctrl-C takes back what is typed; on an empty prompt it asks to be pressed again', async t => {
  const terminal = fakeTerminal({ settings: { quiet: true } })
  await terminal.seen(READY)
  terminal.type('select 1\rfrom')
  await terminal.seen(/-> from$/)
  terminal.type(CTRL_C)
  await terminal.seen(/\^C\nballista> $/)
  terminal.type(CTRL_C)
  await terminal.seen(/\^C\nCtrl-C again quits\.\nballista> $/)
  terminal.type('select 5 as five;\r')
  await terminal.seen(/\| {4}5 \|[^]*ballista> $/)
  terminal.type(CTRL_C)
  await terminal.seen(/\^C\nCtrl-C again quits\.\nballista> $/)
  terminal.type(CTRL_C)
  t.is(await terminal.status, 130)
})

test.serial('a signal to the process ends the statement and the prompt', async t => {
  const controller = new AbortController()
  const terminal = fakeTerminal({ signal: controller.signal })
  await terminal.seen(READY)
  terminal.type(`${ENDLESS}\r`)
  await new Promise(resolve => setTimeout(resolve, 100))
  controller.abort(new DOMException('stop', 'AbortError'))
  await terminal.seen(/\[CANCELLED\]/)
  t.is(await terminal.status, 0)
})

test.serial('a long statement shows its progress on a line of its own, which goes away', async t => {
  const terminal = fakeTerminal({ cursor: true })
  await terminal.seen(READY)
  terminal.type(`${ENDLESS}\r`)
  await terminal.seen(/\d\.\d s; Ctrl-C cancels/)
  terminal.type(CTRL_C)
  await terminal.seen(/\[CANCELLED\]/)
  t.true(terminal.raw().includes('Ctrl-C cancels\r\u001b[Kquery cancelled'))
  terminal.end()
  t.is(await terminal.status, 0)
})

test.serial('statements are remembered as whole lines, and the next prompt recalls them', async t => {
  const historyFile = join(directory, 'state', 'ballista', 'history')
  const first = fakeTerminal({ historyFile })
  await first.seen(READY)
  first.type("select 1 as x -- it's\r, 2 as y;\r")
  await first.seen(/row\(s\)[^]*ballista> $/)
  first.type("select 'two\rlines' as s;\r\\timing off\r")
  await first.seen(/timing is off\nballista> $/)
  first.type(CTRL_D)
  t.is(await first.status, 0)
  t.is(readFileSync(historyFile, 'utf8'), "select 1 as x /* it's */ , 2 as y;\n\\timing off\n")
  if (process.platform !== 'win32') t.is(statSync(historyFile).mode & 0o777, 0o600)

  const second = fakeTerminal({ historyFile })
  await second.seen(READY)
  second.type(UP + UP)
  await second.seen(/select 1 as x \/\* it's \*\/ , 2 as y;$/)
  second.type('\r')
  await second.seen(/\| 1 \| 2 \|/)
  second.type(CTRL_D)
  t.is(await second.status, 0)
})

test.serial('a history file that cannot be used is no reason to stop', async t => {
  const broken = join(directory, 'broken')
  writeFileSync(broken, Buffer.from([0xff, 0xfe, 0x00, 0x0a, 0x1b, 0x5b, 0x41, 0x0a]))
  chmodSync(broken, 0o400)
  for (const historyFile of [broken, directory, join(broken, 'below')]) {
    const terminal = fakeTerminal({ historyFile })
    await terminal.seen(READY)
    terminal.type('select 7 as seven;\r')
    await terminal.seen(/\| {5}7 \|/)
    terminal.type(CTRL_D)
    t.is(await terminal.status, 0)
  }
})

test.serial('Tab completes keywords, tables and their columns', async t => {
  const terminal = fakeTerminal({ settings: { format: 'csv', quiet: true } })
  await terminal.seen(READY)
  terminal.type("create external table example stored as csv location 'test/data/example.csv';\r")
  await terminal.seen(READY)
  terminal.type('SEL\t')
  await terminal.seen(/SELECT$/)
  terminal.type(' min(e.b) as low FROM exam\t')
  await terminal.seen(/FROM example$/)
  terminal.type(' e;\r')
  await terminal.seen(/low\n1\nballista> $/)
  terminal.type('\\d exam\t')
  await terminal.seen(/\\d example$/)
  terminal.type('\r')
  await terminal.seen(/column_name,data_type,is_nullable,column_default\na,BIGINT,YES,\nb,BIGINT,YES,/)
  terminal.type(CTRL_D)
  t.is(await terminal.status, 0)
})

test.serial('functions of the session have help and are completed', async t => {
  const terminal = fakeTerminal({
    prepare: ctx => {
      ctx.registerUdf('shout', { args: ['VARCHAR', 'DECIMAL(5, 2)'], returns: 'VARCHAR' }, text => `${String(text)}!`)
    },
  })
  await terminal.seen(READY)
  terminal.type('\\h\r')
  await terminal.seen(/ shout\s[^]*\\h and a name tells what it does\.\nballista> $/)
  terminal.type('\\h SHOUT\r')
  await terminal.seen(
    /\nshout: A function of this session: shout\(VARCHAR, DECIMAL\(5, 2\)\) gives VARCHAR\.\nballista> $/,
  )
  terminal.type('\\h shut\r')
  await terminal.seen(/did you mean 'shout'\? /)
  terminal.type('select shou')
  await terminal.seen(/select shou$/)
  terminal.type('\t')
  await terminal.seen(/t\($/)
  terminal.type("'a', 1);\r")
  await terminal.seen(/\| a! /)
  terminal.type(CTRL_D)
  t.is(await terminal.status, 0)
})

test.serial('the commands', async t => {
  const file = join(directory, 'script.sql')
  writeFileSync(file, 'select 1 as one;\n\\quiet on\n-- a comment\nselect 2\n  as two')
  const terminal = fakeTerminal()
  await terminal.seen(READY)
  const command = async (keys: string, answer: RegExp): Promise<void> => {
    terminal.type(`${keys}\r`)
    await t.notThrowsAsync(terminal.seen(answer), keys)
  }
  await command('\\?', /\\d \[table\] [^]*\\timing \[on \| off\] {2,}show the time of statements\nballista> $/)
  await command('\\timing', /timing is off\nballista> $/)
  await command('select 1;', /1 row\(s\) fetched\.\n\nballista> $/)
  await command('\\h SQRT', /sqrt: [^]*sqrt\(NULL\) = NULL\nballista> $/)
  await command('\\h sqr', /function 'sqr' not found, did you mean 'sqrt'\? \[FUNCTION_NOT_FOUND\]\nballista> $/)
  await command('\\h', /abs [^]*\\h and a name tells what it does\.\nballista> $/)
  await command('\\h MOD', /mod\(a, b\): the remainder [^]*ballista> $/)
  await command('create view v as select 1 as a;', /0 row\(s\) fetched\.\n\nballista> $/)
  await command('\\d', /\| v {10}\| VIEW {7}\|[^]*ballista> $/)
  await command('\\d v;', /\| a {11}\|[^]*ballista> $/)
  await command('\\d nope', /table 'nope' not found[^]*ballista> $/)
  await command('\\pset format csv', /format csv, maxrows 40\nballista> $/)
  await command('\\pset maxrows inf', /format csv, maxrows inf\nballista> $/)
  await command('\\pset format xml', /expected \\pset format table \| csv [^]*\[INVALID_ARGUMENT\]\nballista> $/)
  await command(`\\i ${file}`, /one\n1\n1 row\(s\) fetched\.\n\nquiet is on\ntwo\n2\nballista> $/)
  await command(`\\i ${file}.nope`, /cannot read it: ENOENT: [^]*\[INVALID_ARGUMENT\]\nballista> $/)
  await command('\\quiet maybe', /expected \\quiet on or off \[INVALID_ARGUMENT\]\nballista> $/)
  await command('\\nope', /there is no command \\nope; \\\? lists them \[INVALID_ARGUMENT\]\nballista> $/)
  terminal.type('\\q\r')
  t.is(await terminal.status, 0)
})

test.serial('files that include themselves end with an error', async t => {
  const file = join(directory, 'loop.sql')
  writeFileSync(file, `\\i ${file}\n`)
  const terminal = fakeTerminal()
  await terminal.seen(READY)
  terminal.type(`\\i ${file}\r`)
  await terminal.seen(/files include each other more than 16 deep \[INVALID_ARGUMENT\]\nballista> $/)
  terminal.type(CTRL_D)
  t.is(await terminal.status, 0)
})

test.serial('colours are painted over the line as it is typed, and only where they are wanted', async t => {
  for (const colors of [true, false]) {
    const terminal = fakeTerminal({ colors })
    await terminal.seen(READY)
    terminal.type("select 'x' as one;")
    await terminal.seen(/as one;$/)
    await new Promise(resolve => setTimeout(resolve, 50))
    const painted = "\u001b[34mselect\u001b[0m \u001b[32m'x'\u001b[0m \u001b[34mas\u001b[0m one;"
    t.is(terminal.raw().includes(painted), colors)
    t.is(/\u001b\[3\dm/.test(terminal.raw()), colors)
    terminal.type(`\r${CTRL_D}`)
    t.is(await terminal.status, 0)
  }
})
