/** Functions of SQL in JavaScript: their values, NULLs and errors, and that they run wherever queries do. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import { startStandalone } from '../../src/cluster/standalone.js'
import { BallistaError, col, SessionContext, type UdafOptions } from '../../src/index.js'
import { clusterPlanner } from '../../src/session/plan-for-cluster.js'

/** Every batch is a task's own, so that partial states are merged. */
const SPREAD = { 'ballista.optimizer.repartition_file_min_size': '1', 'ballista.execution.target_partitions': '3' }

const rowsOf = async (ctx: SessionContext, sql: string): Promise<unknown> => (await ctx.sql(sql)).rows()

const directory = await mkdtemp(join(tmpdir(), 'ballista-functions-'))
test.after.always(() => rm(directory, { recursive: true, force: true }))

const GEOMETRIC: UdafOptions = { args: ['DOUBLE'], returns: 'DOUBLE', state: { logs: 'DOUBLE', n: 'BIGINT' } }
const GEOMETRIC_CODE = `({
  initial: () => ({ logs: 0, n: 0n }),
  update: ({ logs, n }, x) => ({ logs: logs + Math.log(x), n: n + 1n }),
  merge: (left, right) => ({ logs: left.logs + right.logs, n: left.n + right.n }),
  finish: ({ logs, n }) => (n === 0n ? null : Math.exp(logs / Number(n))),
})`

/** Registers functions that may travel. */
async function register(ctx: SessionContext): Promise<void> {
  const module = join(directory, 'shout.mjs')
  await writeFile(module, 'export const shout = text => `${text.toUpperCase()}!`\n')
  ctx.registerUdf('twice', { args: ['BIGINT'], returns: 'BIGINT', source: 'x => x * 2n' })
  ctx.registerUdf('shout', { args: ['VARCHAR'], returns: 'VARCHAR', module })
  ctx.registerUdaf('geometric_mean', { ...GEOMETRIC, source: GEOMETRIC_CODE })
  await ctx.registerCsv('example', 'test/data/example.csv')
}

const QUERY = `SELECT a, twice(sum(b)) AS t, shout('x' || a) AS s, round(geometric_mean(b), 3) AS g
  FROM example WHERE twice(a) <= 4 GROUP BY a ORDER BY a`
const ANSWER = [
  { a: 1n, t: 24n, s: 'X1!', g: 4.472 },
  { a: 2n, t: 26n, s: 'X2!', g: 3.271 },
]

const MODES: Readonly<Record<string, () => SessionContext | Promise<SessionContext>>> = {
  'in this process': () => new SessionContext(),
  'on worker threads': () => new SessionContext({ settings: SPREAD }),
  standalone: () => SessionContext.standalone({ settings: SPREAD }),
  'in processes': () => SessionContext.standalone({ settings: SPREAD, processes: true }),
}

for (const [mode, open] of Object.entries(MODES)) {
  test.serial(`source, module and aggregate: ${mode}`, async t => {
    t.timeout(60_000)
    const ctx = await open()
    t.teardown(() => ctx.close())
    await register(ctx)
    t.deepEqual(await rowsOf(ctx, QUERY), ANSWER)
    const plan = await (await ctx.sql(QUERY)).physicalPlan()
    t.regex(plan, /twice\(/)
    t.notRegex(plan, /@[0-9a-f]{16}/)
    await ctx.close()
    if (mode === 'in this process' || mode === 'on worker threads') t.is(bytesInUse(), 0)
  })
}

test('SHOW FUNCTIONS lists them beside those of SQL, until they are gone', async t => {
  await using ctx = new SessionContext()
  await register(ctx)
  const shown = (pattern: string): Promise<unknown> => rowsOf(ctx, `SHOW FUNCTIONS LIKE '${pattern}'`)
  t.deepEqual(await shown('geo%'), [
    {
      function_name: 'geometric_mean',
      function_type: 'aggregate',
      description: 'A function of this session: geometric_mean(DOUBLE) gives DOUBLE.',
    },
  ])
  t.deepEqual(
    ctx.userFunctions().map(({ kind, name }) => [name, kind]),
    [
      ['twice', 'scalar'],
      ['shout', 'scalar'],
      ['geometric_mean', 'aggregate'],
    ],
  )
  t.true(ctx.deregisterFunction('geometric_mean'))
  t.deepEqual(await shown('geo%'), [])
})

/** Of equally long ones the last in order: tasks come in any order. */
const longest = (...texts: unknown[]): string | null => {
  const given = texts.filter(text => typeof text === 'string')
  return given.toSorted((left, right) => left.length - right.length || (left < right ? -1 : 1)).at(-1) ?? null
}

test.serial('closures run in this process, with several tasks too, and see what is around them', async t => {
  for (const settings of [{}, SPREAD]) {
    await using ctx = new SessionContext({ settings })
    await ctx.registerCsv('example', 'test/data/example.csv')
    const seen: unknown[] = []
    const note = ctx.registerUdf('note', { args: ['BIGINT'], returns: 'BOOLEAN' }, x => seen.push(x) > 0)
    ctx.registerUdaf(
      'longest',
      { args: ['VARCHAR'], returns: 'VARCHAR', state: { text: 'VARCHAR' } },
      {
        initial: () => ({ text: null }),
        update: ({ text }, value) => ({ text: longest(text, value) }),
        merge: (left, right) => ({ text: longest(left['text'], right['text']) }),
        finish: ({ text }) => text,
      },
    )
    t.deepEqual(await rowsOf(ctx, 'SELECT count(*) AS n FROM example WHERE note(a)'), [{ n: 7n }])
    t.deepEqual(
      seen.map(Number).toSorted((left, right) => left - right),
      [1, 1, 2, 2, 2, 3, 5],
    )
    t.deepEqual(await (await ctx.table('example')).filter(note(col('b'))).count(), 7)
    t.deepEqual(
      await rowsOf(ctx, 'SELECT a > 1 AS g, longest(CAST(b AS VARCHAR)) AS l FROM example GROUP BY 1 ORDER BY 1'),
      [
        { g: false, l: '10' },
        { g: true, l: '7' },
      ],
    )
    await ctx.close()
    t.is(bytesInUse(), 0)
  }
})

test.serial('values have the forms of rows, both ways', async t => {
  await using ctx = new SessionContext()
  const cases = {
    "INT '7'": ['INT', 7],
    'CAST(7 AS BIGINT)': ['BIGINT', 7n],
    'CAST(1.5 AS DOUBLE)': ['DOUBLE', 1.5],
    'CAST(1.50 AS DECIMAL(10, 2))': ['DECIMAL(10, 2)', '1.50'],
    "'it''s'": ['VARCHAR', "it's"],
    TRUE: ['BOOLEAN', true],
    "DATE '2020-02-29'": ['DATE', new Date('2020-02-29')],
    "TIMESTAMP '2020-02-29 12:00:00'": ['TIMESTAMP', new Date('2020-02-29T12:00:00Z')],
    "INTERVAL '2 days'": ['INTERVAL', '2 days'],
  } as const
  for (const [sql, [type, expected]] of Object.entries(cases)) {
    const seen: unknown[] = []
    ctx.registerUdf('same', { args: [type], returns: type }, x => {
      seen.push(x)
      return x
    })
    t.deepEqual(await rowsOf(ctx, `SELECT same(${sql}) = ${sql} AS same`), [{ same: true }], sql)
    t.deepEqual(seen, [expected], sql)
  }
})

test.serial('NULL never reaches the code, or does as null; nothing is NULL', async t => {
  await using ctx = new SessionContext()
  ctx.registerUdf('plus', { args: ['BIGINT', 'BIGINT'], returns: 'BIGINT' }, (x, y) => (x as bigint) + (y as bigint))
  ctx.registerUdf('shown', { args: ['BIGINT'], returns: 'VARCHAR', nulls: 'own' }, x => String(x))
  ctx.registerUdf('nothing', { args: [], returns: 'BIGINT' }, () => undefined)
  const numbers = { args: ['BIGINT'], returns: 'VARCHAR', state: { all: 'VARCHAR' } } as const
  const list = {
    initial: () => ({ all: '' }),
    update: ({ all }: Record<string, unknown>, x: unknown) => ({ all: `${String(all)}${String(x)};` }),
    merge: (left: Record<string, unknown>, right: Record<string, unknown>) => ({
      all: `${String(left['all'])}${String(right['all'])}`,
    }),
    finish: ({ all }: Record<string, unknown>) => all,
  }
  ctx.registerUdaf('listed', numbers, list)
  ctx.registerUdaf('listed_all', { ...numbers, nulls: 'own' }, list)
  t.deepEqual(
    await rowsOf(
      ctx,
      `SELECT plus(1, NULL) AS p, shown(NULL) AS s, nothing() AS n, listed(x) AS l, listed_all(x) AS a
       FROM (VALUES (1), (NULL), (3)) AS t(x)`,
    ),
    [{ p: null, s: 'null', n: null, l: '1;3;', a: '1;null;3;' }],
  )
  t.deepEqual(await rowsOf(ctx, 'SELECT listed(x) AS l FROM (VALUES (1)) AS t(x) WHERE x > 1'), [{ l: '' }])
})

test.serial('a volatile function is called for every row', async t => {
  await using ctx = new SessionContext()
  let calls = 0
  ctx.registerUdf('next', { args: [], returns: 'INT', volatile: true }, () => ++calls)
  t.deepEqual(await rowsOf(ctx, 'SELECT next() AS x FROM (VALUES (1), (2), (3)) AS t(y)'), [
    { x: 1 },
    { x: 2 },
    { x: 3 },
  ])
})

test.serial('what code throws or wrongly returns names the function and its arguments', async t => {
  await using ctx = new SessionContext()
  ctx.registerUdf('sure', { args: ['BIGINT', 'VARCHAR'], returns: 'BIGINT' }, x => {
    if (x === 2n) throw new RangeError('two is too much')
    return x === 3n ? 'three' : x
  })
  const query = (x: number): Promise<unknown> =>
    rowsOf(ctx, `SELECT sure(x, 'a') AS s FROM (VALUES (1), (${x})) AS t(x)`)
  t.deepEqual(await query(1), [{ s: 1n }, { s: 1n }])
  const failure = await t.throwsAsync<BallistaError>(query(2), {
    code: 'FUNCTION_FAILED',
    message: "function sure(2, 'a'): two is too much",
  })
  t.true(failure?.context.includes('row 2 of a batch'))
  await t.throwsAsync(query(3), {
    code: 'FUNCTION_FAILED',
    message: "function sure(3, 'a'): it returned 'three' where BIGINT was declared",
  })
  ctx.registerUdf('broken', { args: [], returns: 'BIGINT', source: '1 +' })
  await t.throwsAsync(rowsOf(ctx, 'SELECT broken()'), {
    code: 'FUNCTION_FAILED',
    message: /^function broken: its source: /,
  })
  ctx.registerUdf('number', { args: [], returns: 'BIGINT', source: '1' })
  await t.throwsAsync(rowsOf(ctx, 'SELECT number()'), { message: 'function number: its code is not a function' })
  ctx.registerUdf('gone', { args: [], returns: 'BIGINT', module: 'no-such-module.mjs' })
  await t.throwsAsync(rowsOf(ctx, 'SELECT gone()'), { code: 'FUNCTION_FAILED', message: /cannot be loaded/ })
})

test.serial('names: case does not matter, built-in ones stay, sessions do not see each other', async t => {
  await using ctx = new SessionContext()
  await using other = new SessionContext()
  ctx.registerUdf('Answer', { args: [], returns: 'INT' }, () => 42)
  t.deepEqual(await rowsOf(ctx, 'SELECT ANSWER() AS a'), [{ a: 42 }])
  ctx.registerUdf('answer', { args: [], returns: 'INT' }, () => 43)
  t.deepEqual(await rowsOf(ctx, 'SELECT answer() AS a'), [{ a: 43 }])
  await t.throwsAsync(rowsOf(other, 'SELECT answer()'), { code: 'FUNCTION_NOT_FOUND' })
  t.true(ctx.deregisterFunction('ANSWER'))
  t.false(ctx.deregisterFunction('answer'))
  await t.throwsAsync(rowsOf(ctx, 'SELECT answer()'), { code: 'FUNCTION_NOT_FOUND' })
  const options = { args: [], returns: 'INT' }
  t.throws(() => ctx.registerUdf('abs', options, () => 1), { code: 'DUPLICATE_NAME' })
  t.throws(() => ctx.registerUdf('no name', options, () => 1), { code: 'INVALID_ARGUMENT' })
  t.throws(() => ctx.registerUdf('nothing', options), { code: 'INVALID_ARGUMENT' })
  t.throws(() => ctx.registerUdf('both', { ...options, source: '() => 1' }, () => 1), { code: 'INVALID_ARGUMENT' })
  await t.throwsAsync(rowsOf(ctx, 'SELECT answer(1, 2)'), { code: 'FUNCTION_NOT_FOUND' })
  ctx.registerUdf('one', { args: ['BIGINT'], returns: 'BIGINT' }, x => x)
  await t.throwsAsync(rowsOf(ctx, "SELECT one('x', 2)"), {
    code: 'FUNCTION_ARGUMENTS',
    message: 'one takes (BIGINT), got (VARCHAR, BIGINT)',
  })
})

test.serial('a cluster runs code of clients only where scheduler and executors allow it', async t => {
  t.timeout(60_000)
  for (const [scheduler, executor] of [
    [false, false],
    [true, false],
    [false, true],
  ] as const) {
    const cluster = await startStandalone({
      executors: 1,
      slots: 1,
      planner: clusterPlanner({ allowsUserCode: scheduler }),
      executor: { allowsUserCode: executor },
    })
    const ctx = await SessionContext.remote(`df://${cluster.address}`)
    await register(ctx)
    await t.throwsAsync(rowsOf(ctx, QUERY), { code: 'USER_CODE_REFUSED', message: /--allow-udf/ })
    t.deepEqual(await rowsOf(ctx, 'SELECT sum(b) AS b FROM example'), [{ b: 32n }])
    t.throws(() => ctx.registerUdf('here', { args: [], returns: 'INT' }, () => 1), { code: 'NOT_SUPPORTED' })
    await ctx.close()
    await cluster.close()
  }
  t.is(bytesInUse(), 0)
})
