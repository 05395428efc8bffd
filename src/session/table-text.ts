/** Rows as a text table, the way `show()` and the command line print them. */
import type { Batch } from '../arrow/batch.js'
import { columnValues } from '../arrow/column.js'
import type { Schema } from '../arrow/schema.js'
import { isNumeric } from '../arrow/types.js'
import { valueText } from '../expr/value-text.js'
import { cellWidth } from './cell-width.js'

/** All but the line feed, which starts a new line of its cell. */
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f]/g
const ESCAPES: Readonly<Record<string, string>> = { '\r': '\\r', '\t': '\\t' }

/** Control characters made visible, so that a value can neither break the table nor reach the terminal. */
const printable = (text: string): string =>
  text.replace(CONTROL, char => ESCAPES[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** The rows of a batch as cells; NULL is the empty text. Row-major. */
export function batchCells(batch: Batch): string[][] {
  const columns = batch.columns.map(column =>
    columnValues(column).map(value => (value === null ? '' : printable(valueText(value, column.type)))),
  )
  return Array.from({ length: batch.rowCount }, (_, row) => columns.map(column => column[row]))
}

/**
 * A table with a frame: header, rows, numbers to the right, everything else to the left. A row has as many lines as its cell
 * with the most line feeds. No columns: no text. `rows` are cells in the order of the schema; widths count terminal cells.
 */
export async function tableText(schema: Schema, rows: readonly (readonly string[])[]): Promise<string> {
  if (schema.fields.length === 0) return ''
  const all = [schema.fields.map(field => printable(field.name)), ...rows]
  const widthOf = await cellWidth(all.flat())
  const lined = all.map(cells => cells.map(cell => cell.split('\n')))
  const widths = schema.fields.map((_, i) =>
    lined.reduce((width, cells) => cells[i].reduce((widest, text) => Math.max(widest, widthOf(text)), width), 0),
  )
  const pad = (text: string, i: number, toRight: boolean): string => {
    const padding = ' '.repeat(widths[i] - widthOf(text))
    return toRight ? padding + text : text + padding
  }
  const toRight = schema.fields.map(field => isNumeric(field.type))
  const rule = `+${widths.map(width => '-'.repeat(width + 2)).join('+')}+`
  const [header, ...body] = lined.map((cells, row) => rowLines(cells, (text, i) => pad(text, i, row > 0 && toRight[i])))
  return [rule, ...header, rule, ...body.flat(), rule].join('\n')
}

/** The lines of one row; cells with fewer lines are padded below. `pad` makes a text as wide as its column. */
function rowLines(cells: readonly string[][], pad: (text: string, column: number) => string): string[] {
  const height = Math.max(...cells.map(cell => cell.length))
  return Array.from({ length: height }, (_, line) => {
    const padded = cells.map((cell, i) => pad(cell[line] ?? '', i))
    return `| ${padded.join(' | ')} |`
  })
}
