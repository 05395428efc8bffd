/** `--format json` (one array) and `ndjson` (an object a line). BIGINT and DECIMAL are numbers with all their digits. */
import type { Batch } from '../../arrow/batch.js'
import { hasValue } from '../../formats/cell-text.js'
import { jsonCellWriter } from '../../formats/json-write.js'
import { TextBuffer } from '../../formats/text-buffer.js'
import type { ResultWriter } from './result-writer.js'

/** Objects in one array; a result without columns (of DDL) is nothing. */
export function jsonWriter(): ResultWriter {
  const rows = rowWriter()
  let isArray = false
  let rowCount = 0
  return {
    start(schema) {
      isArray = schema.fields.length > 0
      return isArray ? '[' : ''
    },
    batch(batch) {
      const text = rows(batch, row => (rowCount + row === 0 ? '' : ',\n'), '')
      rowCount += batch.rowCount
      return text
    },
    end: () => (isArray ? ']\n' : ''),
  }
}

export function ndjsonWriter(): ResultWriter {
  const rows = rowWriter()
  return { start: () => '', batch: batch => rows(batch, () => '', '\n'), end: () => '' }
}

type RowWriter = (batch: Batch, before: (row: number) => string, after: string) => Uint8Array

/** Writes the rows of a batch as objects with all members. */
function rowWriter(): RowWriter {
  const out = new TextBuffer()
  return (batch, before, after) => {
    const { columns, schema } = batch
    const cells = columns.map(jsonCellWriter)
    const prefixes = schema.fields.map(({ name }, i) => `${i === 0 ? '{' : ','}${JSON.stringify(name)}:`)
    for (let row = 0; columns.length > 0 && row < batch.rowCount; row++) {
      out.text(before(row))
      for (let column = 0; column < columns.length; column++) {
        out.text(prefixes[column])
        if (hasValue(columns[column], row)) cells[column](out, row)
        else out.text('null')
      }
      out.text(`}${after}`)
    }
    return Buffer.from(out.take())
  }
}
