/**
 * Which table files a process may open: any, or those below its data roots. Set once, before it serves anyone; worker threads get a
 * copy. (What URLs lie below them, storage/ says.)
 */
import { lstat, realpath } from 'node:fs/promises'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { fail } from '../common/errors.js'
import { isMissing } from '../common/if-there.js'

export interface DataRoots {
  /** Real paths; absent: any file of this machine. */
  readonly directories?: readonly string[]
  /** Such as `s3://bucket/prefix` or `https://host/`. */
  readonly urls: readonly string[]
  /** Addresses and networks that are not public, to which remote files may lead all the same: `10.0.0.0/8`. */
  readonly networks: readonly string[]
}

let roots: DataRoots | undefined

/** Undefined: nothing is restricted. */
export const dataRoots = (): DataRoots | undefined => roots

export function restrictToRoots(allowed: DataRoots | undefined): void {
  roots = allowed
}

/** A path, and the host that errors name. */
export interface PlaceOnHost {
  readonly path: string
  readonly host: { readonly name: string }
}

/**
 * The path by which to open `path`, to read or to write it: itself, or where data roots are set its real path, without links. What
 * does not exist yet counts by the directory in which it would be. Throws PATH_NOT_ALLOWED [host, path], before anything is opened, and
 * NOT_SUPPORTED for a URL: what knows local files only must not take it for a path.
 */
export async function allowedPath({ path, host }: PlaceOnHost): Promise<string> {
  // Where node:path has been at work, one of its slashes is left.
  if (/^[a-z][a-z0-9+.-]+:\//i.test(path))
    throw fail('NOT_SUPPORTED', [`the location '${path}' here (only local paths)`])
  const allowed = roots?.directories
  if (allowed === undefined) return path
  const real = await realPlace(resolve(path)).catch(() => undefined)
  if (real !== undefined && allowed.some(root => isBelow(real, root))) return real
  throw fail('PATH_NOT_ALLOWED', [host.name, path])
}

const isBelow = (path: string, root: string): boolean =>
  path === root || path.startsWith(root.endsWith(sep) ? root : root + sep)

/** `path` is absolute and without `..`, so that no directory that is made later leads elsewhere. */
async function realPlace(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch (error) {
    if (!isMissing(error) || dirname(path) === path) throw error
  }
  // A link that leads nowhere now may lead somewhere when it is opened.
  const link = await lstat(path).catch(() => undefined)
  if (link !== undefined) throw fail('INTERNAL', [`${path} is a link to nothing`])
  return join(await realPlace(dirname(path)), basename(path))
}
