/** Tables over files, as statements see them one after the other. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import type { TableProvider } from '../../src/catalog/table-provider.js'
import { openListingTable } from '../../src/formats/listing-table.js'
import { thisHost } from '../../src/storage/this-host.js'

test('a statement reads the same files in all its scans, the next one those that there are then', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'ballista-listing-'))
  const write = (name: string): Promise<void> => writeFile(join(directory, name), 'a\n1\n')
  const filesOf = async (table: TableProvider): Promise<readonly string[]> => {
    const { source } = await table.scan({ projection: [0], filters: [], targetPartitions: 1 })
    if (source.kind !== 'files') throw new Error(`scans ${source.kind}`)
    return source.partitions.flat().map(({ path }) => path.slice(directory.length + 1))
  }
  try {
    await write('one.csv')
    const first = await openListingTable({ path: `${directory}/`, host: thisHost() })
    await write('two.csv')
    t.deepEqual(await filesOf(first), ['one.csv'])
    const second = first.forStatement()
    t.deepEqual(await filesOf(second), ['one.csv', 'two.csv'])
    await write('three.csv')
    t.deepEqual(await filesOf(second), ['one.csv', 'two.csv'])
    t.deepEqual(await filesOf(second.forStatement()), ['one.csv', 'three.csv', 'two.csv'])
  } finally {
    await rm(directory, { recursive: true })
  }
})
