/** An extension with a store: the files of `mem://` are texts in its module. */
import type { Extension } from '../../src/index.js'

const FILES: Readonly<Record<string, string>> = {
  'mem://fruit/2023/sales.csv': 'name,sold\napple,3\npear,4\n',
  'mem://fruit/2024/sales.csv': 'name,sold\napple,5\n',
}

const bytesOf = (url: string): Uint8Array => new TextEncoder().encode(FILES[url])

const extension: Extension = {
  name: 'mem',
  stores: [
    {
      scheme: 'mem',
      version: url => (url in FILES ? { byteLength: bytesOf(url).length, tag: '1' } : undefined),
      read: (url, start, end) => bytesOf(url).subarray(start, end),
      list: prefix => Object.keys(FILES).filter(url => url.startsWith(prefix)),
    },
  ],
}

export default extension
