/** `--format csv` and `tsv`: a header, then the rows as RFC 4180 has them; NULL is nothing, the empty string is `""`. */
import { csvDialect } from '../../formats/csv/dialect.js'
import { fieldWriter, writeRows } from '../../formats/csv/format-rows.js'
import { TextBuffer } from '../../formats/text-buffer.js'
import type { ResultWriter } from './result-writer.js'

/** Writes the same bytes as the CSV file writer with this delimiter. A result without columns (of DDL) is nothing. */
export function delimitedWriter(delimiter: ',' | '\t'): ResultWriter {
  const writer = fieldWriter(csvDialect({ delimiter }, ''))
  const out = new TextBuffer()
  return {
    start({ fields }) {
      if (fields.length === 0) return ''
      fields.forEach((field, column) => {
        if (column > 0) out.byte(writer.delimiter)
        writer.text(out, field.name)
      })
      out.text('\n')
      return Buffer.from(out.take())
    },
    batch(batch) {
      if (batch.columns.length === 0) return ''
      const portions: Buffer[] = []
      for (let row = 0; row < batch.rowCount;) {
        row = writeRows(batch, row, out, writer)
        portions.push(Buffer.from(out.take()))
      }
      return Buffer.concat(portions)
    },
    end: () => '',
  }
}
