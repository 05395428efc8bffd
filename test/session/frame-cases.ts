/** Operations of frames, each beside the SQL that means the same. */
import { and, col, expr, fn, ident, lit, or, sql, type DataFrame, type SessionContext } from '../../src/index.js'

export interface Frames {
  readonly ctx: SessionContext
  /** id, name, price, day, score; with NULLs, NaN and repeated rows. */
  readonly t: DataFrame
  /** id, label. */
  readonly u: DataFrame
}

export interface FrameCase {
  readonly name: string
  readonly frame: (frames: Frames) => DataFrame
  readonly sql: string
  /** Rows are compared in order. */
  readonly ordered?: true
}

export const OPERATION_CASES: readonly FrameCase[] = [
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
    name: 'a constant key of an order is no ordinal, however it is written',
    frame: ({ t }) => t.select('id', 'name').sort(expr(' 2 ').desc(), sql`(2 /* two */)`, col('id').desc(), 'name'),
    sql: 'SELECT id, name FROM t ORDER BY id DESC, name',
    ordered: true,
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
]
