/** Tasks of one stage in one process share the row groups of a scan; what each may touch. */
import test from 'ava'
import type { FileSplit, ScanSource } from '../../src/catalog/table-provider.js'
import { claimsOf, shareScans } from '../../src/exchange/shared-scans.js'
import type { ExchangeSinkExec, TaskSpec } from '../../src/exchange/stage.js'
import type { DataSourceExec } from '../../src/physical/operators/data-source.js'

const NO_COLUMNS = { fields: [] }
const split = (...rowGroups: number[]): FileSplit => ({ path: '/t', rowGroups, byteLength: 10 * rowGroups.length })

const files = (...partitions: (readonly FileSplit[])[]): ScanSource => ({
  kind: 'files',
  format: 'parquet',
  options: {},
  fileSchema: NO_COLUMNS,
  partitions,
  pruning: [],
})

const scan = (source: ScanSource): DataSourceExec => ({
  kind: 'DataSourceExec',
  source,
  projection: [],
  schema: NO_COLUMNS,
  children: [],
})

function tasks(
  sources: readonly ScanSource[],
  partitions: readonly number[],
  more: Partial<ExchangeSinkExec> = {},
): TaskSpec[] {
  const union = { kind: 'UnionExec', schema: NO_COLUMNS, children: sources.map(scan) }
  const plan: ExchangeSinkExec = {
    kind: 'ExchangeSinkExec',
    outputs: [],
    schema: NO_COLUMNS,
    children: [union],
    ...more,
  }
  return partitions.map(partition => ({
    jobId: 'j',
    stage: 1,
    partition,
    partitionCount: 3,
    plan,
    settings: {},
    inputs: [],
  }))
}

const shared = files([split(0, 1, 2)], [split(3), split(4, 5)], [split(6)])

function taken(spec: TaskSpec, source: ScanSource): string[] {
  const claims = claimsOf(spec).get(source)
  const all: string[] = []
  for (let claim = claims?.take(spec.partition); claim !== undefined; claim = claims?.take(spec.partition))
    all.push(`${claim.partition}/${claim.piece}`)
  return all
}

test('a task takes the row groups of the other tasks here, and not those of other processes', t => {
  const [first, second] = shareScans(tasks([shared], [0, 2]))
  t.deepEqual(taken(first, shared), ['0/0', '0/1', '0/2', '2/0'])
  t.deepEqual(taken(second, shared), [])
})

test('each scan of a plan has counters of its own', t => {
  const other = files([split(0)], [split(1)], [split(2)])
  const [first, second] = shareScans(tasks([shared, other], [0, 1]))
  t.is(taken(first, shared).length, 6)
  t.deepEqual(taken(second, other), ['1/0', '0/0'])
})

test('what tasks do not read a partition each of, what is on demand, and a task alone share nothing', t => {
  const replicated = files([split(0, 1)])
  t.is(claimsOf(shareScans(tasks([replicated], [0, 1]))[0]).size, 0)
  t.is(claimsOf(shareScans(tasks([shared], [0, 1], { onDemand: true }))[0]).size, 0)
  t.is(claimsOf(shareScans(tasks([shared], [1]))[0]).size, 0)
})
