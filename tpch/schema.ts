/** The eight tables: their columns and types, and how many rows a scale factor gives. */
import { field, type Schema } from '../src/arrow/schema.js'
import { DATE, decimal, INT32, INT64, UTF8, type DataType } from '../src/arrow/types.js'
import { fail } from '../src/common/errors.js'

export const TABLES = ['region', 'nation', 'supplier', 'customer', 'part', 'partsupp', 'orders', 'lineitem'] as const
export type TableName = (typeof TABLES)[number]

const MONEY = decimal(15, 2)
const types = { key: INT64, int: INT32, money: MONEY, text: UTF8, date: DATE } as const satisfies Record<
  string,
  DataType
>

/** `name:type` lists; no column is ever NULL. */
const schema = (text: string): Schema => ({
  fields: text.split(' ').map(entry => {
    const [name, type] = entry.split(':')
    return field(name, types[type as keyof typeof types], false)
  }),
})

export const SCHEMAS: Readonly<Record<TableName, Schema>> = {
  region: schema('r_regionkey:int r_name:text r_comment:text'),
  nation: schema('n_nationkey:int n_name:text n_regionkey:int n_comment:text'),
  supplier: schema(
    's_suppkey:key s_name:text s_address:text s_nationkey:int s_phone:text s_acctbal:money s_comment:text',
  ),
  customer: schema(
    'c_custkey:key c_name:text c_address:text c_nationkey:int c_phone:text c_acctbal:money c_mktsegment:text c_comment:text',
  ),
  part: schema(
    'p_partkey:key p_name:text p_mfgr:text p_brand:text p_type:text p_size:int p_container:text p_retailprice:money p_comment:text',
  ),
  partsupp: schema('ps_partkey:key ps_suppkey:key ps_availqty:int ps_supplycost:money ps_comment:text'),
  orders: schema(
    'o_orderkey:key o_custkey:key o_orderstatus:text o_totalprice:money o_orderdate:date o_orderpriority:text o_clerk:text o_shippriority:int o_comment:text',
  ),
  lineitem: schema(
    'l_orderkey:key l_partkey:key l_suppkey:key l_linenumber:int l_quantity:money l_extendedprice:money l_discount:money l_tax:money l_returnflag:text l_linestatus:text l_shipdate:date l_commitdate:date l_receiptdate:date l_shipinstruct:text l_shipmode:text l_comment:text',
  ),
}

/** Effective row counts of a scale factor, and the integer factor that some formulas use. */
export interface Scale {
  readonly factor: number
  readonly suppliers: number
  readonly customers: number
  readonly parts: number
  readonly orders: number
}

/** Above this the reference generator changes to another random source whose data depend on how it was split. */
export const MAX_SCALE = 357

/** Below 1 in steps of 1/1000 (cut), above 1 whole numbers (cut), as the reference does. */
export function scaleOf(scaleFactor: number): Scale {
  if (!(scaleFactor > 0 && scaleFactor <= MAX_SCALE)) {
    throw fail('INVALID_ARGUMENT', [`scale factor must be above 0 and at most ${MAX_SCALE}, got ${scaleFactor}`])
  }
  const factor = Math.max(1, Math.trunc(scaleFactor))
  const thousandths = Math.trunc(1000 * scaleFactor)
  const count = (base: number): number =>
    scaleFactor >= 1 ? base * factor : Math.max(1, Math.floor((base * thousandths) / 1000))
  return {
    factor,
    suppliers: count(10_000),
    customers: count(150_000),
    parts: count(200_000),
    orders: count(1_500_000),
  }
}

/** The units in which a table is split: orders for lineitem, parts for partsupp, else rows. */
export function unitCount(table: TableName, scale: Scale): number {
  switch (table) {
    case 'region':
      return 5
    case 'nation':
      return 25
    case 'supplier':
      return scale.suppliers
    case 'customer':
      return scale.customers
    case 'part':
    case 'partsupp':
      return scale.parts
    case 'orders':
    case 'lineitem':
      return scale.orders
  }
}
