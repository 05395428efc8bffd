/** Checks the log of a Delta table against the rules of its protocol (PROTOCOL.md), by code that shares nothing with what writes it. */
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'

type Json = Readonly<Record<string, unknown>>

export interface ValidLog {
  readonly versions: number
  /** Absolute paths of the files of the newest version. */
  readonly live: readonly string[]
  readonly checkpoints: readonly number[]
  /** Files beside the log that no version names, relative to the table. */
  readonly unnamed: readonly string[]
}

const ACTIONS = ['add', 'remove', 'metaData', 'protocol', 'txn', 'commitInfo']
const PRIMITIVE =
  /^(?:string|long|integer|short|byte|float|double|boolean|binary|date|timestamp|timestamp_ntz|decimal\(\d+,\d+\))$/

/** Throws what says which rule is broken where. Only for tables whose log begins with version 0. */
export async function validateLog(table: string): Promise<ValidLog> {
  const log = join(table, '_delta_log')
  const names = readdirSync(log).sort()
  const commits = names.filter(name => /^\d{20}\.json$/.test(name))
  commits.forEach((name, version) => check(Number(name.slice(0, 20)) === version, `version ${version} is missing`))
  const state = new State(table)
  const states: string[] = []
  for (const name of commits) {
    const text = readFileSync(join(log, name), 'utf8')
    state.apply(name, text.trimEnd().split('\n').map(line => JSON.parse(line) as Json)) // oxfmt-ignore
    states.push(state.text())
  }
  const duckdb = await (await DuckDBInstance.create(':memory:')).connect()
  for (const add of state.live.values()) await checkStatistics(add)
  const checkpoints = names.flatMap(name =>
    /^(\d{20})\.checkpoint\.parquet$/.test(name) ? [Number(name.slice(0, 20))] : [],
  )
  for (const version of checkpoints) await checkCheckpoint(version)
  if (names.includes('_last_checkpoint')) {
    const last = JSON.parse(readFileSync(join(log, '_last_checkpoint'), 'utf8')) as Json
    check(checkpoints.includes(last['version'] as number), '_last_checkpoint names a version without a checkpoint')
    check(Number.isInteger(last['size']), '_last_checkpoint has no size')
  }
  duckdb.closeSync()
  const unnamed = readdirSync(table, { recursive: true, encoding: 'utf8' }).filter(
    name =>
      !name.startsWith('_delta_log') && statSync(join(table, name)).isFile() && !state.hasNamed(join(table, name)),
  )
  const live = [...state.live.keys()].map(path => state.fileOf(path))
  return { versions: commits.length, live, checkpoints, unnamed }

  async function rowsOf(sql: string): Promise<readonly Json[]> {
    return (await duckdb.runAndReadAll(sql)).getRowObjectsJson() as Json[]
  }

  /** Rows are counted, bounds hold, NULLs are counted. */
  async function checkStatistics(add: Json): Promise<void> {
    const path = state.fileOf(add['path'] as string)
    const stats = JSON.parse((add['stats'] as string).replace(/:(-?\d{16,}(?:\.\d+)?)/g, ':"$1"')) as Readonly<
      Record<string, Json>
    >
    const from = `read_parquet('${path}', hive_partitioning = false)`
    const [{ n }] = await rowsOf(`SELECT count(*) AS n FROM ${from}`)
    check(Number(n) === (stats['numRecords'] as unknown), `${path} has ${String(n)} rows, its statistics say otherwise`)
    for (const [bounds, op] of [
      ['minValues', '<'],
      ['maxValues', '>'],
    ] as const) {
      // oxfmt-ignore
      for (const [name, bound] of Object.entries(stats[bounds] ?? {})) {
        const field = state.fields.find(each => each['name'] === name)
        check(field !== undefined && !state.partitionColumns.includes(name), `${bounds} of ${name}, which is no data column`)
        // Timestamps are cut to milliseconds, towards the past.
        const value = String(field?.['type']).startsWith('timestamp') ? `date_trunc('ms', "${name}")` : `"${name}"`
        const [{ outside }] = await rowsOf(`SELECT count(*) AS outside FROM ${from} WHERE ${value} ${op} '${String(bound).replaceAll("'", "''")}'`)
        check(Number(outside) === 0, `${bounds} of ${name} in ${path} is no bound`)
      }
    }
    for (const [name, count] of Object.entries(stats['nullCount'] ?? {})) {
      const [{ nulls }] = await rowsOf(`SELECT count(*) AS nulls FROM ${from} WHERE "${name}" IS NULL`)
      check(
        Number(nulls) === count,
        `nullCount of ${name} in ${path} is ${String(count)}, but ${String(nulls)} are NULL`,
      )
    }
  }

  /** A checkpoint holds what its version is. */
  async function checkCheckpoint(version: number): Promise<void> {
    const file = join(log, `${String(version).padStart(20, '0')}.checkpoint.parquet`)
    const actions = await rowsOf(`SELECT * FROM '${file}'`)
    for (const row of actions) {
      const set = Object.entries(row).filter(([, value]) => value !== null)
      check(set.length === 1, `a row of checkpoint ${version} has ${set.length} actions`)
    }
    const of = (kind: string): readonly Json[] =>
      actions.flatMap(row => (row[kind] === null || row[kind] === undefined ? [] : [row[kind] as Json]))
    check(
      of('protocol').length === 1 && of('metaData').length === 1,
      `checkpoint ${version} needs one protocol and one metaData`,
    )
    const adds = of('add').map(({ path }) => path as string)
    const removes = of('remove').map(({ path }) => path as string)
    check(!removes.some(path => adds.includes(path)), `checkpoint ${version} adds and removes one file`)
    const txns = of('txn').map(({ appId }) => appId as string)
    const summary = JSON.stringify([[...adds].sort(), [...txns].sort()])
    check(summary === states[version], `checkpoint ${version} is not what the commits before it make`)
  }
}

/** The log, replayed. */
class State {
  readonly live = new Map<string, Json>()
  readonly #transactions = new Set<string>()
  readonly #seen = new Set<string>()
  readonly #table: string
  fields: readonly Json[] = []
  partitionColumns: readonly string[] = []
  #hasProtocol = false

  constructor(table: string) {
    this.#table = table
  }

  fileOf(path: string): string {
    return join(this.#table, decodeURIComponent(path))
  }

  /** Whether the file is, or was, one of the table. */
  hasNamed(file: string): boolean {
    return [...this.#seen].some(path => this.fileOf(path) === file)
  }

  /** The files and transactions there are now. */
  text(): string {
    return JSON.stringify([[...this.live.keys()].sort(), [...this.#transactions].sort()])
  }

  apply(name: string, lines: readonly Json[]): void {
    const count = (kind: string): number => lines.filter(line => kind in line).length
    check(count('protocol') <= 1 && count('metaData') <= 1, `${name} has two of a kind that may come once`)
    const touched = new Set<string>()
    for (const line of lines) {
      const [kind, ...more] = Object.keys(line)
      check(more.length === 0 && ACTIONS.includes(kind), `${name} has a line of ${Object.keys(line).join(', ')}`)
      const action = line[kind] as Json
      if (kind === 'protocol') this.#protocol(name, action)
      if (kind === 'metaData') this.#metaData(name, action)
      if (kind === 'add' || kind === 'remove') {
        check(!touched.has(action['path'] as string), `${name} touches ${String(action['path'])} twice`)
        touched.add(action['path'] as string)
      }
      if (kind === 'remove') this.#remove(name, action)
      if (kind === 'txn') {
        check(
          typeof action['appId'] === 'string' && Number.isInteger(action['version']),
          `${name}: a txn without appId or version`,
        )
        check(!this.#transactions.has(action['appId'] as string), `${name}: a transaction is there twice`)
        this.#transactions.add(action['appId'] as string)
      }
    }
    check(this.#hasProtocol && this.fields.length > 0, `${name}: the first version needs protocol and metaData`)
    for (const line of lines) if ('add' in line) this.#add(name, line['add'] as Json)
  }

  #protocol(name: string, { minReaderVersion, minWriterVersion, readerFeatures, writerFeatures }: Json): void {
    check(
      Number.isInteger(minReaderVersion) && Number.isInteger(minWriterVersion),
      `${name}: a protocol without versions`,
    )
    check((minReaderVersion === 3) === Array.isArray(readerFeatures), `${name}: readerFeatures belong to version 3`)
    check((minWriterVersion === 7) === Array.isArray(writerFeatures), `${name}: writerFeatures belong to version 7`)
    check(minReaderVersion !== 3 || minWriterVersion === 7, `${name}: readers of version 3 need writers of version 7`)
    this.#hasProtocol = true
    this.#features = (readerFeatures ?? []) as readonly string[]
  }

  #features: readonly string[] = []

  #metaData(name: string, { configuration, format, id, partitionColumns, schemaString }: Json): void {
    check(typeof id === 'string' && typeof configuration === 'object', `${name}: metaData without id or configuration`)
    check((format as Json)['provider'] === 'parquet', `${name}: the format is not parquet`)
    const { fields, type } = JSON.parse(schemaString as string) as {
      readonly type: string
      readonly fields: readonly Json[]
    }
    check(type === 'struct', `${name}: the schema is no struct`)
    for (const field of fields) {
      check(PRIMITIVE.test(String(field['type'])), `${name}: the type ${String(field['type'])}`)
      check(
        typeof field['nullable'] === 'boolean' && typeof field['metadata'] === 'object',
        `${name}: a field without nullable or metadata`,
      )
      check(
        field['type'] !== 'timestamp_ntz' || this.#features.includes('timestampNtz'),
        `${name}: timestamp_ntz without its feature`,
      )
    }
    const names = fields.map(field => String(field['name']).toLowerCase())
    check(new Set(names).size === names.length, `${name}: two columns of one name`)
    this.fields = fields
    this.partitionColumns = partitionColumns as readonly string[]
    check(
      this.partitionColumns.every(column => fields.some(field => field['name'] === column)),
      `${name}: unknown partition columns`,
    )
  }

  #add(name: string, add: Json): void {
    const path = add['path'] as string
    check(path !== '' && !path.startsWith('/') && !path.startsWith('_'), `${name}: the path ${path}`)
    check(!this.#seen.has(path), `${name}: ${path} was there before; data files are never written again`)
    const found = statSync(this.fileOf(path))
    check(found.size === add['size'], `${name}: ${path} has ${found.size} bytes, not ${String(add['size'])}`)
    check(
      Number.isInteger(add['modificationTime']) && typeof add['dataChange'] === 'boolean',
      `${name}: an add that lacks a field`,
    )
    const values = add['partitionValues'] as Json
    check(
      JSON.stringify(Object.keys(values).sort()) === JSON.stringify([...this.partitionColumns].sort()),
      `${name}: partition values of other columns`,
    )
    for (const [column, value] of Object.entries(values)) {
      const type = String(this.fields.find(field => field['name'] === column)?.['type'])
      const form = {
        date: /^\d{4}-\d\d-\d\d$/,
        timestamp_ntz: /^[\d-]{10} [\d:.]+$/,
        timestamp: /^[\d-]{10}T[\d:.]+Z$/,
        long: /^-?\d+$/,
      }[type]
      check(
        value === null || (typeof value === 'string' && (form?.test(value) ?? true)),
        `${name}: ${String(value)} is no ${type}`,
      )
    }
    this.#seen.add(path)
    this.live.set(path, add)
  }

  #remove(name: string, remove: Json): void {
    const path = remove['path'] as string
    check(this.live.delete(path), `${name} removes ${path}, which is not there`)
    check(
      Number.isInteger(remove['deletionTimestamp']) && typeof remove['dataChange'] === 'boolean',
      `${name}: a remove that lacks a field`,
    )
    const isExtended = remove['extendedFileMetadata'] === true
    check(
      !isExtended || (typeof remove['partitionValues'] === 'object' && Number.isInteger(remove['size'])),
      `${name}: a remove without its extended fields`,
    )
  }
}

function check(holds: boolean, rule: string): asserts holds {
  if (!holds) throw new Error(rule)
}
