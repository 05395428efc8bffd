/** The log of a Delta table: its versions, and the snapshot at one of them. */
import type { TableFiles } from '../index.js'
import { fail } from '../index.js'
import { parseActions, type Action } from './actions.js'
import { readCheckpoint } from './checkpoint.js'
import { replay, type Snapshot } from './snapshot.js'

export interface Log {
  /** Directory of the table, without a slash at the end. */
  readonly path: string
  readonly files: TableFiles
}

export const logDirectory = (path: string): string => `${path}/_delta_log`

/** `00000000000000000007.json` */
export const commitFile = (path: string, version: number): string => `${logDirectory(path)}/${padded(version)}.json`

export const checkpointFile = (path: string, version: number): string =>
  `${logDirectory(path)}/${padded(version)}.checkpoint.parquet`

const padded = (version: number, digits = 20): string => String(version).padStart(digits, '0')

/** The actions of a commit; undefined if there is none yet. */
export async function readCommit({ path, files }: Log, version: number): Promise<Action[] | undefined> {
  const bytes = await files.read(commitFile(path, version))
  return bytes === undefined ? undefined : parseActions(bytes, `_delta_log/${padded(version)}.json`)
}

/** What the names in the directory of the log say. */
interface Listing {
  /** Ascending. */
  readonly commits: readonly number[]
  /** Complete ones, ascending by version, each with the paths of its parts. */
  readonly checkpoints: readonly { readonly version: number; readonly parts: readonly string[] }[]
}

async function listLog({ path, files }: Log): Promise<Listing> {
  const names = await files.list(logDirectory(path))
  const commits: number[] = []
  const parts = new Map<string, { version: number; count: number; names: string[] }>()
  for (const name of names) {
    const [, commit] = /^(\d{20})\.json$/.exec(name) ?? []
    if (commit !== undefined) commits.push(Number(commit))
    const [, version, kind = '', , count = '1'] =
      /^(\d{20})\.checkpoint(?:\.((\d{10})\.(\d{10})|[0-9a-f-]{36}))?\.(?:parquet|json)$/.exec(name) ?? []
    if (version === undefined) continue
    // One file by itself, or all parts of as many.
    const key = `${version} ${count === '1' ? kind : count}`
    const group = parts.get(key) ?? { version: Number(version), count: Number(count), names: [] }
    group.names.push(`${logDirectory(path)}/${name}`)
    parts.set(key, group)
  }
  const complete = [...parts.values()].filter(group => group.names.length === group.count)
  const checkpoints = complete.map(group => ({ version: group.version, parts: group.names }))
  return { commits, checkpoints: checkpoints.sort((left, right) => left.version - right.version) }
}

/** The newest version, from what is known of an older one, if that is still part of the log. */
export async function latestSnapshot(log: Log, known?: Snapshot): Promise<Snapshot> {
  let snapshot = known ?? (await loadSnapshot(log))
  for (;;) {
    const actions = await readCommit(log, snapshot.version + 1)
    if (actions === undefined) return snapshot
    snapshot = replay(snapshot, actions, snapshot.version + 1)
  }
}

/** The table at `version`; without, the newest. Throws TABLE_NOT_FOUND, and INVALID_OPTION for a version that is not there. */
export async function loadSnapshot(log: Log, version?: number): Promise<Snapshot> {
  const { checkpoints, commits } = await listLog(log)
  const last = commits.at(-1) ?? checkpoints.at(-1)?.version
  if (last === undefined) throw fail('TABLE_NOT_FOUND', [log.path, ': there is no Delta log'])
  const wanted = version ?? last
  if (wanted > last) throw fail('INVALID_OPTION', ['version', `the newest version of ${log.path} is ${last}`])
  const checkpoint = checkpoints.findLast(each => each.version <= wanted)
  let base: Snapshot | undefined
  if (checkpoint !== undefined) {
    const actions = await Promise.all(checkpoint.parts.map(part => readCheckpoint(log, part)))
    base = replay(undefined, actions.flat(), checkpoint.version)
  }
  const first = (base?.version ?? -1) + 1
  const missing = first > wanted ? undefined : range(first, wanted).find(each => !commits.includes(each))
  if (missing !== undefined && missing === first && base === undefined && version !== undefined)
    throw fail('INVALID_OPTION', ['version', `version ${version} of ${log.path} is not kept in its log any more`])
  if (missing !== undefined) throw new Error(`its log lacks version ${missing}`)
  let snapshot = base
  for (const each of range(first, wanted)) {
    const actions = await readCommit(log, each)
    if (actions === undefined) throw new Error(`its log lacks version ${each}`)
    snapshot = replay(snapshot, actions, each)
  }
  if (snapshot === undefined) throw new Error(`its log lacks version ${wanted}`)
  return snapshot
}

/** The newest version that was there at a time (milliseconds since 1970), by what commits say of themselves. INVALID_OPTION before the first. */
export async function versionAt(log: Log, time: number): Promise<number> {
  const { commits } = await listLog(log)
  let found: number | undefined
  let newest = -Infinity
  for (const version of commits) {
    const actions = (await readCommit(log, version)) ?? []
    const info = actions.find(action => action.commitInfo)?.commitInfo ?? {}
    const committed = info['inCommitTimestamp'] ?? info['timestamp']
    // Versions follow each other in time, whatever the clocks of their writers said.
    newest = Math.max(newest + 1, typeof committed === 'number' ? committed : newest + 1)
    if (newest > time) break
    found = version
  }
  if (found === undefined) throw fail('INVALID_OPTION', ['timestamp', `${log.path} has no version of that time`])
  return found
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i)
