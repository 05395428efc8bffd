/** Writes of every kind of target over a disk in memory, and what may be seen of them. */
import { MemoryDisk, CrashingFs, type Faults } from './crashing-fs.js'
import type { FileTarget, StagedPart, WriteIntent, WriteMode } from '../../src/catalog/table-write.js'
import { systemClock } from '../../src/common/clock.js'
import { WriteCoordinator } from '../../src/commit/coordinator.js'
import { encodeActions } from '../../src/delta/actions.js'
import { deltaFormat } from '../../src/delta/delta-format.js'
import { schemaStringOf } from '../../src/delta/delta-schema.js'
import { directoryCommitter } from '../../src/commit/directory-committer.js'
import { fileCommitter } from '../../src/commit/file-committer.js'
import { FileIntents } from '../../src/commit/file-intents.js'
import { logCommitter } from '../../src/commit/log-committer.js'
import { tableFiles } from '../../src/commit/table-files.js'
import { committedFiles, stagingRoot } from '../../src/formats/write-manifest.js'
import { thisHost } from '../../src/storage/this-host.js'

export interface CrashCase {
  readonly name: string
  readonly target: FileTarget
  readonly mode: WriteMode
  /** Content before, by path below the target; a file's own path is ''. Absent: the target does not exist. */
  readonly before?: Readonly<Record<string, string>>
  /** The first entry of the target's log. */
  readonly log?: string
  readonly parts: readonly { readonly text: string; readonly partition?: readonly (string | null)[] }[]
}

const directory = (partitionBy?: readonly string[]): FileTarget => ({
  kind: 'directory',
  path: '/data/t/',
  format: 'csv',
  options: {},
  ...(partitionBy === undefined ? {} : { partitionBy }),
})
const file: FileTarget = { kind: 'file', path: '/data/f.csv', format: 'csv', options: {} }
const schema = { fields: [{ name: 'a', type: { kind: 'utf8' }, nullable: true }] } as const
const planned = { version: 0, tableId: 'x', schemaString: schemaStringOf(schema) }
const log: FileTarget = {
  kind: 'log',
  path: '/data/t/',
  tableFormat: 'delta',
  format: 'csv',
  options: {},
  schema,
  details: planned,
}
const metaData = { id: 'x', format: { provider: 'parquet', options: {} }, partitionColumns: [], configuration: {} }
const add = { partitionValues: {}, size: 3, modificationTime: 0, dataChange: true }
const entry = encodeActions([
  { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
  { metaData: { ...metaData, schemaString: planned.schemaString } },
  { add: { ...add, path: 'old.csv' } },
])
const withLog = { before: { 'old.csv': 'old' }, log: Buffer.from(entry).toString() }

const three = [{ text: 'new a' }, { text: 'new b' }, { text: 'new c' }]
const two = [
  { text: 'new a', partition: ['x', null] },
  { text: 'new b', partition: ['y/z', '1'] },
]

export const CRASH_CASES: readonly CrashCase[] = [
  {
    name: 'a file in place of another',
    target: file,
    mode: 'overwrite',
    before: { '': 'old' },
    parts: [{ text: 'new' }],
  },
  { name: 'a new file', target: file, mode: 'error', parts: [{ text: 'new' }] },
  { name: 'a new directory', target: directory(), mode: 'error', parts: three },
  { name: 'a new directory with partitions', target: directory(['a', 'b']), mode: 'append', parts: two },
  { name: 'an append to a directory', target: directory(), mode: 'append', before: { 'old.csv': 'old' }, parts: three },
  {
    name: 'an append to a directory with partitions',
    target: directory(['a', 'b']),
    mode: 'append',
    before: { 'a=x/b=1/old.csv': 'old' },
    parts: two,
  },
  {
    name: 'an overwritten directory',
    target: directory(),
    mode: 'overwrite',
    before: { 'old1.csv': 'old 1', 'sub/old2.csv': 'old 2' },
    parts: three,
  },
  { name: 'a new table with a log', target: { ...log, creates: true }, mode: 'error', parts: three },
  { name: 'an append to a table with a log', target: log, mode: 'append', ...withLog, parts: three },
  { name: 'an overwritten table with a log', target: log, mode: 'overwrite', ...withLog, parts: three },
]

const deltaLog = { name: 'delta', load: async () => deltaFormat }

export type Seen = 'old' | 'new' | `between: ${string}`

/** What tells a write from others of the same case. */
export interface WriteOptions {
  readonly key?: string
  readonly mode?: WriteMode
  /** Goes before the texts of its parts. */
  readonly label?: string
}

export interface Writer {
  readonly coordinator: WriteCoordinator
  readonly fs: CrashingFs
  /** Its process is no more. */
  end(): void
}

/** One disk, and processes that write to it. */
export class CrashWorld {
  readonly disk = new MemoryDisk()
  readonly #case: CrashCase
  #processes = 0
  readonly #running = new Set<string>()

  constructor(crashCase: CrashCase) {
    this.#case = crashCase
    this.disk.directory('/data', true)
    for (const [path, text] of Object.entries(crashCase.before ?? {})) this.disk.put(this.#at(path), Buffer.from(text))
    const entryPath = this.#at(`_delta_log/${'0'.repeat(20)}.json`)
    if (crashCase.log !== undefined) this.disk.put(entryPath, Buffer.from(crashCase.log))
  }

  /** That the write has. */
  get rows(): number {
    return this.#case.parts.length
  }

  /** A process that has just started; those before it have ended. */
  start(faults: Faults = {}): Writer {
    this.#running.clear()
    return this.startBeside(faults)
  }

  /** One more process; those before it run on. */
  startBeside(faults: Faults = {}): Writer {
    const self = String(++this.#processes)
    this.#running.add(self)
    const fs = new CrashingFs(this.disk, faults)
    const processes = { self, isRunning: (identity: string): boolean => this.#running.has(identity) }
    return {
      fs,
      end: () => void this.#running.delete(self),
      coordinator: new WriteCoordinator({
        intents: new FileIntents(fs, processes, systemClock, 'test-host'),
        committers: [
          fileCommitter(fs, 'test-host'),
          directoryCommitter(fs, 'test-host'),
          logCommitter(fs, thisHost(), [deltaLog]),
        ],
        running: new Map(),
      }),
    }
  }

  intent(writeId: string, { key = 'the key', mode = this.#case.mode }: WriteOptions = {}): WriteIntent {
    return { writeId, target: this.#case.target, mode, idempotencyKey: key }
  }

  /** The write with its key, from its intent to its end; tasks stage on a disk that does not fail. */
  async write(coordinator: WriteCoordinator, writeId: string, options: WriteOptions = {}): Promise<number> {
    const { label = '' } = options
    const intent = this.intent(writeId, options)
    const known = await coordinator.begin(intent)
    if (known !== undefined) return known.rows
    const staged = coordinator.committerOf(intent.target).stage(intent)
    const parts = this.#case.parts.map(({ partition = [], text }, i): StagedPart => {
      const name = `${i}-${writeId}.${staged.extension}`
      this.disk.put(`${staged.directory}/${name}`, Buffer.from(label + text))
      return { file: name, rows: 1, bytes: (label + text).length, crc32: 0, partition, columns: {} }
    })
    // Of a task that lost: it must not come along.
    this.disk.put(`${staged.directory}/loser.csv`, Buffer.from('loser'))
    return (await coordinator.commit(intent, parts)).rows
  }

  /** What a reader of ours sees now. */
  async read(): Promise<Seen> {
    const { before, parts, target } = this.#case
    const texts = [...(await this.visible())].sort()
    const old = Object.values(before ?? {}).sort()
    const added = parts.map(({ text }) => text)
    const fresh = (this.#case.mode === 'append' ? [...old, ...added] : added).sort()
    if (texts.join() === fresh.join()) return 'new'
    if (texts.join() === old.join()) return 'old'
    return `between: ${target.path} holds ${texts.join()}`
  }

  /** What writes have left in the staging directory beside outcomes of keys. */
  staged(): string[] {
    const root = stagingRoot(this.#case.target.path)
    return (this.disk.names(root) ?? []).filter(name => name !== 'keys')
  }

  /** Texts of the files that a reader of ours sees; `before` comes before each of its operations. */
  async visible(before: () => Promise<void> = async () => undefined): Promise<readonly string[]> {
    const { path, kind } = this.#case.target
    const fs = new CrashingFs(this.disk, { before })
    if (kind === 'file') return [this.disk.text(path)].filter(text => text !== undefined)
    if (kind === 'log') return this.#logged(path.slice(0, -1), fs)
    // Files do not change, and may be gone when they are to be opened.
    const texts = new Map<string, string>()
    const list = async (): Promise<string[]> => {
      await before()
      const files = this.disk.files(path.slice(0, -1))
      for (const [name, text] of files) texts.set(path + name, text)
      return [...files.keys()].map(name => path + name).sort()
    }
    return (await committedFiles({ path, host: thisHost() }, list, fs)).map(each => texts.get(each) ?? '')
  }

  async #logged(path: string, fs: CrashingFs): Promise<string[]> {
    const files = tableFiles(fs)
    if ((await files.list(`${path}/_delta_log`)).every(name => !name.endsWith('.json'))) return []
    const table = await deltaFormat.open({ path, options: {}, files })
    return table.files.map(each => this.disk.text(each.path) ?? '')
  }

  #at(path: string): string {
    const { target } = this.#case
    return target.kind === 'file' ? target.path : target.path + path
  }
}
