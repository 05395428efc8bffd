/** Any range of any table as columns. */
import type { GeneratedColumn } from './columns.js'
import type { UnitRange } from './draws.js'
import { lineitem, orders } from './orders.js'
import type { Scale, TableName } from './schema.js'
import { customer, nation, part, partsupp, region, supplier } from './small-tables.js'

/** Columns of the rows that belong to the units [first, last); `pool` is the whole text pool. */
export function generateTable(table: TableName, pool: Uint8Array, range: UnitRange, scale: Scale): GeneratedColumn[] {
  switch (table) {
    case 'region':
      return region(pool, range)
    case 'nation':
      return nation(pool, range)
    case 'supplier':
      return supplier(pool, range)
    case 'customer':
      return customer(pool, range)
    case 'part':
      return part(pool, range)
    case 'partsupp':
      return partsupp(pool, range, scale)
    case 'orders':
      return orders(pool, range, scale)
    case 'lineitem':
      return lineitem(pool, range, scale)
  }
}

export function rowCountOf(column: GeneratedColumn): number {
  switch (column.kind) {
    case 'text':
      return column.offsets.length - 1
    case 'word':
      return column.codes.length
    case 'int':
    case 'decimal':
    case 'date':
      return column.values.length
  }
}
