/** Stores that extensions bring: files of a URL scheme of their own. */
import { fail } from '../common/errors.js'
import { UseTable } from '../common/use-table.js'
import { countBytesRead } from '../runtime/io-counters.js'
import { notReadable } from './local-store.js'
import type { FilePlace, FileVersion, ListedFile, OpenFile, Store } from './store.js'
import { checkRoots, leadsUp, partsOf } from './url-roots.js'

/** What an extension writes; called on every thread that reads. What it throws is FILE_NOT_READABLE. */
export interface UrlStore {
  /** In lower case: `mem` for `mem://…`. All sessions of a process have one store for a scheme. */
  readonly scheme: string
  /** Undefined if there is no such file. */
  version(url: string): FileVersion | undefined | Promise<FileVersion | undefined>
  /** Bytes [start, end), which are there; of the version that was asked for. */
  read(url: string, start: number, end: number, signal?: AbortSignal): Uint8Array | Promise<Uint8Array>
  /** URLs that begin with `prefix`; absent: globs and directories are not supported. */
  list?(prefix: string): Iterable<string> | AsyncIterable<string>
}

/** By scheme, those that this thread has loaded. */
export const loadedStores = new UseTable<UrlStore>()

/** Checks places, versions and lengths, which its author need not. */
export function storeFrom(store: UrlStore): Store {
  const version = async (place: FilePlace): Promise<FileVersion> => {
    const known = place.host.versions?.get(place.path)
    const found = known ?? (await inside(place, () => store.version(place.path)))
    if (found === undefined) throw notReadable(place, new Error('there is no such file'))
    place.host.versions?.set(place.path, found)
    return found
  }
  const open = async (place: FilePlace, known?: FileVersion): Promise<OpenFile> => {
    const { byteLength } = known ?? (await version(place))
    return {
      byteLength,
      gapBytes: GAP_BYTES,
      async read(target, position) {
        const byteCount = Math.max(0, Math.min(target.length, byteLength - position))
        if (byteCount === 0) return 0
        const end = position + byteCount
        const bytes = await inside(place, () => store.read(place.path, position, end, place.host.signal))
        if (bytes.length !== byteCount)
          throw fail('FILE_INVALID', [place.path, `gave ${bytes.length} of ${byteCount} bytes`])
        target.set(bytes)
        countBytesRead(byteCount)
        return byteCount
      },
      close: async () => undefined,
    }
  }
  return {
    version,
    open,
    async tail(place, byteLength, known) {
      const found = await version(place)
      if (known?.tag === found.tag && known.byteLength === found.byteLength) return { version: found }
      const bytes = new Uint8Array(Math.min(byteLength, found.byteLength))
      await (await open(place, found)).read(bytes, found.byteLength - bytes.length)
      return { version: found, bytes }
    },
    create() {
      throw fail('NOT_SUPPORTED', [`writing to ${store.scheme}://`])
    },
    ...(store.list === undefined ? {} : { list: place => listed(store, version, place) }),
  }
}

const GAP_BYTES = 256 * 1024

async function* listed(
  store: UrlStore,
  version: (place: FilePlace) => Promise<FileVersion>,
  place: FilePlace,
): AsyncGenerator<ListedFile, void> {
  const { host, path: prefix } = place
  // Names beside a data root that begin like it are none of the reader's business.
  const urls = await inside({ host, path: prefix.slice(0, prefix.lastIndexOf('/') + 1) }, async () =>
    store.list?.(prefix),
  )
  for await (const path of urls ?? [])
    if (path.startsWith(prefix)) yield { path, version: await version({ path, host }) }
}

/** Runs the code of the extension for a place that may be opened. */
async function inside<T>(place: FilePlace, action: () => T | Promise<T>): Promise<T> {
  const parts = partsOf(place.path)
  if (leadsUp(parts.pathname) || /[\u0000-\u001f\u007f]/.test(place.path))
    throw fail('NOT_SUPPORTED', [`the location '${place.path}' (it has '..' or a control character)`])
  checkRoots(place, parts)
  try {
    return await action()
  } catch (error) {
    place.host.signal?.throwIfAborted()
    throw notReadable(place, error)
  }
}
