/** Writes of each kind of target that the simulator commits to, and what readers see of them. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { field, type Schema } from '../../../src/arrow/schema.js'
import { INT64 } from '../../../src/arrow/types.js'
import { memoryTable } from '../../../src/cluster/simulator/workload.js'
import { listFiles } from '../../../src/formats/list-files.js'
import { thisHost } from '../../../src/storage/this-host.js'

export interface WriteKind {
  readonly name: string
  /** Of the target, below the directory of the case. */
  readonly path: string
  /** With `$PATH`. */
  readonly sql: string
  /** Files before, by path, and their lines. */
  readonly before: Readonly<Record<string, readonly number[]>>
  readonly isAppend?: boolean
  readonly partitionedBy?: readonly string[]
}

const ROWS = 60
const numbers = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i)
const NEW = numbers(0, ROWS)
const OLD = { 't/a.csv': numbers(100, 5), 't/sub/b.csv': numbers(200, 5) }
const OLD_PARTITIONS = { 't/g=0/a.csv': numbers(100, 5), 't/g=1/b.csv': numbers(200, 5) }

const rows = 'SELECT k FROM source'
const grouped = 'SELECT k, k % 3 AS g FROM source'
const SOURCE = memoryTable(
  'source',
  { fields: [field('k', INT64, false)] },
  NEW.map(k => [BigInt(k)]),
)

export const WRITE_KINDS: readonly WriteKind[] = [
  { name: 'COPY to a new file', path: 't.csv', sql: `COPY (${rows}) TO '$PATH'`, before: {} },
  {
    name: 'COPY in place of a file',
    path: 't.csv',
    sql: `COPY (${rows}) TO '$PATH'`,
    before: { 't.csv': numbers(100, 5) },
  },
  { name: 'COPY to a new directory', path: 't/', sql: `COPY (${rows}) TO '$PATH' STORED AS CSV`, before: {} },
  { name: 'INSERT', path: 't/', sql: `INSERT INTO t ${rows}`, before: OLD, isAppend: true },
  {
    name: 'INSERT into partitions',
    path: 't/',
    sql: `INSERT INTO t ${grouped}`,
    before: OLD_PARTITIONS,
    isAppend: true,
    partitionedBy: ['g'],
  },
  { name: 'INSERT OVERWRITE', path: 't/', sql: `INSERT OVERWRITE t ${rows}`, before: OLD },
]

export type Seen = 'old' | 'new' | `between: ${string}`

/** A write of one kind, in a directory of its own. */
export class WriteCase {
  readonly rows = ROWS
  readonly #kind: WriteKind
  readonly #home: string
  readonly #path: string

  constructor(kind: WriteKind, home: string) {
    this.#kind = kind
    this.#home = home
    this.#path = join(home, kind.path)
    for (const [path, lines] of Object.entries(kind.before)) {
      mkdirSync(dirname(join(home, path)), { recursive: true })
      writeFileSync(join(home, path), ['k', ...lines, ''].join('\n'))
    }
  }

  /** What a client sends. */
  request(settings: Readonly<Record<string, string>>): object {
    const { partitionedBy = [], sql } = this.#kind
    const columns = ['k', ...partitionedBy].map(name => field(name, INT64, true))
    const table = {
      kind: 'listing',
      name: 't',
      path: this.#path,
      format: 'csv',
      options: { has_header: 'true' },
      schema: { fields: columns } satisfies Schema,
      partitionedBy: columns.slice(1).map(({ name, type }) => ({ name, type })),
    }
    return {
      sql: sql.replace('$PATH', this.#path),
      settings,
      registrations: [SOURCE, ...(sql.startsWith('INSERT') ? [table] : [])],
      baseDirectory: this.#home,
    }
  }

  /** By a reader of ours, now. */
  async read(): Promise<Seen> {
    const { before, isAppend = false } = this.#kind
    const seen = await this.#lines()
    const old = Object.entries(before).flatMap(([path, lines]) => lines.map(line => this.#labelled(path, line)))
    const added = NEW.map(k => (this.#kind.partitionedBy === undefined ? `${k}` : `g=${k % 3} ${k}`))
    const wanted = isAppend ? [...old, ...added] : added
    if (isSame(seen, wanted)) return 'new'
    return isSame(seen, old) ? 'old' : `between: ${seen.length} rows: ${seen.join()}`
  }

  async #lines(): Promise<string[]> {
    const listing = await listFiles(this.#path, thisHost()).catch((error: { code?: string }) => {
      if (error.code === 'FILE_NOT_READABLE' && Object.keys(this.#kind.before).length === 0) return { files: [] }
      throw error
    })
    const texts = await Promise.all(
      listing.files.map(async path => {
        const [, ...lines] = (await readFile(path, 'utf8')).trimEnd().split('\n')
        return lines.map(line => this.#labelled(relative(this.#home, path), Number(line)))
      }),
    )
    return texts.flat()
  }

  /** A line with its partition. */
  #labelled(path: string, line: number): string {
    return this.#kind.partitionedBy === undefined ? `${line}` : `${path.split('/').at(-2)} ${line}`
  }
}

const isSame = (left: readonly string[], right: readonly string[]): boolean =>
  [...left].sort().join() === [...right].sort().join()
