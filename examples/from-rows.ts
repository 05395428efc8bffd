/** Rows of a program in, files and Arrow tables out. Run it with: node dist/examples/from-rows.js */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { col, fn, SessionContext } from '../src/index.js'

await using ctx = new SessionContext()
const directory = await mkdtemp(join(tmpdir(), 'ballista-example-'))

const orders = ctx.fromRows(
  [
    { id: 1, day: '2024-02-29', price: '19.99', customer: 'ann' },
    { id: 2, day: '2024-03-01', price: '5.00', customer: 'bob' },
    { id: 3, day: '2024-03-01', price: '7.50', customer: 'ann' },
  ],
  { id: 'BIGINT', day: 'DATE', price: 'DECIMAL(10, 2)', customer: 'VARCHAR' },
)

console.log(
  await orders.writeParquet(join(directory, 'orders.parquet'), { format: { compression: 'zstd' } }),
  'rows written',
)

await ctx.registerParquet('orders', join(directory, 'orders.parquet'))
const byCustomer = (await ctx.table('orders'))
  .groupBy('customer')
  .agg(fn.sum(col('price')).alias('spent'))
  .sort('customer')
console.log(await byCustomer.rows())

const table = await byCustomer.toArrow()
console.log(`${table.numRows} rows in an Arrow table of ${table.schema.fields.map(field => field.name).join(' and ')}`)

await rm(directory, { recursive: true })
