/** From the path of a table to the files behind it: one file, a directory, or a glob. */
import { readdir, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { fail } from '../common/errors.js'
import { notReadable } from './read-file.js'

export interface Listing {
  readonly kind: 'file' | 'directory' | 'glob'
  /** Absolute, sorted. */
  readonly files: readonly string[]
}

/**
 * Lists `path`: a glob if it holds `*`, `?`, `[` or `{` and is no existing file; everything below a directory except names
 * that start with `.` or `_`. A directory named with a trailing `/` may be missing: it is empty then.
 * Throws FILE_NOT_READABLE [host, path, reason].
 */
export async function listFiles(path: string, host: string): Promise<Listing> {
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(path)) throw fail('NOT_SUPPORTED', [`the location '${path}' (only local paths)`])
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => error)
  if (!(found instanceof Error)) {
    if (found.isDirectory()) return { kind: 'directory', files: await filesBelow(path, host) }
    // A pipe gives its bytes once, but tables are sampled before they are read.
    if (!found.isFile()) throw fail('NOT_SUPPORTED', [`the location '${path}', which is no regular file`])
    return { kind: 'file', files: [path] }
  }
  if (/[*?[{]/.test(path)) return { kind: 'glob', files: await globFiles(path, host) }
  if (found.code === 'ENOENT' && path.endsWith('/')) return { kind: 'directory', files: [] }
  throw notReadable({ path, host }, found)
}

async function filesBelow(directory: string, host: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    throw notReadable({ path: directory, host }, error)
  })
  return entries
    .filter(entry => !entry.isDirectory())
    .map(entry => join(entry.parentPath, entry.name))
    .filter(file =>
      relative(directory, file)
        .split(sep)
        .every(part => !/^[._]/.test(part)),
    )
    .sort()
}

async function globFiles(pattern: string, host: string): Promise<string[]> {
  const parts = pattern.split('/')
  const firstWild = parts.findIndex(part => /[*?[{]/.test(part))
  const base = parts.slice(0, firstWild).join('/') || '/'
  const expression = globExpression(pattern)
  return (await filesBelow(base, host)).filter(file => expression.test(file))
}

/** `*` and `?` stay inside one path segment, `**` crosses them, `[ab]` and `{a,b}` are sets. */
function globExpression(pattern: string): RegExp {
  let depth = 0
  const source = pattern.replace(/\*\*\/|\*\*|\*|\?|\[!?[^\]]+\]|[{},.+^$()|\\]/g, token => {
    if (token === '**/') return '(?:.*/)?'
    if (token === '**') return '.*'
    if (token === '*') return '[^/]*'
    if (token === '?') return '[^/]'
    if (token.startsWith('[')) return token.replace(/^\[!/, '[^').replaceAll('\\', '\\\\')
    if (token === '{') return depth++ >= 0 ? '(?:' : ''
    if (token === '}' && depth > 0) return depth-- > 0 ? ')' : ''
    if (token === ',') return depth > 0 ? '|' : ','
    return `\\${token}`
  })
  return new RegExp(`^${source}$`)
}
