/** An extension with a file format: INI files as rows of section, key and value. */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Extension } from '../../src/index.js'

const extension: Extension = {
  name: 'ini',
  formats: [
    {
      name: 'ini',
      extensions: ['cfg'],
      options: ['comment'],
      schema: () => ({ section: 'VARCHAR', key: 'VARCHAR', value: 'VARCHAR' }),
      async *rows(path, { comment = ';' }) {
        const file = createReadStream(path)
        try {
          let section: string | null = null
          for await (const line of createInterface({ input: file })) {
            const text = line.trim()
            const equals = text.indexOf('=')
            if (text === '' || text.startsWith(comment)) continue
            if (text.startsWith('[') && text.endsWith(']')) section = text.slice(1, -1)
            else if (equals < 0) throw new Error(`neither a section nor key = value: ${text}`)
            else yield { section, key: text.slice(0, equals).trim(), value: text.slice(equals + 1).trim() }
          }
        } finally {
          // Also when the query needs no more rows.
          file.destroy()
        }
      },
    },
  ],
}

export default extension
