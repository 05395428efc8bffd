/** From a URL to the files of a store behind it: one file, all with a prefix, or those that match a glob. */
import { fail } from '../common/errors.js'
import type { FileHost, ListedFile, Store } from '../storage/store.js'
import { expandSets, globPart } from './glob-part.js'
import { MAX_FILES, type Listing } from './list-files.js'
import { isHidden } from './write-manifest.js'

/**
 * Lists as listFiles does, where a directory is what names have in common up to a slash, so that a missing one is empty. A URL whose last
 * name has an ending is one file and not asked for; a store that cannot list has nothing else. What was listed is known by version to the
 * host from now on.
 */
export async function listObjects(store: Store, path: string, host: FileHost): Promise<Listing> {
  if (store.list === undefined) return { kind: 'file', files: [path] }
  const list = (prefix: string): Promise<ListedFile[]> => listAllBelow(store, { path: prefix, host })
  if (/[*?[{]/.test(path)) return { kind: 'glob', files: pathsOf(await matching(path, list)) }
  if (path.endsWith('/')) return { kind: 'directory', files: pathsOf(await below(path, list)) }
  if (/[^/]\.[a-z0-9]+$/i.test(path.replace(/^[^:]+:\/\/[^/]*/, ''))) return { kind: 'file', files: [path] }
  try {
    await store.version({ path, host })
    return { kind: 'file', files: [path] }
  } catch (error) {
    const files = pathsOf(await below(`${path}/`, list))
    if (files.length === 0) throw error
    return { kind: 'directory', files }
  }
}

type List = (prefix: string) => Promise<ListedFile[]>

async function listAllBelow(store: Store, place: { path: string; host: FileHost }): Promise<ListedFile[]> {
  const files: ListedFile[] = []
  for await (const file of store.list?.(place) ?? []) {
    files.push(file)
    place.host.versions?.set(file.path, file.version)
    if (files.length > MAX_FILES) throw fail('NOT_SUPPORTED', [`a table of more than ${MAX_FILES} files`])
  }
  return files
}

async function below(directory: string, list: List): Promise<ListedFile[]> {
  const files = await list(directory)
  return files.filter(({ path }) => !path.slice(directory.length).split('/').some(isHidden))
}

/** Asks for what begins as the pattern does before its first wildcard. */
async function matching(pattern: string, list: List): Promise<ListedFile[]> {
  const prefix = pattern.slice(0, pattern.search(/[*?[{]/))
  // Of the store only whole directories are asked for: that is what data roots allow.
  const base = prefix.slice(0, prefix.lastIndexOf('/') + 1)
  const patterns = expandSets(pattern.slice(base.length)).map(alternative => matcherOf(alternative.split('/')))
  const files = await list(prefix)
  return files.filter(({ path }) => patterns.some(matches => matches(path.slice(base.length).split('/'))))
}

type NamesMatcher = (names: readonly string[]) => boolean

/** A `**` stands for any number of directories; hidden names are meant only where their first character is written out. */
function matcherOf([part, ...rest]: readonly string[]): NamesMatcher {
  const matches = part === '**' ? () => true : globPart(part)
  const fits = (name: string): boolean => (!isHidden(name) || isHidden(part)) && matches(name)
  if (rest.length === 0 && part !== '**') return names => names.length === 1 && fits(names[0])
  const later = rest.length === 0 ? (names: readonly string[]) => names.length === 0 : matcherOf(rest)
  if (part !== '**') return names => names.length > 1 && fits(names[0]) && later(names.slice(1))
  return function deep(names): boolean {
    return later(names) || (names.length > 0 && fits(names[0]) && deep(names.slice(1)))
  }
}

/** In the order of their names, as directories are read. */
const pathsOf = (files: readonly ListedFile[]): string[] => files.map(({ path }) => path).sort()
