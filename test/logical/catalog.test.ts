/** Catalog names and memory tables. */
import test from 'ava'
import { Catalog } from '../../src/catalog/catalog.js'
import { MemoryTable } from '../../src/catalog/memory-table.js'
import { BallistaError } from '../../src/common/errors.js'
import { schemaFrom } from '../helpers/catalog.js'

const table = (name = 't'): MemoryTable => new MemoryTable(name, schemaFrom('a:bigint'))
const messageOf = (action: () => unknown): string => {
  try {
    action()
  } catch (error) {
    if (error instanceof BallistaError) return `${error.code} ${error.message}`
    throw error
  }
  return 'no error'
}

test('a table is found under its bare and qualified names', t => {
  const catalog = new Catalog()
  const entry = table()
  catalog.register(['t'], entry)
  for (const name of [['t'], ['public', 't'], ['datafusion', 'public', 't']]) t.is(catalog.lookup(name), entry)
  t.is(catalog.get(['other', 't']), undefined)
  t.is(
    messageOf(() => catalog.lookup(['x', 'public', 't'])),
    "TABLE_NOT_FOUND table 'x.public.t' not found; what a session holds is in the schema datafusion.public",
  )
  t.is(
    messageOf(() => catalog.lookup(['tt'])),
    "TABLE_NOT_FOUND table 'tt' not found, did you mean 't'?",
  )
})

test('a name is taken until it is replaced or removed', t => {
  const catalog = new Catalog()
  catalog.register(['t'], table())
  t.is(
    messageOf(() => catalog.register(['public', 't'], table())),
    "DUPLICATE_NAME table 't' already exists; choose another name or drop it first",
  )
  const view = { kind: 'view', sql: 'SELECT 1', columns: [] } as const
  catalog.register(['t'], view, { orReplace: true })
  t.is(catalog.lookup(['t']), view)
  t.is(
    messageOf(() => catalog.register(['t'], table())),
    "DUPLICATE_NAME view 't' already exists; choose another name or drop it first",
  )
  catalog.register(['a'], table())
  t.deepEqual(
    catalog.list().map(({ name }) => name),
    ['a', 't'],
  )
  t.true(catalog.deregister(['t']))
  t.false(catalog.deregister(['t']))
})

test('a memory table splits its batches evenly and in order', t => {
  const memory = table()
  const batch = (rowCount: number): { bytes: Uint8Array; rowCount: number } => ({
    bytes: Uint8Array.of(rowCount),
    rowCount,
  })
  const request = { projection: [0], filters: [], targetPartitions: 3, minPartitionBytes: 1 }
  const partitions = (): number[][] => {
    const { source } = memory.scan(request)
    return source.kind === 'memory' ? source.partitions.map(list => list.map(bytes => bytes[0])) : []
  }
  t.deepEqual(partitions(), [[]])
  memory.append([batch(10), batch(0), batch(10)])
  t.deepEqual(partitions(), [[10], [10]])
  memory.append([batch(20), batch(20)])
  t.deepEqual(partitions(), [[10, 10], [20], [20]])
  t.is(memory.statistics().rowCount, 60)
})
