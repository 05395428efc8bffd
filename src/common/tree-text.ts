/** Trees as text: indented lines, or boxes joined by lines (EXPLAIN). */

/** A node as text: `name: details, notes`. */
export interface TextTree {
  readonly name: string
  /** May be empty. */
  readonly details: string
  /** More facts about the node, each on a line of its own in a box. */
  readonly notes: readonly string[]
  readonly children: readonly TextTree[]
}

/** One line a node, children indented by two spaces under their parent; no trailing newline. */
export function indentedTree(root: TextTree): string {
  const lines: string[] = []
  const visit = ({ name, details, notes, children }: TextTree, depth: number): void => {
    const facts = [
      ...(details === '' ? [] : [details]),
      ...(notes.length === 0 ? [] : [`metrics=[${notes.join(', ')}]`]),
    ]
    lines.push('  '.repeat(depth) + name + (facts.length === 0 ? '' : `: ${facts.join(', ')}`))
    for (const child of children) visit(child, depth + 1)
  }
  visit(root, 0)
  return lines.join('\n')
}

/** Characters between the borders of a box. */
const INNER_WIDTH = 29
const BOX_WIDTH = INNER_WIDTH + 2
const CENTRE = 1 + (INNER_WIDTH >> 1)
/** Lines of details in a box; the rest is cut. */
const MAX_DETAIL_LINES = 8

interface Cell {
  readonly lines: readonly string[]
  readonly hasParent: boolean
  /** Columns of the children; the first is that of the node. */
  readonly childColumns: readonly number[]
}

/**
 * Boxes of equal width, the first child right below its parent and the others to the right of it; no trailing newline.
 *
 *   ┌───────┴───────┐
 *   │ HashJoinExec  ├───────┐
 *   └───────┬───────┘       │
 */
export function boxTree(root: TextTree): string {
  const rows: Map<number, Cell>[] = []
  placeCell(root, { column: 0, depth: 0 }, rows)
  return rows.flatMap(drawRow).join('\n')
}

/** Gives the number of columns that the subtree takes. */
function placeCell(node: TextTree, at: { column: number; depth: number }, rows: Map<number, Cell>[]): number {
  rows[at.depth] ??= new Map()
  const childColumns: number[] = []
  let width = 0
  for (const child of node.children) {
    childColumns.push(at.column + width)
    width += placeCell(child, { column: at.column + width, depth: at.depth + 1 }, rows)
  }
  rows[at.depth].set(at.column, { lines: boxLines(node), hasParent: at.depth > 0, childColumns })
  return Math.max(1, width)
}

function boxLines({ name, details, notes }: TextTree): readonly string[] {
  const wrapped = wrap(details)
  const shown = wrapped.length > MAX_DETAIL_LINES ? [...wrapped.slice(0, MAX_DETAIL_LINES - 1), '…'] : wrapped
  const rest = [...shown, ...notes.flatMap(wrap)]
  return rest.length === 0 ? [name] : [name, '─'.repeat(INNER_WIDTH - 6), ...rest]
}

/** Breaks at blanks, and inside words that are longer than a line. */
function wrap(text: string): string[] {
  const limit = INNER_WIDTH - 2
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ').flatMap(part => part.match(new RegExp(`.{1,${limit}}`, 'gsu')) ?? [])) {
    if (line !== '' && line.length + 1 + word.length > limit) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return line === '' ? lines : [...lines, line]
}

function drawRow(cells: ReadonlyMap<number, Cell>): string[] {
  const height = Math.max(...[...cells.values()].map(({ lines }) => lines.length))
  const columns = 1 + Math.max(...[...cells].flatMap(([column, { childColumns }]) => [column, ...childColumns]))
  const draw = (line: (cell: Cell | undefined, column: number) => string): string =>
    Array.from({ length: columns }, (_, column) => line(cells.get(column), column))
      .join('')
      .trimEnd()
  const branches = [...cells].flatMap(([column, { childColumns }]) =>
    childColumns.slice(1).map(to => ({ from: column, to, last: to === childColumns[childColumns.length - 1] })),
  )
  const body = Array.from({ length: height }, (_, row) =>
    draw((cell, column) =>
      cell === undefined ? branchText(branches, column, row === 0) : boxLine(cell, row, row === 0),
    ),
  )
  return [
    draw(cell => (cell === undefined ? ' '.repeat(BOX_WIDTH) : border('┌', '┐', cell.hasParent ? '┴' : '─'))),
    ...body,
    draw((cell, column) =>
      cell === undefined
        ? branchText(branches, column, false)
        : border('└', '┘', cell.childColumns.length > 0 ? '┬' : '─'),
    ),
  ]
}

const border = (left: string, right: string, middle: string): string =>
  left + '─'.repeat(CENTRE - 1) + middle + '─'.repeat(INNER_WIDTH - CENTRE) + right

function boxLine(cell: Cell, row: number, isFirst: boolean): string {
  const text = cell.lines[row] ?? ''
  const left = Math.max(0, INNER_WIDTH - text.length) >> 1
  const inner = (' '.repeat(left) + text).padEnd(INNER_WIDTH).slice(0, INNER_WIDTH)
  return `│${inner}${isFirst && cell.childColumns.length > 1 ? '├' : '│'}`
}

/** A column without a box: what connects the boxes left of it with those below and to the right. */
function branchText(
  branches: readonly { readonly from: number; readonly to: number; readonly last: boolean }[],
  column: number,
  isFirst: boolean,
): string {
  const ends = branches.find(({ to }) => to === column)
  const passes = branches.some(({ from, to }) => from < column && column < to)
  if (!isFirst) return (' '.repeat(CENTRE) + (ends === undefined ? ' ' : '│')).padEnd(BOX_WIDTH)
  if (ends === undefined) return (passes ? '─' : ' ').repeat(BOX_WIDTH)
  return ends.last
    ? `${'─'.repeat(CENTRE)}┐`.padEnd(BOX_WIDTH)
    : `${'─'.repeat(CENTRE)}┬${'─'.repeat(BOX_WIDTH - CENTRE - 1)}`
}
