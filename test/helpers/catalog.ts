/** Catalogs without data for planning tests, and SQL text to logical plan in one call. */
import { field, type Schema } from '../../src/arrow/schema.js'
import { DATE, decimal, FLOAT64, INT32, INT64, UTF8, type DataType, type Value } from '../../src/arrow/types.js'
import { Catalog, type CatalogEntry } from '../../src/catalog/catalog.js'
import type { ColumnStatistics, TableProvider } from '../../src/catalog/table-provider.js'
import type { LiteralExpr } from '../../src/expr/expr.js'
import { bindQuery } from '../../src/logical/bind/query.js'
import { resolveTables, type TableResolver } from '../../src/logical/bind/tables.js'
import type { LogicalPlan } from '../../src/logical/plan.js'
import { parseQuery } from '../../src/parser/parse.js'
import { SCHEMAS, TABLES } from '../../tpch/schema.js'

/** Tables of fewer rows lie in one partition. */
const MIN_ROWS_TO_SPLIT = 100_000

/** A table that can be planned but not read. */
export function plannedTable(
  schema: Schema,
  rowCount?: number,
  columns: Record<string, ColumnStatistics> = {},
): TableProvider {
  const statistics = { ...(rowCount === undefined ? {} : { rowCount }), columns: new Map(Object.entries(columns)) }
  return {
    schema,
    statistics: () => statistics,
    scan({ filters, targetPartitions }) {
      const length = (rowCount ?? 0) < MIN_ROWS_TO_SPLIT ? 1 : targetPartitions
      const partitions = Array.from({ length }, () => [])
      return { source: { kind: 'memory', partitions }, residual: filters }
    },
  }
}

const TYPES: Readonly<Record<string, DataType>> = {
  int: INT32,
  bigint: INT64,
  text: UTF8,
  double: FLOAT64,
  date: DATE,
  money: decimal(15, 2),
}

/** `a:int b:text!`: nullable columns, `!` for NOT NULL. */
export const schemaFrom = (text: string): Schema => ({
  fields: text.split(' ').map(entry => {
    const [, name, type, required] = /^(\w+):(\w+)(!?)$/.exec(entry) ?? []
    return field(name, TYPES[type], required === '')
  }),
})

/** Small tables for binder and rule tests. */
export function smallCatalog(): Catalog {
  const catalog = new Catalog()
  const add = (name: string, columns: string, rowCount: number): void =>
    catalog.register([name], plannedTable(schemaFrom(columns), rowCount))
  add('t', 'a:bigint b:bigint s:text d:date', 1000)
  add('u', 'a:bigint! c:bigint! s:text', 100)
  add('v', 'b:bigint c:bigint m:money', 10)
  add('camel', 'UserID:bigint eventTime:date', 50)
  catalog.register(['w'], { kind: 'view', sql: 'SELECT a, sum(b) AS total FROM t GROUP BY a', columns: [] })
  return catalog
}

/** Days since 1970-01-01. */
const day = (text: string): number => Date.parse(text) / 86_400_000

const keyRange = (max: number): { min: Value; max: Value } => ({ min: 1n, max: BigInt(max) })

/** The eight TPC-H tables as they are at scale factor 1: row counts and the ranges of keys and dates, as footers give them. */
export function tpchCatalog(): Catalog {
  const rows = {
    region: 5,
    nation: 25,
    supplier: 10_000,
    customer: 150_000,
    part: 200_000,
    partsupp: 800_000,
    orders: 1_500_000,
    lineitem: 6_001_215,
  }
  const columns: Readonly<Record<string, Record<string, ColumnStatistics>>> = {
    region: { r_regionkey: { min: 0, max: 4 }, r_name: { distinctCount: 5 } },
    nation: { n_nationkey: { min: 0, max: 24 }, n_regionkey: { min: 0, max: 4 }, n_name: { distinctCount: 25 } },
    supplier: { s_suppkey: keyRange(10_000), s_nationkey: { min: 0, max: 24 } },
    customer: {
      c_custkey: keyRange(150_000),
      c_nationkey: { min: 0, max: 24 },
      c_mktsegment: { distinctCount: 5 },
    },
    part: {
      p_partkey: keyRange(200_000),
      p_size: { min: 1, max: 50 },
      p_brand: { distinctCount: 25 },
      p_container: { distinctCount: 40 },
      p_type: { distinctCount: 150 },
    },
    partsupp: { ps_partkey: keyRange(200_000), ps_suppkey: keyRange(10_000) },
    orders: {
      o_orderkey: keyRange(6_000_000),
      o_custkey: keyRange(149_999),
      o_orderdate: { min: day('1992-01-01'), max: day('1998-08-02') },
      o_orderstatus: { distinctCount: 3 },
      o_orderpriority: { distinctCount: 5 },
    },
    lineitem: {
      l_orderkey: keyRange(6_000_000),
      l_partkey: keyRange(200_000),
      l_suppkey: keyRange(10_000),
      l_shipdate: { min: day('1992-01-02'), max: day('1998-12-01') },
      l_receiptdate: { min: day('1992-01-04'), max: day('1998-12-31') },
      l_quantity: { min: 100n, max: 5000n, distinctCount: 50 },
      l_discount: { min: 0n, max: 10n, distinctCount: 11 },
      l_returnflag: { distinctCount: 3 },
      l_linestatus: { distinctCount: 2 },
      l_shipmode: { distinctCount: 7 },
      l_shipinstruct: { distinctCount: 4 },
    },
  }
  const catalog = new Catalog()
  for (const table of TABLES) catalog.register([table], plannedTable(SCHEMAS[table], rows[table], columns[table]))
  return catalog
}

export const resolverOf = (catalog: Catalog): TableResolver => ({
  table: (name, span): CatalogEntry => catalog.lookup(name, span),
})

/** 2024-02-29T12:00:00Z, the instant of now() in tests. */
export const TEST_NOW = BigInt(Date.parse('2024-02-29T12:00:00Z')) * 1_000_000n

/** The bound plan of a query, not optimized. */
export async function planOf(
  sql: string,
  catalog: Catalog,
  parameters: ReadonlyMap<string, LiteralExpr> = new Map(),
): Promise<LogicalPlan> {
  const query = parseQuery(sql)
  return bindQuery(query, {
    tables: await resolveTables(query, resolverOf(catalog), { now: TEST_NOW, parameters }),
    now: TEST_NOW,
    parameters,
  })
}
