/** The versions of files that a statement has met: what it knows of them is of these, or later ones. */
import type { FileHost, FileVersion } from '../storage/store.js'
import { isRemote, storeOf } from '../storage/stores.js'

/** Weak entity tags and times of whole seconds may be those of several versions. */
export const isWeak = (tag: string): boolean => tag === '' || tag.startsWith('W/') || /^[A-Z][a-z]{2}, /.test(tag)

/** Each is asked for again; tables of more files have plans that are large. */
const MAX_FILES = 256

const metOf = (path: string, { localVersions, versions }: FileHost): FileVersion | undefined =>
  (isRemote(path) ? versions : localVersions)?.get(path)

/** Paths, sizes and tags. Undefined where one is not known or may be that of another version, too, and for many files. */
export function versionsMet(
  files: readonly string[],
  host: FileHost,
): (readonly [string, number, string])[] | undefined {
  if (files.length > MAX_FILES) return undefined
  const met: (readonly [string, number, string])[] = []
  for (const path of files) {
    const version = metOf(path, host)
    if (version === undefined || version.isNew === true || isWeak(version.tag)) return undefined
    met.push([path, version.byteLength, version.tag])
  }
  return met
}

/** Whether the files are still as they were met. Those of other machines cannot be read otherwise. */
export async function areAsMet(files: readonly string[], host: FileHost): Promise<boolean> {
  const isAsMet = async (path: string): Promise<boolean> => {
    const store = await storeOf(path)
    const found = await store.version({ path, host }).catch(() => undefined)
    return found !== undefined && found.tag === metOf(path, host)?.tag
  }
  return (await Promise.all(files.filter(path => !isRemote(path)).map(isAsMet))).every(Boolean)
}
