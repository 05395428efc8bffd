/** Which URLs a process may open: any, or those below its data roots. */
import { fail } from '../common/errors.js'
import { dataRoots } from '../runtime/data-roots.js'
import type { FilePlace } from './store.js'

/**
 * The URL of a remote file, if it makes sense and lies below a data root (where there are any). Throws PATH_NOT_ALLOWED [host, path] before
 * anything is opened, and NOT_SUPPORTED for user names and passwords in it, control characters, and paths that may mean others.
 */
export function allowedUrl({ path, host }: FilePlace): URL {
  // `new URL` drops them.
  if (/[\u0000-\u0020\u007f\\]/.test(path))
    throw fail('NOT_SUPPORTED', ['a URL with spaces, backslashes or control characters (write them as %20)'])
  if (!URL.canParse(path)) throw fail('NOT_SUPPORTED', [`the location '${path}', which is no URL,`])
  const url = new URL(path)
  if (!['http:', 'https:'].includes(url.protocol)) throw fail('NOT_SUPPORTED', [`a location of ${url.protocol}`])
  // The message must not repeat them.
  if (url.username !== '' || url.password !== '')
    throw fail('NOT_SUPPORTED', [`a user name or password in the URL of ${url.host}`])
  if (leadsUp(url.pathname)) throw fail('NOT_SUPPORTED', [`the location '${path}' (its path has '..' behind escapes)`])
  checkRoots({ path, host }, url)
  return url
}

/** A URL in parts, `pathname` as the server gets it but for escapes. */
export interface UrlParts {
  /** With the colon. */
  readonly protocol: string
  readonly host: string
  /** Begins with a slash. */
  readonly pathname: string
}

/** Throws PATH_NOT_ALLOWED [host, path] unless the URL of a place lies below a data root, or there are none. */
export function checkRoots({ path, host }: FilePlace, url: UrlParts): void {
  const roots = dataRoots()
  if (roots === undefined || roots.urls.some(root => isBelow(url, partsOf(root)))) return
  throw fail('PATH_NOT_ALLOWED', [host.name, path])
}

/** Whether a text can be a data root: a URL with a host, and nothing behind its path. */
export function isUrlRoot(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { hash, password, search, username } = new URL(text)
  return partsOf(text).host !== '' && hash + password + search + username === ''
}

/** Of a URL as it is written; those of the web as browsers read them. */
export function partsOf(text: string): UrlParts {
  if (/^https?:/i.test(text)) return new URL(text)
  const [, protocol = '', host = '', pathname = '/'] = /^([^:]+:)\/\/([^/]*)(\/.*)?$/s.exec(text) ?? []
  return { protocol: protocol.toLowerCase(), host, pathname }
}

/** Whether a server that decodes once or twice more than it should could see a `..`: `new URL` has resolved the plain ones. */
export function leadsUp(pathname: string): boolean {
  let path = pathname
  for (let decoded = 0; decoded < 3; decoded++) {
    if (path.split(/[/\\]/).includes('..')) return true
    const next = path.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    if (next === path) return false
    path = next
  }
  return path.split(/[/\\]/).includes('..')
}

/** A root's path ends where a name ends: `/data` is above `/data/a`, not `/database`. */
function isBelow(url: UrlParts, root: UrlParts): boolean {
  if (url.protocol !== root.protocol || url.host !== root.host) return false
  const directory = root.pathname.endsWith('/') ? root.pathname : `${root.pathname}/`
  return url.pathname === root.pathname || url.pathname.startsWith(directory)
}
