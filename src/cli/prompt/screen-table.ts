/** Tables that fit the terminal: long texts are cut, columns that still do not fit are left out, and a note says so. */
import { isNumeric } from '../../arrow/types.js'
import type { Field, Schema } from '../../arrow/schema.js'
import { cellWidth } from '../../session/cell-width.js'
import { batchCells, tableText } from '../../session/table-text.js'
import type { ResultWriter } from '../../session/output/result-writer.js'

export interface Screen {
  /** Characters of a line; Infinity: nothing is cut. */
  readonly columns: number
  /** Rows that a table shows at most. */
  readonly maxRows: number
  /** The terminal shows more than ASCII. */
  readonly unicode: boolean
}

/** A text column keeps at least so much. */
const MIN_TEXT = 12

/** As `--format table`, for a screen. */
export function screenTableWriter(screen: Screen): ResultWriter {
  const cells: string[][] = []
  let schema: Schema = { fields: [] }
  let rowCount = 0
  return {
    start(resultSchema) {
      schema = resultSchema
      return ''
    },
    batch(batch) {
      const shown = Math.max(0, Math.min(batch.rowCount, screen.maxRows - cells.length))
      if (shown > 0) for (const row of batchCells(batch).slice(0, shown)) cells.push(row)
      rowCount += batch.rowCount
      return ''
    },
    async end() {
      if (schema.fields.length === 0) return ''
      const { shown, notes } = await fit(schema, cells, screen)
      const table = await tableText(shown.schema, shown.cells)
      const hiddenRows = rowCount - cells.length
      if (hiddenRows > 0) notes.push(`${hiddenRows} more row(s) not shown; \\pset maxrows inf shows all`)
      return [table, ...notes.map(note => `(${note})`), ''].join('\n')
    },
  }
}

interface Cells {
  readonly schema: Schema
  readonly cells: readonly (readonly string[])[]
}

async function fit(schema: Schema, cells: Cells['cells'], screen: Screen): Promise<{ shown: Cells; notes: string[] }> {
  const { fields } = schema
  const widthOf = await cellWidth([...fields.map(({ name }) => name), ...cells.flat()])
  const widthOfCell = (cell: string): number => Math.max(...cell.split('\n').map(widthOf))
  const natural = fields.map((field, i) =>
    cells.reduce((widest, row) => Math.max(widest, widthOfCell(row[i])), widthOf(field.name)),
  )
  const least = natural.map((width, i) => (isNumeric(fields[i].type) ? width : Math.min(width, MIN_TEXT)))
  const count = columnsThatFit(least, screen.columns)
  const limit = textLimit(natural.slice(0, count), least, screen.columns - frame(count))
  const widths = natural.slice(0, count).map((width, i) => Math.max(least[i], Math.min(width, limit)))
  const cut = (text: string, i: number): string =>
    natural[i] <= widths[i]
      ? text
      : text
          .split('\n')
          .map(line => shorten(line, { width: widths[i], widthOf, unicode: screen.unicode }))
          .join('\n')
  const shown = {
    schema: { fields: fields.slice(0, count).map((field, i): Field => ({ ...field, name: cut(field.name, i) })) },
    cells: cells.map(row => row.slice(0, count).map(cut)),
  }
  const notes = []
  const hidden = fields.slice(count).map(({ name }) => name)
  const all = '\\pset format csv shows all'
  if (hidden.length > 0) notes.push(`${hidden.length} column(s) do not fit: ${someOf(hidden)}; ${all}`)
  else if (widths.some((width, i) => width < natural[i])) notes.push(`long values are cut; ${all}`)
  return { shown, notes }
}

const MAX_NAMED = 6

const someOf = (names: readonly string[]): string =>
  [...names.slice(0, MAX_NAMED), ...(names.length > MAX_NAMED ? ['...'] : [])].join(', ')

/** A frame costs three characters a column and one more. */
const frame = (count: number): number => 3 * count + 1

/** How many columns fit at their least width; at least one is shown. */
function columnsThatFit(least: readonly number[], columns: number): number {
  let used = 0
  for (let count = 0; count < least.length; count++) {
    used += least[count]
    if (used > columns - frame(count + 1)) return Math.max(1, count)
  }
  return least.length
}

/** The largest width of text columns with which all together take at most `room`. */
function textLimit(natural: readonly number[], least: readonly number[], room: number): number {
  const total = (limit: number): number =>
    natural.reduce((sum, width, i) => sum + Math.max(least[i], Math.min(width, limit)), 0)
  let limit = Math.max(...natural)
  if (total(limit) <= room) return limit
  let low = MIN_TEXT
  while (low < limit) {
    const middle = Math.ceil((low + limit) / 2)
    if (total(middle) <= room) low = middle
    else limit = middle - 1
  }
  return low
}

/** The start of a line, with a mark for the rest, in at most `width` terminal cells. */
function shorten(
  line: string,
  { width, widthOf, unicode }: { width: number; widthOf: (text: string) => number; unicode: boolean },
): string {
  if (widthOf(line) <= width) return line
  const mark = unicode ? '…' : '..'
  let kept = ''
  for (const char of line) {
    if (widthOf(kept + char) > width - mark.length) break
    kept += char
  }
  return kept + mark
}
