/** Statements and their trees, one per form that users write. */

/** [SQL, tree as showTree prints it]. */
export const STATEMENTS: readonly (readonly [string, string])[] = [
  ['SELECT 1', 'query(body: select(items: [expr(expr: 1)]))'],
  [
    'SELECT ?, $1, $a, ?',
    'query(body: select(items: [expr(expr: parameter(name: 1)), expr(expr: parameter(name: 1)), expr(expr: parameter(name: a)), expr(expr: parameter(name: 2))]))',
  ],
  [
    'PREPARE p (INT, DECIMAL(5, 2)) AS SELECT $1',
    'prepare(name: p, types: [{name: INT}, {name: DECIMAL, args: [5, 2]}], statement: query(body: select(items: [expr(expr: parameter(name: 1))])), text: SELECT $1)',
  ],
  ['EXECUTE p(1, a := 2, b => 3)', 'execute(name: p, args: [1], named: [{name: a, value: 2}, {name: b, value: 3}])'],
  ['EXECUTE p', 'execute(name: p)'],
  ['DELETE FROM s.t WHERE a', 'delete(table: [s, t], where: a)'],
  ['TRUNCATE TABLE t', 'delete(table: [t])'],
  [
    'UPDATE t SET a = 1, "B" = a + 1 WHERE c',
    'update(table: [t], set: [{name: a, value: 1}, {name: "B", value: (a + 1)}], where: c)',
  ],
  [
    'INSERT INTO t BY NAME SELECT 1 AS a',
    'insert(table: [t], byName: true, query: query(body: select(items: [expr(expr: 1, alias: a)])))',
  ],
  ['TABLE s.t', 'query(body: select(items: [wildcard], from: [table(name: [s, t])]))'],
  ['SUMMARIZE t', 'summarize(target: [t], text: t)'],
  ["SHOW FUNCTIONS LIKE 'a%'", 'showFunctions(like: a%)'],
  ['SHOW CREATE VIEW v', 'showCreate(name: [v])'],
  ['DEALLOCATE PREPARE p', 'deallocate(name: p)'],
  ['DEALLOCATE ALL', 'deallocate'],
  ['SELECT 1;', 'query(body: select(items: [expr(expr: 1)]))'],
  ['SELECT a, FROM t', 'query(body: select(items: [expr(expr: a)], from: [table(name: [t])]))'],
  [
    'SELECT a b, c AS "D", d AS end, t.* FROM t',
    'query(body: select(items: [expr(expr: a, alias: b), expr(expr: c, alias: "D"), expr(expr: d, alias: end), wildcard(qualifier: [t])], from: [table(name: [t])]))',
  ],
  [
    'SELECT * EXCLUDE (a, b) REPLACE (c + 1 AS c) FROM t',
    'query(body: select(items: [wildcard(exclude: [a, b], replace: [{expr: (c + 1), name: c}])], from: [table(name: [t])]))',
  ],
  ['SELECT * EXCLUDE a FROM t', 'query(body: select(items: [wildcard(exclude: [a])], from: [table(name: [t])]))'],
  [
    'SELECT t.* EXCEPT (a) FROM t',
    'query(body: select(items: [wildcard(qualifier: [t], exclude: [a])], from: [table(name: [t])]))',
  ],
  [
    'SELECT * FROM t EXCEPT (SELECT 1)',
    'query(body: setOperation(op: except, left: select(items: [wildcard], from: [table(name: [t])]), right: nested(query: query(body: select(items: [expr(expr: 1)])))))',
  ],
  ['SELECT DISTINCT a FROM t', 'query(body: select(distinct: true, items: [expr(expr: a)], from: [table(name: [t])]))'],
  [
    'SELECT DISTINCT ON (a, b) c FROM t',
    'query(body: select(distinct: {on: [a, b]}, items: [expr(expr: c)], from: [table(name: [t])]))',
  ],
  ['SELECT ALL a FROM t', 'query(body: select(items: [expr(expr: a)], from: [table(name: [t])]))'],
  [
    'SELECT a FROM s.t AS x (p, q), \'dir/f.parquet\' f, "T"',
    'query(body: select(items: [expr(expr: a)], from: [table(name: [s, t], alias: {name: x, columns: [p, q]}), file(path: dir/f.parquet, alias: {name: f}), table(name: ["T"])]))',
  ],
  [
    'SELECT 1 FROM a JOIN b ON a.x = b.x INNER JOIN c USING (x, y) LEFT OUTER JOIN d ON true RIGHT JOIN e ON true FULL JOIN f ON true CROSS JOIN g',
    'query(body: select(items: [expr(expr: 1)], from: [join(left: join(left: join(left: join(left: join(left: join(left: table(name: [a]), right: table(name: [b]), type: inner, condition: on(expr: (a.x = b.x))), right: table(name: [c]), type: inner, condition: using(columns: [x, y])), right: table(name: [d]), type: left, condition: on(expr: true)), right: table(name: [e]), type: right, condition: on(expr: true)), right: table(name: [f]), type: full, condition: on(expr: true)), right: table(name: [g]), type: cross)]))',
  ],
  [
    'SELECT 1 FROM a NATURAL JOIN b NATURAL LEFT JOIN c',
    'query(body: select(items: [expr(expr: 1)], from: [join(left: join(left: table(name: [a]), right: table(name: [b]), type: inner, condition: natural), right: table(name: [c]), type: left, condition: natural)]))',
  ],
  [
    'SELECT 1 FROM a SEMI JOIN b USING (x) LEFT ANTI JOIN c USING (x) RIGHT SEMI JOIN d USING (x) ANTI JOIN e USING (x)',
    'query(body: select(items: [expr(expr: 1)], from: [join(left: join(left: join(left: join(left: table(name: [a]), right: table(name: [b]), type: left semi, condition: using(columns: [x])), right: table(name: [c]), type: left anti, condition: using(columns: [x])), right: table(name: [d]), type: right semi, condition: using(columns: [x])), right: table(name: [e]), type: left anti, condition: using(columns: [x]))]))',
  ],
  [
    'SELECT 1 FROM a x JOIN LATERAL (SELECT 1) y ON true CROSS JOIN LATERAL (SELECT 2), LATERAL (SELECT 3)',
    'query(body: select(items: [expr(expr: 1)], from: [join(left: join(left: table(name: [a], alias: {name: x}), right: derived(query: query(body: select(items: [expr(expr: 1)])), alias: {name: y}, lateral: true), type: inner, condition: on(expr: true)), right: derived(query: query(body: select(items: [expr(expr: 2)])), lateral: true), type: cross), derived(query: query(body: select(items: [expr(expr: 3)])), lateral: true)]))',
  ],
  [
    'SELECT 1 FROM (SELECT 1) AS t (a), (VALUES (1, 2), (3, 4)) v, VALUES (5) AS w (z)',
    'query(body: select(items: [expr(expr: 1)], from: [derived(query: query(body: select(items: [expr(expr: 1)])), alias: {name: t, columns: [a]}), derived(query: query(body: values(rows: [[1, 2], [3, 4]])), alias: {name: v}), derived(query: query(body: values(rows: [[5]])), alias: {name: w, columns: [z]})]))',
  ],
  [
    'SELECT 1 FROM (a JOIN (b CROSS JOIN c) ON true), (d) AS e',
    'query(body: select(items: [expr(expr: 1)], from: [join(left: table(name: [a]), right: join(left: table(name: [b]), right: table(name: [c]), type: cross), type: inner, condition: on(expr: true)), table(name: [d], alias: {name: e})]))',
  ],
  [
    'SELECT 1 FROM ((SELECT 1) UNION (SELECT 2)) u, ((SELECT 3)) w, ((SELECT 4) x CROSS JOIN y)',
    'query(body: select(items: [expr(expr: 1)], from: [derived(query: query(body: setOperation(op: union, left: nested(query: query(body: select(items: [expr(expr: 1)]))), right: nested(query: query(body: select(items: [expr(expr: 2)]))))), alias: {name: u}), derived(query: query(body: select(items: [expr(expr: 3)])), alias: {name: w}), join(left: derived(query: query(body: select(items: [expr(expr: 4)])), alias: {name: x}), right: table(name: [y]), type: cross)]))',
  ],
  [
    "SELECT 1 FROM read_csv('x.csv', header = true, delim => ';', sep := 2 + 3) r, generate_series(1, 10)",
    "query(body: select(items: [expr(expr: 1)], from: [function(name: read_csv, args: ['x.csv'], named: [{name: header, value: true}, {name: delim, value: ';'}, {name: sep, value: (2 + 3)}], alias: {name: r}), function(name: generate_series, args: [1, 10])]))",
  ],
  ['FROM t', 'query(body: select(items: [wildcard], from: [table(name: [t])]))'],
  ['FROM t SELECT a WHERE b', 'query(body: select(items: [expr(expr: a)], from: [table(name: [t])], where: b))'],
  ['FROM t WHERE a LIMIT 1', 'query(body: select(items: [wildcard], from: [table(name: [t])], where: a), limit: 1)'],
  [
    'SELECT a, count(*) FROM t WHERE b GROUP BY a, 2 HAVING count(*) > 1 QUALIFY c',
    'query(body: select(items: [expr(expr: a), expr(expr: call(name: count, args: [*]))], from: [table(name: [t])], where: b, groupBy: [a, 2], having: (call(name: count, args: [*]) > 1), qualify: c))',
  ],
  [
    'SELECT a FROM t GROUP BY ALL ORDER BY ALL',
    'query(body: select(items: [expr(expr: a)], from: [table(name: [t])], groupBy: all), orderBy: all)',
  ],
  [
    'SELECT a FROM t ORDER BY a, b DESC, c ASC NULLS FIRST, d NULLS LAST LIMIT 1 + 2 OFFSET 3 ROWS',
    'query(body: select(items: [expr(expr: a)], from: [table(name: [t])]), orderBy: [{expr: a}, {expr: b, descending: true}, {expr: c, nullsFirst: true}, {expr: d, nullsFirst: false}], limit: (1 + 2), offset: 3)',
  ],
  [
    'SELECT a FROM t OFFSET 3 LIMIT 2',
    'query(body: select(items: [expr(expr: a)], from: [table(name: [t])]), offset: 3, limit: 2)',
  ],
  ['SELECT a FROM t LIMIT ALL', 'query(body: select(items: [expr(expr: a)], from: [table(name: [t])]))'],
  [
    'SELECT a FROM t LIMIT 5, 10',
    'query(body: select(items: [expr(expr: a)], from: [table(name: [t])]), limit: 10, offset: 5)',
  ],
  [
    'SELECT a FROM t FETCH FIRST 5 ROWS ONLY',
    'query(body: select(items: [expr(expr: a)], from: [table(name: [t])]), limit: 5)',
  ],
  [
    'SELECT a FROM t OFFSET 1 FETCH NEXT ROW ONLY',
    'query(body: select(items: [expr(expr: a)], from: [table(name: [t])]), offset: 1, limit: 1)',
  ],
  [
    'SELECT 1 UNION SELECT 2 INTERSECT SELECT 3 UNION ALL SELECT 4',
    'query(body: setOperation(op: union, all: true, left: setOperation(op: union, left: select(items: [expr(expr: 1)]), right: setOperation(op: intersect, left: select(items: [expr(expr: 2)]), right: select(items: [expr(expr: 3)]))), right: select(items: [expr(expr: 4)])))',
  ],
  [
    'SELECT 1 EXCEPT SELECT 2 EXCEPT ALL SELECT 3 ORDER BY 1',
    'query(body: setOperation(op: except, all: true, left: setOperation(op: except, left: select(items: [expr(expr: 1)]), right: select(items: [expr(expr: 2)])), right: select(items: [expr(expr: 3)])), orderBy: [{expr: 1}])',
  ],
  [
    'SELECT 1 INTERSECT SELECT 2 INTERSECT ALL SELECT 3',
    'query(body: setOperation(op: intersect, all: true, left: setOperation(op: intersect, left: select(items: [expr(expr: 1)]), right: select(items: [expr(expr: 2)])), right: select(items: [expr(expr: 3)])))',
  ],
  [
    'SELECT 1 UNION ALL BY NAME SELECT 2 UNION DISTINCT BY NAME SELECT 3',
    'query(body: setOperation(op: union, byName: true, left: setOperation(op: union, all: true, byName: true, left: select(items: [expr(expr: 1)]), right: select(items: [expr(expr: 2)])), right: select(items: [expr(expr: 3)])))',
  ],
  [
    '(SELECT 1 LIMIT 1) UNION (SELECT 2) LIMIT 3',
    'query(body: setOperation(op: union, left: nested(query: query(body: select(items: [expr(expr: 1)]), limit: 1)), right: nested(query: query(body: select(items: [expr(expr: 2)])))), limit: 3)',
  ],
  [
    '((SELECT 1))',
    'query(body: nested(query: query(body: nested(query: query(body: select(items: [expr(expr: 1)]))))))',
  ],
  ["VALUES (1, 'a'), (2, NULL)", "query(body: values(rows: [[1, 'a'], [2, null]]))"],
  [
    'WITH a AS (SELECT 1), b (x, y) AS NOT MATERIALIZED (SELECT 2) SELECT * FROM a, b',
    'query(with: [{name: a, query: query(body: select(items: [expr(expr: 1)]))}, {name: b, columns: [x, y], query: query(body: select(items: [expr(expr: 2)]))}], body: select(items: [wildcard], from: [table(name: [a]), table(name: [b])]))',
  ],
  [
    'WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r',
    'query(with: [{name: r, columns: [n], query: query(body: setOperation(op: union, all: true, left: select(items: [expr(expr: 1)]), right: select(items: [expr(expr: (n + 1))], from: [table(name: [r])])))}], recursive: true, body: select(items: [expr(expr: n)], from: [table(name: [r])]))',
  ],
  ['EXPLAIN SELECT 1', 'explain(statement: query(body: select(items: [expr(expr: 1)])))'],
  [
    'EXPLAIN ANALYZE VERBOSE FORMAT Tree SELECT 1',
    'explain(analyze: true, verbose: true, format: tree, statement: query(body: select(items: [expr(expr: 1)])))',
  ],
  [
    "EXPLAIN (ANALYZE ON, VERBOSE false, FORMAT 'TREE') SELECT 1",
    'explain(analyze: true, format: tree, statement: query(body: select(items: [expr(expr: 1)])))',
  ],
  [
    'EXPLAIN (VERBOSE, FORMAT tree) (SELECT 1)',
    'explain(verbose: true, format: tree, statement: query(body: nested(query: query(body: select(items: [expr(expr: 1)])))))',
  ],
  [
    "CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION 'dir/'",
    'createExternalTable(name: [t], storedAs: parquet, location: dir/, options: {})',
  ],
  [
    "CREATE EXTERNAL TABLE t PARTITIONED BY (k, l INT, ) STORED AS csv LOCATION 'dir/'",
    'createExternalTable(name: [t], storedAs: csv, location: dir/, partitionedBy: [{name: k}, {name: l, type: {name: INT}}], options: {})',
  ],
  [
    "CREATE OR REPLACE EXTERNAL TABLE IF NOT EXISTS s.t (a INT NOT NULL, b DECIMAL(15, 2), ) LOCATION 'x' OPTIONS ('format.has_header' true, DELIMITER '|', null_value = '', size 64MB) STORED AS csv",
    'createExternalTable(name: [s, t], columns: [{name: a, type: {name: INT}, notNull: true}, {name: b, type: {name: DECIMAL, args: [15, 2]}}], storedAs: csv, location: x, options: {has_header: true, delimiter: |, null_value: , size: 64MB}, ifNotExists: true, orReplace: true)',
  ],
  [
    'CREATE TABLE IF NOT EXISTS t (a BIGINT, "B" VARCHAR(10) NULL)',
    'createTable(name: [t], columns: [{name: a, type: {name: BIGINT}}, {name: "B", type: {name: VARCHAR, args: [10]}}], ifNotExists: true)',
  ],
  [
    'CREATE OR REPLACE TABLE t AS SELECT 1',
    'createTable(name: [t], query: query(body: select(items: [expr(expr: 1)])), orReplace: true)',
  ],
  ['CREATE TABLE t AS VALUES (1)', 'createTable(name: [t], query: query(body: values(rows: [[1]])))'],
  [
    'CREATE VIEW v (a, b) AS SELECT 1,  2 ;',
    'createView(name: [v], columns: [a, b], query: query(body: select(items: [expr(expr: 1), expr(expr: 2)])), text: SELECT 1,  2)',
  ],
  [
    'CREATE OR REPLACE VIEW v AS WITH a AS (SELECT 1) SELECT * FROM a',
    'createView(name: [v], query: query(with: [{name: a, query: query(body: select(items: [expr(expr: 1)]))}], body: select(items: [wildcard], from: [table(name: [a])])), text: WITH a AS (SELECT 1) SELECT * FROM a, orReplace: true)',
  ],
  ['DROP TABLE t', 'drop(what: table, name: [t])'],
  ['DROP SCHEMA IF EXISTS s CASCADE', 'drop(what: schema, name: [s], ifExists: true, cascade: true)'],
  ['DROP SCHEMA s RESTRICT', 'drop(what: schema, name: [s])'],
  ['CREATE SCHEMA IF NOT EXISTS c.s', 'createSchema(name: [c, s], ifNotExists: true)'],
  [
    'CREATE OR REPLACE TEMP VIEW v AS SELECT 1',
    'createView(name: [v], query: query(body: select(items: [expr(expr: 1)])), text: SELECT 1, orReplace: true, temporary: true)',
  ],
  [
    'CREATE VIEW IF NOT EXISTS v AS SELECT 1',
    'createView(name: [v], query: query(body: select(items: [expr(expr: 1)])), text: SELECT 1, ifNotExists: true)',
  ],
  [
    'CREATE TEMPORARY TABLE t (a INT)',
    'createTable(name: [t], columns: [{name: a, type: {name: INT}}], temporary: true)',
  ],
  ['SHOW TABLES FROM s', 'show(what: tables, schema: [s])'],
  ['SHOW SCHEMAS', 'show(what: schemas)'],
  ['SHOW CATALOGS', 'show(what: catalogs)'],
  ['DROP VIEW IF EXISTS s.v', 'drop(what: view, name: [s, v], ifExists: true)'],
  ['SET ballista.execution.batch_size = 100', 'set(key: ballista.execution.batch_size, value: 100)'],
  ["SET Ballista.X TO 'a b'", 'set(key: ballista.x, value: a b)'],
  ['SET x = -1.5', 'set(key: x, value: -1.5)'],
  ['RESET ballista.x', 'reset(key: ballista.x)'],
  ['SHOW TABLES', 'show(what: tables)'],
  ['SHOW ALL', 'show(what: all)'],
  ['SHOW COLUMNS FROM s.t', 'describe(target: [s, t])'],
  ['SHOW ballista.x', 'show(what: option, name: ballista.x)'],
  ['DESCRIBE s.t', 'describe(target: [s, t])'],
  ['DESC SELECT 1', 'describe(target: query(body: select(items: [expr(expr: 1)])))'],
  ["DESCRIBE 'f.csv'", 'describe(target: query(body: select(items: [wildcard], from: [file(path: f.csv)])))'],
  ['DESCRIBE TABLE t', 'describe(target: [t])'],
  ["COPY t TO 'x.parquet'", 'copy(source: [t], path: x.parquet, options: {})'],
  [
    "COPY (SELECT 1) TO 'x' STORED AS CSV OPTIONS (has_header false)",
    'copy(source: query(body: select(items: [expr(expr: 1)])), path: x, format: csv, options: {has_header: false})',
  ],
  [
    "COPY t TO 'x.csv' (FORMAT csv, HEADER, DELIMITER '|', PARTITION_BY (a, b))",
    'copy(source: [t], path: x.csv, format: csv, options: {header: true, delimiter: |, partition_by: a,b})',
  ],
  ["COPY t TO 'x.csv' WITH (FORMAT parquet)", 'copy(source: [t], path: x.csv, format: parquet, options: {})'],
  ['INSERT INTO t VALUES (1), (2)', 'insert(table: [t], query: query(body: values(rows: [[1], [2]])))'],
  [
    'INSERT INTO s.t (a, b) SELECT 1, 2',
    'insert(table: [s, t], columns: [a, b], query: query(body: select(items: [expr(expr: 1), expr(expr: 2)])))',
  ],
  [
    'INSERT INTO t (SELECT 1)',
    'insert(table: [t], query: query(body: nested(query: query(body: select(items: [expr(expr: 1)])))))',
  ],
  [
    "INSERT OVERWRITE TABLE t PARTITION (k = 1, l = 'x') (a) VALUES (2)",
    "insert(table: [t], partition: [{name: k, value: 1}, {name: l, value: 'x'}], columns: [a], query: query(body: values(rows: [[2]])), overwrite: true)",
  ],
  [
    "CREATE TABLE t (a INT) STORED AS DELTA PARTITIONED BY (k DATE) LOCATION 'x'",
    'createTable(name: [t], columns: [{name: a, type: {name: INT}}], stored: {storedAs: delta, location: x, partitionedBy: [{name: k, type: {name: DATE}}], options: {}})',
  ],
  [
    "FROM t FOR VERSION AS OF 1 + 1 AS a, s.u FOR TIMESTAMP AS OF '2024-01-01' b",
    "query(body: select(items: [wildcard], from: [table(name: [t], version: {what: version, value: (1 + 1)}, alias: {name: a}), table(name: [s, u], version: {what: timestamp, value: '2024-01-01'}, alias: {name: b})]))",
  ],
  [
    'INSERT OVERWRITE t FROM u',
    'insert(table: [t], query: query(body: select(items: [wildcard], from: [table(name: [u])])), overwrite: true)',
  ],
  [
    'INSERT OVERWRITE INTO TABLE t SELECT 1',
    'insert(table: [t], query: query(body: select(items: [expr(expr: 1)])), overwrite: true)',
  ],
]
