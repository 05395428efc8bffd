/** Every operation of a frame means what its SQL means, in this process and on a cluster. */
import test, { type ExecutionContext } from 'ava'
import { bytesInUse } from '../../src/arrow/memory.js'
import type { BallistaError } from '../../src/common/errors.js'
import {
  and,
  caseOf,
  col,
  exists,
  expr,
  fn,
  ident,
  inSubquery,
  lit,
  not,
  notInSubquery,
  or,
  placeholder,
  scalarSubquery,
  SessionContext,
  sql,
  tryCast,
  when,
  type DataFrame,
  type Row,
} from '../../src/index.js'

interface Frames {
  readonly ctx: SessionContext
  /** id, name, price, day, score; with NULLs, NaN and repeated rows. */
  readonly t: DataFrame
  /** id, label. */
  readonly u: DataFrame
}

interface Case {
  readonly name: string
  readonly frame: (frames: Frames) => DataFrame
  readonly sql: string
  /** Rows are compared in order. */
  readonly ordered?: true
}

const SETUP = [
  `CREATE TABLE t AS SELECT column1 AS id, column2 AS name, CAST(column3 AS DECIMAL(10, 2)) AS price, column4 AS day, column5 AS score
   FROM (VALUES (1, 'ann', 1.50, DATE '2020-02-29', 1.5e0), (2, 'bob', 20.25, DATE '2021-01-01', CAST('NaN' AS DOUBLE)),
   (3, NULL, NULL, NULL, NULL), (4, 'o''neil', 7.00, DATE '1969-12-31', -0.5e0), (2, 'bob', 20.25, DATE '2021-01-01',
   CAST('NaN' AS DOUBLE)), (5, 'ann', 3.00, DATE '2020-02-29', 2e0)) AS v`,
  `CREATE TABLE u AS SELECT column1 AS id, column2 AS label FROM (VALUES (1, 'one'), (2, 'two'), (2, 'zwei'), (9, 'nine'), (NULL, 'none')) AS v`,
]

const CASES: readonly Case[] = [
  {
    name: 'select',
    frame: ({ t }) => t.select('id', col('price').mul(2).alias('p')),
    sql: 'SELECT id, price * 2 AS p FROM t',
  },
  { name: 'select *', frame: ({ t }) => t.select('*', lit(1).alias('one')), sql: 'SELECT *, 1 AS one FROM t' },
  {
    name: 'selectExprs',
    frame: ({ t }) => t.selectExprs('id + 1 AS next', 'upper(name) AS "NAME"', 'price'),
    sql: 'SELECT id + 1 AS next, upper(name) AS "NAME", price FROM t',
  },
  {
    name: 'filter with an expression',
    frame: ({ t }) => t.filter(and(col('id').gt(1), or(col('name').isNull(), col('name').like('b%')))),
    sql: "SELECT * FROM t WHERE id > 1 AND (name IS NULL OR name LIKE 'b%')",
  },
  {
    name: 'where with SQL',
    frame: ({ t }) => t.where('id > 1 OR id IS NULL').filter('id < 4'),
    sql: 'SELECT * FROM t WHERE (id > 1 OR id IS NULL) AND id < 4',
  },
  {
    name: 'filter with a template',
    frame: ({ t }) => t.filter(sql`name = ${"o'neil"} OR ${col('id')} IN (${[1, 5n]})`),
    sql: "SELECT * FROM t WHERE name = 'o''neil' OR id IN (1, 5)",
  },
  {
    name: 'aggregate',
    frame: ({ t }) => t.aggregate(['name'], [fn.sum(col('price')).alias('s'), fn.count().alias('n')]),
    sql: 'SELECT name, sum(price) AS s, count(*) AS n FROM t GROUP BY name',
  },
  {
    name: 'aggregate over all rows',
    frame: ({ t }) => t.aggregate([], [fn.count(col('name')).distinct().alias('n'), fn.avg(col('price')).alias('a')]),
    sql: 'SELECT count(DISTINCT name) AS n, avg(price) AS a FROM t',
  },
  {
    name: 'groupBy and a filter over the groups',
    frame: ({ t }) =>
      t
        .groupBy(col('id').mod(2).alias('odd'))
        .agg(fn.min(col('day')).alias('d'))
        .filter(col('odd').eq(1)),
    sql: 'SELECT * FROM (SELECT id % 2 AS odd, min(day) AS d FROM t GROUP BY id % 2) WHERE odd = 1',
  },
  {
    name: 'a constant group is no ordinal',
    frame: ({ t }) => t.groupBy(lit(1).alias('g')).agg(fn.count().alias('n')),
    sql: 'SELECT 1 AS g, count(*) AS n FROM t',
  },
  {
    name: 'sort',
    frame: ({ t }) => t.sort(col('name').desc({ nullsFirst: false }), col('id').asc(), 'price'),
    sql: 'SELECT * FROM t ORDER BY name DESC NULLS LAST, id ASC, price',
    ordered: true,
  },
  {
    name: 'sort, then select, filter and limit keep the order',
    frame: ({ t }) => t.sort(col('id').desc()).select('name', 'id').filter('id <> 3').limit(3, 1),
    sql: 'SELECT name, id FROM t WHERE id <> 3 ORDER BY id DESC LIMIT 3 OFFSET 1',
    ordered: true,
  },
  {
    name: 'sort by a name that select gave',
    frame: ({ t }) => t.select(col('id').neg().alias('id')).sort(col('id').mul(2)),
    sql: 'SELECT * FROM (SELECT -id AS id FROM t) ORDER BY id * 2',
    ordered: true,
  },
  {
    name: 'limit of a limit',
    frame: ({ t }) => t.sort('id').limit(4).limit(2, 3),
    sql: 'SELECT * FROM (SELECT * FROM t ORDER BY id LIMIT 4) LIMIT 2 OFFSET 3',
    ordered: true,
  },
  { name: 'distinct', frame: ({ t }) => t.distinct(), sql: 'SELECT DISTINCT * FROM t' },
  { name: 'distinct of columns', frame: ({ t }) => t.select('name').distinct(), sql: 'SELECT DISTINCT name FROM t' },
  { name: 'join on', frame: ({ t, u }) => t.join(u, { on: 'id' }), sql: 'SELECT * FROM t JOIN u USING (id)' },
  {
    name: 'left join with keys and a filter',
    frame: ({ t, u }) =>
      t
        .join(u, { leftOn: ['id'], rightOn: ['id'], how: 'left', filter: col('label').neq('zwei') })
        .select('t.id', 'u.id', 'label'),
    sql: "SELECT t.id, u.id, label FROM t LEFT JOIN u ON t.id = u.id AND label <> 'zwei'",
  },
  {
    name: 'full join',
    frame: ({ t, u }) => t.join(u, { on: ['id'], how: 'full' }),
    sql: 'SELECT * FROM t FULL JOIN u USING (id)',
  },
  {
    name: 'right join',
    frame: ({ t, u }) => t.join(u, { on: ['id'], how: 'right' }),
    sql: 'SELECT * FROM t RIGHT JOIN u USING (id)',
  },
  {
    name: 'semi join',
    frame: ({ t, u }) => t.join(u, { on: 'id', how: 'leftSemi' }),
    sql: 'SELECT * FROM t WHERE id IN (SELECT id FROM u)',
  },
  {
    name: 'anti join',
    frame: ({ t, u }) => t.join(u, { on: 'id', how: 'leftAnti' }),
    sql: 'SELECT * FROM t LEFT ANTI JOIN u USING (id)',
  },
  {
    name: 'cross join',
    frame: ({ t, u }) => t.join(u, { how: 'cross' }).select('name', 'label'),
    sql: 'SELECT name, label FROM t, u',
  },
  {
    name: 'joinOn with aliases: a self join',
    frame: ({ t }) =>
      t
        .alias('a')
        .joinOn(t.alias('b'), [col('a.id').lt(col('b.id')), 'a.name = b.name'])
        .select('a.id', col('b.id').alias('other')),
    sql: 'SELECT a.id, b.id AS other FROM t a JOIN t b ON a.id < b.id AND a.name = b.name',
  },
  {
    name: 'a join with an aggregate of the same table',
    frame: ({ t }) =>
      t.join(t.groupBy('name').agg(fn.max(col('id')).alias('last')), { on: 'name' }).select('id', 'last'),
    sql: 'SELECT t.id, last FROM t JOIN (SELECT name, max(id) AS last FROM t GROUP BY name) x ON t.name = x.name',
  },
  {
    name: 'three joins',
    frame: ({ t, u }) =>
      t
        .join(u, { leftOn: 'id', rightOn: 'id' })
        .join(u.alias('v'), { leftOn: 'u.label', rightOn: 'label' })
        .filter('v.id > 1')
        .select('name', 'v.label'),
    sql: 'SELECT name, v.label FROM t JOIN u ON t.id = u.id JOIN u v ON u.label = v.label WHERE v.id > 1',
  },
  { name: 'union', frame: ({ t }) => t.union(t).union(t.limit(0)), sql: 'SELECT * FROM t UNION ALL SELECT * FROM t' },
  {
    name: 'unionDistinct',
    frame: ({ t }) => t.select('name').unionDistinct(t.select('name')),
    sql: 'SELECT name FROM t UNION SELECT name FROM t',
  },
  { name: 'intersect', frame: ({ t }) => t.intersect(t.filter('id = 2')), sql: 'SELECT * FROM t WHERE id = 2' },
  {
    name: 'except',
    frame: ({ t, u }) => t.select('id').except(u.select('id')),
    sql: 'SELECT id FROM t EXCEPT ALL SELECT id FROM u',
  },
  {
    name: 'distinctOn',
    frame: ({ t }) => t.distinctOn(['name'], ['name', 'id'], ['name', col('id').desc()]),
    sql: 'SELECT DISTINCT ON (name) name, id FROM t ORDER BY name, id DESC',
    ordered: true,
  },
  {
    name: 'unionByName',
    frame: ({ t, u }) => t.select('id', 'name').unionByName(u),
    sql: 'SELECT id, name FROM t UNION ALL BY NAME SELECT * FROM u',
  },
  {
    name: 'unionByNameDistinct',
    frame: ({ t }) => t.select('id', 'name').unionByNameDistinct(t.select('name', 'id')),
    sql: 'SELECT DISTINCT id, name FROM t',
  },
  {
    name: 'intersectDistinct',
    frame: ({ t }) => t.intersectDistinct(t.filter('id < 3')),
    sql: 'SELECT DISTINCT * FROM t WHERE id < 3',
  },
  {
    name: 'exceptDistinct',
    frame: ({ t, u }) => t.select('id').exceptDistinct(u.select('id')),
    sql: 'SELECT id FROM t EXCEPT SELECT id FROM u',
  },
  {
    name: 'withColumn adds and replaces',
    frame: ({ t }) => t.withColumn('double', col('id').mul(2)).withColumn('name', fn.upper(col('name'))),
    sql: 'SELECT id, upper(name) AS name, price, day, score, id * 2 AS double FROM t',
  },
  {
    name: 'withColumnRenamed',
    frame: ({ t }) => t.withColumnRenamed('name', 'Who?').select(ident('Who?')),
    sql: 'SELECT name AS "Who?" FROM t',
  },
  { name: 'drop', frame: ({ t }) => t.drop('price', 'score', 'day'), sql: 'SELECT id, name FROM t' },
  {
    name: 'drop after a join',
    frame: ({ t, u }) => t.join(u, { on: 'id' }).drop('price', 'day', 'score'),
    sql: 'SELECT id, name, label FROM t JOIN u USING (id)',
  },
  {
    name: 'fillNull by the kind of the value',
    frame: ({ t }) => t.fillNull('nobody').fillNull(0),
    sql: "SELECT coalesce(id, 0) AS id, coalesce(name, 'nobody') AS name, coalesce(price, CAST(0 AS DECIMAL(10, 2))) AS price, day, coalesce(score, 0e0) AS score FROM t",
  },
  {
    name: 'fillNull in columns, and fillNan',
    frame: ({ t }) => t.fillNull(7, ['price']).fillNan(-1),
    sql: 'SELECT id, name, coalesce(price, CAST(7 AS DECIMAL(10, 2))) AS price, day, CASE WHEN isnan(score) THEN -1e0 ELSE score END AS score FROM t',
  },
  {
    name: 'fillNull of dates, timestamps and bytes',
    frame: ({ t }) =>
      t
        .select('day', col('day').cast('TIMESTAMP(6)').alias('at'), expr('CAST(name AS BYTEA)').alias('bytes'))
        .fillNull(new Date('2000-01-01T00:00:00Z'))
        .fillNull(new Uint8Array([0, 255])),
    sql: `SELECT coalesce(day, DATE '2000-01-01') AS day, coalesce(CAST(day AS TIMESTAMP(6)), TIMESTAMP(6) '2000-01-01') AS at,
      coalesce(CAST(name AS BYTEA), decode('00ff', 'hex')) AS bytes FROM t`,
  },
  {
    name: 'case',
    frame: ({ t }) =>
      t.select(
        when(col('id').lt(2), 'low').when(col('id').lt(4), 'mid').otherwise('high').alias('w'),
        caseOf(col('name')).when('ann', 1).when('bob', 2).alias('c'),
      ),
    sql: "SELECT CASE WHEN id < 2 THEN 'low' WHEN id < 4 THEN 'mid' ELSE 'high' END AS w, CASE name WHEN 'ann' THEN 1 WHEN 'bob' THEN 2 END AS c FROM t",
  },
  {
    name: 'operators keep their order',
    frame: ({ t }) =>
      t.select(
        col('id').add(1).mul(col('id').sub(3)).alias('a'),
        col('id')
          .sub(lit(3).sub(col('id')))
          .alias('b'),
        col('id').neg().sub(-2).alias('c'),
        not(col('id').eq(1).or(col('id').eq(2)))
          .and(col('id').between(0, 4))
          .alias('d'),
        col('id').div(2).mod(2).cast('VARCHAR').concat('!', col('name')).alias('e'),
        col('id').eq(1).eq(col('id').lt(2)).alias('f'),
        tryCast('x', 'BIGINT').isNull().alias('g'),
        col('name').notInList(['ann', 'x']).alias('h'),
        col('name').isNotDistinctFrom(null).alias('i'),
      ),
    sql: `SELECT (id + 1) * (id - 3) AS a, id - (3 - id) AS b, -id - (-2) AS c, NOT (id = 1 OR id = 2) AND id BETWEEN 0 AND 4 AS d,
      CAST(id / 2 % 2 AS VARCHAR) || '!' || name AS e, (id = 1) = (id < 2) AS f, TRY_CAST('x' AS BIGINT) IS NULL AS g,
      name NOT IN ('ann', 'x') AS h, name IS NOT DISTINCT FROM NULL AS i FROM t`,
  },
  {
    name: 'literals',
    frame: ({ t }) =>
      t
        .limit(1)
        .select(
          lit(null).alias('n'),
          lit(true).alias('t'),
          lit(-5).alias('i'),
          lit(2n ** 63n - 1n).alias('max'),
          lit(-(2n ** 63n)).alias('min'),
          lit(0.1).alias('f'),
          lit(1e300).alias('big'),
          lit(NaN).alias('nan'),
          lit(-Infinity).alias('inf'),
          lit(new Date('2020-02-29T12:34:56.789Z')).alias('date'),
          lit('a\'b\\c\n-- "$1 /*').alias('s'),
        ),
    sql: `SELECT NULL AS n, TRUE AS t, -5 AS i, 9223372036854775807 AS max, CAST('-9223372036854775808' AS BIGINT) AS min, 1e-1 AS f, 1e300 AS big,
      CAST('NaN' AS DOUBLE) AS nan, CAST('-inf' AS DOUBLE) AS inf, TIMESTAMP '2020-02-29 12:34:56.789' AS date, E'a\\'b\\\\c\\n-- "$1 /*' AS s`,
  },
  {
    name: 'inSubquery',
    frame: ({ t, u }) => t.filter(inSubquery(col('id'), u.select('id'))),
    sql: 'SELECT * FROM t WHERE id IN (SELECT id FROM u)',
  },
  {
    name: 'notInSubquery and exists',
    frame: ({ t, u }) =>
      t.filter(
        and(notInSubquery(col('id'), u.filter('id IS NOT NULL').select('id')), exists(u.filter("label = 'none'"))),
      ),
    sql: "SELECT * FROM t WHERE id NOT IN (SELECT id FROM u WHERE id IS NOT NULL) AND EXISTS (SELECT 1 FROM u WHERE label = 'none')",
  },
  {
    name: 'scalarSubquery',
    frame: ({ t, u }) => t.select('id', scalarSubquery(u.aggregate([], [fn.max(col('id'))])).alias('m')),
    sql: 'SELECT id, (SELECT max(id) FROM u) AS m FROM t',
  },
  {
    name: 'a correlated subquery as SQL',
    frame: ({ t }) => t.filter(sql`EXISTS (SELECT 1 FROM u WHERE u.id = t.id AND label <> ${'two'})`),
    sql: "SELECT * FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id AND label <> 'two')",
  },
  {
    name: 'placeholders',
    frame: ({ t }) =>
      t
        .filter(col('id').gt(placeholder(1)))
        .filter(col('name').eq(placeholder('who')))
        .withParams({ 1: 1, who: 'ann' }),
    sql: "SELECT * FROM t WHERE id > 1 AND name = 'ann'",
  },
  {
    name: 'aggregates with a filter, a function of several arguments',
    frame: ({ t }) =>
      t.aggregate(
        [],
        [fn.sum(col('id')).filter(col('name').isNotNull()).alias('s'), fn.max(fn.round(col('score'), 1)).alias('r')],
      ),
    sql: 'SELECT sum(id) FILTER (WHERE name IS NOT NULL) AS s, max(round(score, 1)) AS r FROM t',
  },
]

const text = (row: Row): string =>
  JSON.stringify(row, (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : Number.isNaN(value) ? 'NaN' : value,
  )

async function checkCase(
  t: ExecutionContext,
  frames: Frames,
  { name, frame, sql: query, ordered }: Case,
): Promise<void> {
  const built = frame(frames)
  const written = await frames.ctx.sql(query)
  const [got, expected] = await Promise.all([built.rows(), written.rows()])
  const sorted = (rows: readonly Row[]): string[] => (ordered === true ? rows.map(text) : rows.map(text).sort())
  t.deepEqual(sorted(got), sorted(expected), `${name}: ${built.toSql()}`)
  t.deepEqual(
    built.schema().fields.map(field => field.name),
    written.schema().fields.map(field => field.name),
    name,
  )
  // The schema that was known before anything ran is that of the rows.
  t.deepEqual(built.schema(), (await built.execute()).schema, name)
}

/** Tables of several batches, so that scans have several partitions and batches are tiny. */
const SPLIT = {
  'ballista.execution.target_partitions': '3',
  'ballista.execution.batch_size': '2',
  'ballista.optimizer.repartition_file_min_size': '1',
}

async function splitTables(ctx: SessionContext): Promise<void> {
  for (const name of ['t', 'u']) {
    await ctx.sql(`CREATE TABLE all_${name} AS SELECT * FROM ${name}`)
    await ctx.sql(`CREATE OR REPLACE TABLE ${name} AS SELECT * FROM all_${name} LIMIT 0`)
    const rows = await (await ctx.table(`all_${name}`)).count()
    for (let i = 0; i < rows; i++) await ctx.sql(`INSERT INTO ${name} SELECT * FROM all_${name} LIMIT 1 OFFSET ${i}`)
  }
}

for (const [mode, make] of [
  ['in this process', async () => new SessionContext()],
  ['three partitions', async () => new SessionContext({ settings: SPLIT })],
  ['standalone, three partitions', () => SessionContext.standalone({ executors: 2, settings: SPLIT })],
] as const) {
  test.serial(`${mode}: frames and their SQL give equal rows`, async t => {
    const before = bytesInUse()
    const ctx = await make()
    t.teardown(() => ctx.close())
    for (const statement of SETUP) await ctx.sql(statement)
    if (mode !== 'in this process') await splitTables(ctx)
    const frames = { ctx, t: await ctx.table('t'), u: await ctx.table('u') }
    for (const one of CASES) await checkCase(t, frames, one)
    await ctx.close()
    t.is(bytesInUse(), before)
  })
}

const failure = (error: BallistaError): string => `${error.code}: ${error.message}`

test('wrong names, types and forms fail at the method, in every mode', async t => {
  // Nothing listens there: what is found without a cluster is found before the first byte is sent.
  await using ctx = await SessionContext.remote('df://127.0.0.1:1')
  ctx.registerMemory(
    'm',
    { fields: [{ name: 'amount', type: { kind: 'int', bits: 64, signed: true }, nullable: true }] },
    [],
  )
  const m = await ctx.table('m')
  const thrown = (action: () => unknown): string => {
    const error = t.throws(action)
    return failure(error as BallistaError)
  }
  t.is(
    thrown(() => m.select('amuont')),
    "COLUMN_NOT_FOUND: column 'amuont' not found, did you mean 'amount'?",
  )
  t.is(
    thrown(() => m.drop('amuont')),
    "COLUMN_NOT_FOUND: column 'amuont' not found, did you mean 'amount'?",
  )
  t.regex(
    thrown(() => m.filter(col('amount').like('x'))),
    /^TYPE_MISMATCH: /,
  )
  t.regex(
    thrown(() => m.filter('amount > 1; DROP TABLE m')),
    /^SYNTAX: /,
  )
  t.regex(
    thrown(() => m.filter(sql`${1}) OR (1 = 1`)),
    /^SYNTAX: /,
  )
  t.regex(
    thrown(() => m.selectExprs('amount FROM m')),
    /^SYNTAX: /,
  )
  t.regex(
    thrown(() => m.select(col('amount').cast('BIGINT) OR (TRUE'))),
    /^SYNTAX: /,
  )
  t.regex(
    thrown(() => m.limit(-1)),
    /^INVALID_ARGUMENT: /,
  )
  t.regex(
    thrown(() => m.select()),
    /^INVALID_ARGUMENT: /,
  )
  t.regex(
    thrown(() => m.union(m.select('amount', lit(1).alias('x')))),
    /columns/,
  )
  t.regex(
    thrown(() => m.join(m, {})),
    /^INVALID_ARGUMENT: /,
  )
  t.regex(
    thrown(() => m.filter(col('amount').inList([]))),
    /^INVALID_ARGUMENT: /,
  )
  t.is(
    thrown(() => fn['summ']),
    "FUNCTION_NOT_FOUND: function 'summ' not found, did you mean 'sum'?",
  )
  t.regex(
    thrown(() => lit(undefined as unknown as null)),
    /^INVALID_ARGUMENT: /,
  )
  t.regex(
    thrown(() => m.withParams({ nope: 1 })),
    /^INVALID_ARGUMENT: /,
  )
  t.is(
    await ctx.sql('SELECT amuont FROM m').then(String, failure),
    "COLUMN_NOT_FOUND: column 'amuont' not found, did you mean 'amount'?",
  )
})

test('frames keep the tables they were written over', async t => {
  await using ctx = new SessionContext()
  await ctx.sql('CREATE TABLE t AS SELECT 1 AS x')
  const before = await ctx.table('t')
  await ctx.sql('INSERT INTO t VALUES (2)')
  const after = await ctx.table('t')
  t.deepEqual(await before.filter('x > 0').rows(), [{ x: 1n }])
  t.deepEqual(await after.sort('x').rows(), [{ x: 1n }, { x: 2n }])
  const error = t.throws(() => before.union(after)) as BallistaError
  t.regex(failure(error), /^INVALID_ARGUMENT: table 't' was changed between/)
})

test('long chains stay flat: 60 new columns, 400 unions, 2000 conditions', async t => {
  await using ctx = new SessionContext()
  await ctx.sql('CREATE TABLE t AS SELECT 1 AS x')
  const one = await ctx.table('t')
  let columns = one
  for (let i = 0; i < 60; i++) columns = columns.withColumn('x', col('x').add(1)).filter('x > 0')
  t.deepEqual(await columns.rows(), [{ x: 61n }])
  let all = one
  for (let i = 0; i < 399; i++) all = all.union(one)
  t.is(await all.count(), 400)
  const conditions = Array.from({ length: 2000 }, (_, i) => col('x').eq(i))
  t.is(await one.filter(or(...conditions)).count(), 1)
})
