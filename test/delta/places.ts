/** Where the Delta tables of tests lie: on this machine, and on a server that speaks S3. */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test from 'ava'
import type { TableFiles, TablePlace } from '../../src/catalog/table-format.js'
import { nodeCommitFs } from '../../src/commit/file-system.js'
import { tableFilesAt } from '../../src/commit/table-files.js'
import { SessionContext } from '../../src/index.js'
import { thisHost } from '../../src/storage/this-host.js'
import { startFakeS3, type FakeS3 } from '../helpers/fake-s3.js'
import { validateLog, type ValidLog } from './validate-log.js'

export type Rows = readonly Readonly<Record<string, unknown>>[]

export interface Place {
  readonly name: 'on disk' | 'in S3'
  /** Of sessions that read and write there. */
  settings(): Readonly<Record<string, string>>
  /** Of a table. */
  pathOf(name: string): string
  files(): TableFiles
  /** The table of this name as a directory of this machine. */
  directoryOf(name: string): Promise<string>
  /** Makes a table of a directory of this machine. */
  fill(name: string, from: string): Promise<void>
  write(name: string, file: string, bytes: Uint8Array): Promise<void>
  remove(name: string): Promise<void>
  /** What writes have left beside outcomes, which stay with their keys for a day. */
  staged(): Promise<readonly string[]>
}

export interface Places {
  readonly onDisk: Place
  readonly inS3: Place
  readonly all: readonly Place[]
  /** On this machine, while tests run. */
  directory(): string
  s3(): FakeS3
}

/** For the tests of a file, which may call the functions of what this gives. */
export function startPlaces(): Places {
  let directory = ''
  let s3: FakeS3
  test.serial.before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ballista-delta-'))
    s3 = await startFakeS3()
  })
  test.after.always(async () => {
    await rm(directory, { recursive: true, force: true })
    await s3.close()
  })
  const own = { directory: () => directory, s3: () => s3 }
  const [disk, objects] = [onDisk(own.directory), inS3(own.s3, own.directory)]
  return { ...own, onDisk: disk, inS3: objects, all: [disk, objects] }
}

export const sessionOf = (place: Place, settings: Readonly<Record<string, string>> = {}): SessionContext =>
  new SessionContext({ settings: { ...place.settings(), ...settings } })

export const rowsOf = async (ctx: SessionContext, sql: string): Promise<Rows> =>
  (await (await ctx.sql(sql)).rows()) as Rows

export const valid = async (place: Place, name: string): Promise<ValidLog> => validateLog(await place.directoryOf(name))

export const tableAt = (place: Place, name: string): TablePlace => ({
  path: place.pathOf(name),
  options: {},
  files: place.files(),
})

/** Of one row: a = 1. */
export async function newTable(place: Place, name: string): Promise<TablePlace> {
  await using ctx = sessionOf(place)
  await rowsOf(ctx, `CREATE TABLE t STORED AS DELTA LOCATION '${place.pathOf(name)}' AS SELECT 1 AS a`)
  return tableAt(place, name)
}

function onDisk(directory: () => string): Place {
  const pathOf = (name: string): string => join(directory(), name)
  return {
    name: 'on disk',
    settings: () => ({}),
    pathOf,
    files: () => tableFilesAt(directory(), nodeCommitFs('test-host'), thisHost()),
    directoryOf: async name => pathOf(name),
    fill: (name, from) => cp(from, pathOf(name), { recursive: true }),
    write: (name, file, bytes) => writeFile(join(pathOf(name), file), bytes),
    remove: name => rm(pathOf(name), { recursive: true }),
    staged: async () => (await readdir(directory(), { recursive: true })).filter(name => isStaged(name)),
  }
}

/** In the bucket `lake`; copies come below `directory()`. */
function inS3(s3: () => FakeS3, directory: () => string): Place {
  const objectsOf = (name: string): [string, Buffer][] =>
    [...s3().objects].filter(([key]) => key.startsWith(`lake/${name}/`))
  return {
    name: 'in S3',
    settings: () => s3().settings(),
    pathOf: name => `s3://lake/${name}`,
    files: () => tableFilesAt('s3://lake', nodeCommitFs('test-host'), thisHost(s3().settings())),
    async directoryOf(name) {
      const copy = join(directory(), 'of S3', name)
      await rm(copy, { recursive: true, force: true })
      for (const [key, bytes] of objectsOf(name)) {
        const path = join(copy, key.slice(`lake/${name}/`.length))
        await mkdir(dirname(path), { recursive: true })
        await writeFile(path, bytes)
      }
      return copy
    },
    async fill(name, from) {
      for (const file of await readdir(from, { recursive: true, withFileTypes: true })) {
        if (!file.isFile()) continue
        const path = join(file.parentPath, file.name)
        s3().objects.set(`lake/${name}/${path.slice(from.length + 1)}`, await readFile(path))
      }
    },
    async write(name, file, bytes) {
      s3().objects.set(`lake/${name}/${file}`, Buffer.from(bytes))
    },
    async remove(name) {
      for (const [key] of objectsOf(name)) s3().objects.delete(key)
    },
    staged: async () => [
      ...[...s3().objects.keys()].filter(key => isStaged(key)),
      ...[...s3().uploads.values()].map(({ path }) => `upload of ${path}`),
    ],
  }
}

const isStaged = (name: string): boolean => /\.staging\/(?!keys)/.test(name)
