/** Whether two results are equal, by the rule this project holds itself to. */

/** A cell in a form both engines can give: `exact` numbers are decimal text with their full scale, others doubles. */
export type Cell =
  | null
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'exact'; readonly text: string }
  | { readonly kind: 'approximate'; readonly number: number }

export type Rows = readonly (readonly Cell[])[]

export type Comparison =
  | { readonly equal: true; readonly sameOrder: boolean }
  | { readonly equal: false; readonly difference: string }

const RELATIVE_TOLERANCE = 1e-9

/**
 * Same row multiset: text and exact numbers exactly; where either side is approximate, within 1e-9 relative or one unit
 * of the last place of the decimal side.
 */
export function compareRows(ours: Rows, theirs: Rows): Comparison {
  if (ours.length !== theirs.length) {
    return { equal: false, difference: `${ours.length} rows, expected ${theirs.length}` }
  }
  if (firstDifference(ours, theirs) === undefined) return { equal: true, sameOrder: true }
  const difference = firstDifference(sorted(ours, theirs), sorted(theirs, ours))
  return difference === undefined ? { equal: true, sameOrder: false } : { equal: false, difference }
}

function firstDifference(ours: Rows, theirs: Rows): string | undefined {
  for (let row = 0; row < ours.length; row++) {
    const [mine, other] = [ours[row], theirs[row]]
    if (mine.length !== other.length) return `row ${row} has ${mine.length} columns, expected ${other.length}`
    const column = mine.findIndex((cell, i) => !sameCell(cell, other[i]))
    if (column >= 0)
      return `row ${row}, column ${column}: ${cellText(mine[column])}, expected ${cellText(other[column])}`
  }
  return undefined
}

function sameCell(left: Cell, right: Cell): boolean {
  if (left === null || right === null) return left === right
  if (left.kind === 'text' || right.kind === 'text')
    return left.kind === right.kind && cellText(left) === cellText(right)
  if (left.kind === 'exact' && right.kind === 'exact') return normal(left.text) === normal(right.text)
  const [a, b] = [numberOf(left), numberOf(right)]
  const unit = Math.max(lastPlace(left), lastPlace(right))
  return Object.is(a, b) || Math.abs(a - b) <= unit * (1 + RELATIVE_TOLERANCE) + RELATIVE_TOLERANCE * Math.abs(b)
}

const numberOf = (cell: Exclude<Cell, null | { kind: 'text' }>): number =>
  cell.kind === 'exact' ? Number(cell.text) : cell.number

/** The value of the last place of a decimal; 0 for whole numbers and doubles. */
function lastPlace(cell: Exclude<Cell, null | { kind: 'text' }>): number {
  const point = cell.kind === 'exact' ? cell.text.indexOf('.') : -1
  return cell.kind !== 'exact' || point < 0 ? 0 : 10 ** -(cell.text.length - point - 1)
}

const cellText = (cell: Cell): string => {
  if (cell === null) return 'NULL'
  return cell.kind === 'approximate' ? String(cell.number) : cell.text
}

/** `1.50` and `1.5` are the same number. */
const normal = (text: string): string => {
  const trimmed = text.includes('.') ? text.replace(/0+$/, '').replace(/\.$/, '') : text
  return trimmed === '-0' ? '0' : trimmed
}

/** Sorted by the columns that are exact on both sides, the approximate ones last and coarsely. */
function sorted(rows: Rows, others: Rows): Rows {
  const exact = (i: number): boolean => [rows, others].every(side => side.every(row => row[i]?.kind !== 'approximate'))
  const columns = (rows[0] ?? []).map((_, i) => i)
  const order = [...columns.filter(exact), ...columns.filter(i => !exact(i))]
  const key = (cell: Cell): string => {
    if (cell === null) return '\u0000'
    if (cell.kind === 'text') return cell.text
    return cell.kind === 'exact' ? normal(cell.text) : cell.number.toPrecision(6)
  }
  const keyed = rows.map(row => ({ row, key: order.map(i => key(row[i])).join('\u0001') }))
  return keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)).map(entry => entry.row)
}
