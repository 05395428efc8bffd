/** Small statements with the constructs of each of the 22 TPC-H queries, in order, and their trees. */

/** [SQL, tree as showTree prints it]. */
export const TPCH_SHAPES: readonly (readonly [string, string])[] = [
  [
    "SELECT l_returnflag, sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) AS sum_charge, count(*) AS count_order FROM lineitem WHERE l_shipdate <= date '1998-12-01' - interval '90' day GROUP BY l_returnflag ORDER BY l_returnflag",
    'query(body: select(items: [expr(expr: l_returnflag), expr(expr: call(name: sum, args: [((l_extendedprice * (1 - l_discount)) * (1 + l_tax))]), alias: sum_charge), expr(expr: call(name: count, args: [*]), alias: count_order)], from: [table(name: [lineitem])], where: (l_shipdate <= (typedString(type: {name: DATE}, value: 1998-12-01) - interval(value: 90, unit: day))), groupBy: [l_returnflag]), orderBy: [{expr: l_returnflag}])',
  ],
  [
    "SELECT s_acctbal FROM part, supplier WHERE p_type LIKE '%BRASS' AND ps_supplycost = (SELECT min(ps_supplycost) FROM partsupp WHERE p_partkey = ps_partkey) ORDER BY s_acctbal DESC, s_name LIMIT 100",
    "query(body: select(items: [expr(expr: s_acctbal)], from: [table(name: [part]), table(name: [supplier])], where: (like(input: p_type, pattern: '%BRASS') and (ps_supplycost = scalarSubquery(query: query(body: select(items: [expr(expr: call(name: min, args: [ps_supplycost]))], from: [table(name: [partsupp])], where: (p_partkey = ps_partkey))))))), orderBy: [{expr: s_acctbal, descending: true}, {expr: s_name}], limit: 100)",
  ],
  [
    "SELECT l_orderkey FROM customer, orders, lineitem WHERE c_mktsegment = 'BUILDING' AND o_orderdate < date '1995-03-15' GROUP BY l_orderkey, o_orderdate ORDER BY revenue DESC",
    "query(body: select(items: [expr(expr: l_orderkey)], from: [table(name: [customer]), table(name: [orders]), table(name: [lineitem])], where: ((c_mktsegment = 'BUILDING') and (o_orderdate < typedString(type: {name: DATE}, value: 1995-03-15))), groupBy: [l_orderkey, o_orderdate]), orderBy: [{expr: revenue, descending: true}])",
  ],
  [
    "SELECT o_orderpriority FROM orders WHERE o_orderdate < date '1993-07-01' + interval '3' month AND EXISTS (SELECT * FROM lineitem WHERE l_orderkey = o_orderkey)",
    'query(body: select(items: [expr(expr: o_orderpriority)], from: [table(name: [orders])], where: ((o_orderdate < (typedString(type: {name: DATE}, value: 1993-07-01) + interval(value: 3, unit: month))) and exists(query: query(body: select(items: [wildcard], from: [table(name: [lineitem])], where: (l_orderkey = o_orderkey)))))))',
  ],
  [
    "SELECT n_name FROM customer WHERE o_orderdate >= date '1994-01-01' AND o_orderdate < date '1994-01-01' + interval '1' year",
    'query(body: select(items: [expr(expr: n_name)], from: [table(name: [customer])], where: ((o_orderdate >= typedString(type: {name: DATE}, value: 1994-01-01)) and (o_orderdate < (typedString(type: {name: DATE}, value: 1994-01-01) + interval(value: 1, unit: year))))))',
  ],
  [
    'SELECT sum(l_extendedprice * l_discount) AS revenue FROM lineitem WHERE l_discount BETWEEN .06 - 0.01 AND .06 + 0.01 AND l_quantity < 24',
    'query(body: select(items: [expr(expr: call(name: sum, args: [(l_extendedprice * l_discount)]), alias: revenue)], from: [table(name: [lineitem])], where: (between(input: l_discount, low: (.06 - 0.01), high: (.06 + 0.01)) and (l_quantity < 24))))',
  ],
  [
    "SELECT supp_nation FROM (SELECT n1.n_name AS supp_nation, extract(year FROM l_shipdate) AS l_year FROM nation n1, nation n2 WHERE (n1.n_name = 'FRANCE' AND n2.n_name = 'GERMANY') OR (n1.n_name = 'GERMANY' AND n2.n_name = 'FRANCE')) AS shipping",
    "query(body: select(items: [expr(expr: supp_nation)], from: [derived(query: query(body: select(items: [expr(expr: n1.n_name, alias: supp_nation), expr(expr: extract(field: year, input: l_shipdate), alias: l_year)], from: [table(name: [nation], alias: {name: n1}), table(name: [nation], alias: {name: n2})], where: (((n1.n_name = 'FRANCE') and (n2.n_name = 'GERMANY')) or ((n1.n_name = 'GERMANY') and (n2.n_name = 'FRANCE'))))), alias: {name: shipping})]))",
  ],
  [
    "SELECT o_year, sum(CASE WHEN nation = 'BRAZIL' THEN volume ELSE 0 END) / sum(volume) AS mkt_share FROM all_nations GROUP BY o_year",
    "query(body: select(items: [expr(expr: o_year), expr(expr: (call(name: sum, args: [case(whens: [(nation = 'BRAZIL')], thens: [volume], otherwise: 0)]) / call(name: sum, args: [volume])), alias: mkt_share)], from: [table(name: [all_nations])], groupBy: [o_year]))",
  ],
  [
    "SELECT nation, sum(amount) AS sum_profit FROM profit WHERE p_name LIKE '%green%' GROUP BY nation, o_year ORDER BY nation, o_year DESC",
    "query(body: select(items: [expr(expr: nation), expr(expr: call(name: sum, args: [amount]), alias: sum_profit)], from: [table(name: [profit])], where: like(input: p_name, pattern: '%green%'), groupBy: [nation, o_year]), orderBy: [{expr: nation}, {expr: o_year, descending: true}])",
  ],
  [
    'SELECT c_custkey, sum(l_extendedprice * (1 - l_discount)) AS revenue FROM customer ORDER BY revenue DESC LIMIT 20',
    'query(body: select(items: [expr(expr: c_custkey), expr(expr: call(name: sum, args: [(l_extendedprice * (1 - l_discount))]), alias: revenue)], from: [table(name: [customer])]), orderBy: [{expr: revenue, descending: true}], limit: 20)',
  ],
  [
    'SELECT ps_partkey FROM partsupp GROUP BY ps_partkey HAVING sum(ps_supplycost * ps_availqty) > (SELECT sum(ps_supplycost) * 0.0001000000 FROM partsupp)',
    'query(body: select(items: [expr(expr: ps_partkey)], from: [table(name: [partsupp])], groupBy: [ps_partkey], having: (call(name: sum, args: [(ps_supplycost * ps_availqty)]) > scalarSubquery(query: query(body: select(items: [expr(expr: (call(name: sum, args: [ps_supplycost]) * 0.0001000000))], from: [table(name: [partsupp])]))))))',
  ],
  [
    "SELECT sum(CASE WHEN o_orderpriority <> '1-URGENT' AND o_orderpriority <> '2-HIGH' THEN 1 ELSE 0 END) AS low FROM orders WHERE l_shipmode IN ('MAIL', 'SHIP')",
    "query(body: select(items: [expr(expr: call(name: sum, args: [case(whens: [((o_orderpriority <> '1-URGENT') and (o_orderpriority <> '2-HIGH'))], thens: [1], otherwise: 0)]), alias: low)], from: [table(name: [orders])], where: inList(input: l_shipmode, list: ['MAIL', 'SHIP'])))",
  ],
  [
    "SELECT c_count, count(*) FROM (SELECT c_custkey, count(o_orderkey) FROM customer LEFT OUTER JOIN orders ON c_custkey = o_custkey AND o_comment NOT LIKE '%special%requests%') AS c_orders (c_custkey, c_count)",
    "query(body: select(items: [expr(expr: c_count), expr(expr: call(name: count, args: [*]))], from: [derived(query: query(body: select(items: [expr(expr: c_custkey), expr(expr: call(name: count, args: [o_orderkey]))], from: [join(left: table(name: [customer]), right: table(name: [orders]), type: left, condition: on(expr: ((c_custkey = o_custkey) and like(input: o_comment, pattern: '%special%requests%', negated: true))))])), alias: {name: c_orders, columns: [c_custkey, c_count]})]))",
  ],
  [
    "SELECT 100.00 * sum(CASE WHEN p_type LIKE 'PROMO%' THEN l_extendedprice ELSE 0 END) / sum(l_extendedprice) FROM lineitem, part",
    "query(body: select(items: [expr(expr: ((100.00 * call(name: sum, args: [case(whens: [like(input: p_type, pattern: 'PROMO%')], thens: [l_extendedprice], otherwise: 0)])) / call(name: sum, args: [l_extendedprice])))], from: [table(name: [lineitem]), table(name: [part])]))",
  ],
  [
    'WITH revenue0 (supplier_no, total_revenue) AS (SELECT l_suppkey, sum(l_extendedprice) FROM lineitem GROUP BY l_suppkey) SELECT s_suppkey FROM supplier, revenue0 WHERE total_revenue = (SELECT max(total_revenue) FROM revenue0)',
    'query(with: [{name: revenue0, columns: [supplier_no, total_revenue], query: query(body: select(items: [expr(expr: l_suppkey), expr(expr: call(name: sum, args: [l_extendedprice]))], from: [table(name: [lineitem])], groupBy: [l_suppkey]))}], body: select(items: [expr(expr: s_suppkey)], from: [table(name: [supplier]), table(name: [revenue0])], where: (total_revenue = scalarSubquery(query: query(body: select(items: [expr(expr: call(name: max, args: [total_revenue]))], from: [table(name: [revenue0])]))))))',
  ],
  [
    "SELECT count(DISTINCT ps_suppkey) AS supplier_cnt FROM part WHERE p_brand <> 'Brand#45' AND p_type NOT LIKE 'MEDIUM POLISHED%' AND ps_suppkey NOT IN (SELECT s_suppkey FROM supplier)",
    "query(body: select(items: [expr(expr: call(name: count, args: [ps_suppkey], distinct: true), alias: supplier_cnt)], from: [table(name: [part])], where: (((p_brand <> 'Brand#45') and like(input: p_type, pattern: 'MEDIUM POLISHED%', negated: true)) and inSubquery(input: ps_suppkey, query: query(body: select(items: [expr(expr: s_suppkey)], from: [table(name: [supplier])])), negated: true))))",
  ],
  [
    'SELECT sum(l_extendedprice) / 7.0 AS avg_yearly FROM lineitem WHERE l_quantity < (SELECT 0.2 * avg(l_quantity) FROM lineitem WHERE l_partkey = p_partkey)',
    'query(body: select(items: [expr(expr: (call(name: sum, args: [l_extendedprice]) / 7.0), alias: avg_yearly)], from: [table(name: [lineitem])], where: (l_quantity < scalarSubquery(query: query(body: select(items: [expr(expr: (0.2 * call(name: avg, args: [l_quantity])))], from: [table(name: [lineitem])], where: (l_partkey = p_partkey)))))))',
  ],
  [
    'SELECT c_name FROM customer WHERE o_orderkey IN (SELECT l_orderkey FROM lineitem GROUP BY l_orderkey HAVING sum(l_quantity) > 300)',
    'query(body: select(items: [expr(expr: c_name)], from: [table(name: [customer])], where: inSubquery(input: o_orderkey, query: query(body: select(items: [expr(expr: l_orderkey)], from: [table(name: [lineitem])], groupBy: [l_orderkey], having: (call(name: sum, args: [l_quantity]) > 300))))))',
  ],
  [
    "SELECT 1 FROM part WHERE (p_partkey = l_partkey AND p_container IN ('SM CASE', 'SM BOX') AND l_quantity >= 1 AND l_quantity <= 1 + 10) OR (p_partkey = l_partkey AND p_size BETWEEN 1 AND 10)",
    "query(body: select(items: [expr(expr: 1)], from: [table(name: [part])], where: (((((p_partkey = l_partkey) and inList(input: p_container, list: ['SM CASE', 'SM BOX'])) and (l_quantity >= 1)) and (l_quantity <= (1 + 10))) or ((p_partkey = l_partkey) and between(input: p_size, low: 1, high: 10)))))",
  ],
  [
    'SELECT s_name FROM supplier WHERE s_suppkey IN (SELECT ps_suppkey FROM partsupp WHERE ps_partkey IN (SELECT p_partkey FROM part) AND ps_availqty > (SELECT 0.5 * sum(l_quantity) FROM lineitem))',
    'query(body: select(items: [expr(expr: s_name)], from: [table(name: [supplier])], where: inSubquery(input: s_suppkey, query: query(body: select(items: [expr(expr: ps_suppkey)], from: [table(name: [partsupp])], where: (inSubquery(input: ps_partkey, query: query(body: select(items: [expr(expr: p_partkey)], from: [table(name: [part])]))) and (ps_availqty > scalarSubquery(query: query(body: select(items: [expr(expr: (0.5 * call(name: sum, args: [l_quantity])))], from: [table(name: [lineitem])]))))))))))',
  ],
  [
    'SELECT s_name FROM supplier, lineitem l1 WHERE EXISTS (SELECT * FROM lineitem l2 WHERE l2.l_suppkey <> l1.l_suppkey) AND NOT EXISTS (SELECT * FROM lineitem l3 WHERE l3.l_receiptdate > l3.l_commitdate)',
    'query(body: select(items: [expr(expr: s_name)], from: [table(name: [supplier]), table(name: [lineitem], alias: {name: l1})], where: (exists(query: query(body: select(items: [wildcard], from: [table(name: [lineitem], alias: {name: l2})], where: (l2.l_suppkey <> l1.l_suppkey)))) and exists(query: query(body: select(items: [wildcard], from: [table(name: [lineitem], alias: {name: l3})], where: (l3.l_receiptdate > l3.l_commitdate))), negated: true))))',
  ],
  [
    "SELECT cntrycode FROM (SELECT substring(c_phone FROM 1 FOR 2) AS cntrycode FROM customer WHERE substring(c_phone FROM 1 FOR 2) IN ('13', '31')) AS custsale GROUP BY cntrycode",
    "query(body: select(items: [expr(expr: cntrycode)], from: [derived(query: query(body: select(items: [expr(expr: call(name: substring, args: [c_phone, 1, 2]), alias: cntrycode)], from: [table(name: [customer])], where: inList(input: call(name: substring, args: [c_phone, 1, 2]), list: ['13', '31']))), alias: {name: custsale})], groupBy: [cntrycode]))",
  ],
]
