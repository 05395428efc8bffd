/** Many different statements over the TPC-H tables, from a seed: what a busy process sees in a day. */
import type { Rng } from '../src/common/clock.js'
import { QUERY_COUNT, readQuery } from '../tpch/queries.js'

/** How a statement is used. */
export type Use =
  | 'all'
  /** Its consumer leaves after the first batch. */
  | 'leave'
  /** Aborted while it runs. */
  | 'abort'
  /** It fails while it runs. */
  | 'fail'

export interface MixedQuery {
  readonly kind: string
  readonly statements: readonly string[]
  readonly use: Use
  /** Tasks a stage: 1 runs on the calling thread, more on worker threads. */
  readonly partitions: number
}

type Make = (rng: Rng) => Omit<MixedQuery, 'partitions' | 'kind'>

const below = (rng: Rng, bound: number): number => Math.floor(rng.next() * bound)
const pick = <T>(rng: Rng, list: readonly T[]): T => list[below(rng, list.length)]
const all = (...statements: string[]): ReturnType<Make> => ({ statements, use: 'all' })

const LINE_KEYS = ['l_suppkey', 'l_partkey', 'l_orderkey', 'l_shipmode', 'l_shipdate', 'l_comment'] as const
const LINE_VALUES = ['l_quantity', 'l_extendedprice', 'l_discount', 'l_tax'] as const
const day = (rng: Rng): string => `DATE '199${2 + below(rng, 6)}-0${1 + below(rng, 9)}-1${below(rng, 10)}'`

/** With how often each comes up. */
const KINDS: readonly (readonly [weight: number, kind: string, make: Make])[] = [
  [4, 'tpch', rng => ({ statements: readQuery(1 + below(rng, QUERY_COUNT)).statements, use: 'all' })],
  [12, 'aggregate', rng => all(`SELECT ${pick(rng, LINE_KEYS)}, count(*), sum(${pick(rng, LINE_VALUES)}) FROM lineitem WHERE l_shipdate < ${day(rng)} GROUP BY 1`)],
  [10, 'join', rng => all(`SELECT o_orderpriority, count(*), max(l_tax) FROM lineitem JOIN orders ON l_orderkey = o_orderkey WHERE o_orderdate > ${day(rng)} GROUP BY 1`)],
  [8, 'left join', rng => all(`SELECT c_custkey, count(o_orderkey) AS n FROM customer LEFT JOIN orders ON c_custkey = o_custkey AND o_totalprice > ${below(rng, 300_000)} GROUP BY 1 ORDER BY n DESC, 1 LIMIT ${1 + below(rng, 50)}`)],
  [8, 'sort', rng => all(`SELECT * FROM orders WHERE o_orderdate > ${day(rng)} ORDER BY ${pick(rng, ['o_totalprice', 'o_comment', 'o_orderdate, o_clerk DESC'])}`)],
  [12, 'top', rng => all(`SELECT * FROM lineitem ORDER BY ${pick(rng, LINE_VALUES)} DESC, l_orderkey, l_linenumber LIMIT ${1 + below(rng, 1_000)}`)],
  [8, 'distinct', rng => all(`SELECT DISTINCT ${pick(rng, LINE_KEYS)}, l_linenumber FROM lineitem`)],
  [10, 'text', rng => all(`SELECT upper(substring(o_comment, 1, ${1 + below(rng, 20)})) AS s, count(*) FROM orders WHERE o_comment LIKE '%${pick(rng, ['special', 'final', 'ironic', 'zz'])}%' GROUP BY 1`)],
  [6, 'subquery', rng => all(`SELECT count(*) FROM part WHERE p_partkey IN (SELECT ps_partkey FROM partsupp WHERE ps_availqty < ${below(rng, 9_999)}) AND p_size > ${below(rng, 50)}`)],
  [6, 'union', rng => all(`SELECT s_nationkey, s_acctbal FROM supplier UNION SELECT c_nationkey, c_acctbal FROM customer WHERE c_custkey < ${below(rng, 1_500)}`)],
  [4, 'table', rng => all(`CREATE TABLE made AS SELECT l_orderkey, l_comment FROM lineitem WHERE l_linenumber = ${1 + below(rng, 7)} LIMIT ${below(rng, 9_000)}`, 'SELECT count(*), max(l_comment) FROM made', 'DROP TABLE made')],
  [20, 'values', rng => all(`SELECT column1 * ${below(rng, 100)} AS x, column2 FROM (VALUES ${Array.from({ length: 1 + below(rng, 40) }, (_, i) => `(${i}, 'v${below(rng, 9)}')`).join(', ')}) v ORDER BY 1`)],
  [8, 'leave', rng => ({ statements: [`SELECT * FROM lineitem WHERE l_quantity > ${below(rng, 40)}`], use: 'leave' })],
  [8, 'limit', rng => all(`SELECT * FROM lineitem WHERE l_tax < 0.0${1 + below(rng, 8)} LIMIT ${1 + below(rng, 500)}`)],
  [6, 'abort', rng => ({ statements: [`SELECT a.l_partkey, count(*) FROM lineitem a JOIN lineitem b ON a.l_suppkey = b.l_suppkey AND a.l_tax < b.l_tax WHERE a.l_quantity > ${below(rng, 30)} GROUP BY 1`], use: 'abort' })],
  [6, 'fail', rng => ({ statements: [`SELECT sum(l_orderkey / (l_linenumber - ${1 + below(rng, 7)})), l_partkey FROM lineitem GROUP BY 2`], use: 'fail' })],
] // oxfmt-ignore

const TOTAL = KINDS.reduce((sum, [weight]) => sum + weight, 0)

/** The next statement of the sequence that the generator stands for. */
export function mixedQuery(rng: Rng, threads: number): MixedQuery {
  let left = rng.next() * TOTAL
  const [, kind, make] = KINDS.find(([weight]) => (left -= weight) < 0) ?? KINDS[0]
  return { kind, ...make(rng), partitions: 1 + below(rng, threads) }
}
