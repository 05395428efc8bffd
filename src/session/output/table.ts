/** `--format table`: the rows in a frame, at most `maxRows` of them. */
import { batchCells, tableText } from '../table-text.js'
import type { Schema } from '../../arrow/schema.js'
import type { ResultWriter } from './result-writer.js'

export function tableWriter(maxRows: number): ResultWriter {
  const cells: string[][] = []
  let schema: Schema = { fields: [] }
  let hidden = 0
  return {
    start(resultSchema) {
      schema = resultSchema
      return ''
    },
    batch(batch) {
      const shown = Math.max(0, Math.min(batch.rowCount, maxRows - cells.length))
      if (shown > 0) for (const row of batchCells(batch).slice(0, shown)) cells.push(row)
      hidden += batch.rowCount - shown
      return ''
    },
    async end() {
      if (schema.fields.length === 0) return ''
      const table = await tableText(schema, cells)
      if (hidden === 0) return `${table}\n`
      const lines = table.split('\n')
      const dots = lines[0].replace(/[-+]/g, (char, at: number) => (char === '+' ? '|' : at % 2 === 0 ? '.' : ' '))
      return `${[...lines.slice(0, -1), dots, lines.at(-1)].join('\n')}\n`
    },
  }
}
