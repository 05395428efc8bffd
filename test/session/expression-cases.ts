/** Expressions in frames, each beside the SQL that means the same. */
import {
  and,
  caseOf,
  col,
  exists,
  fn,
  inSubquery,
  lit,
  not,
  notInSubquery,
  placeholder,
  scalarSubquery,
  sql,
  tryCast,
  when,
} from '../../src/index.js'
import type { FrameCase } from './frame-cases.js'

export const EXPRESSION_CASES: readonly FrameCase[] = [
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
