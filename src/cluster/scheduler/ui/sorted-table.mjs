/** A table whose column heads sort it, with a button for what is more than one looks at. */
import { h, keyedRows, setAttribute, setText } from './dom.mjs'
import { whole } from './format.mjs'

/** More rows come by the button: a browser lays out a few hundred in no time. */
const ROWS = 200

/**
 * `columns`: `{ name, key, number }`, the key of an item being what it is sorted by; `key` and `make` as in `keyedRows`; `tie` orders
 * items of equal keys. Gives the elements to show and `update(items)`.
 */
export function sortedTable({ columns, initial, descending = false, key, make, tie = () => 0, ...properties }) {
  const choice = { column: initial ?? columns[0], descending, rows: ROWS }
  const body = h('tbody')
  const setRows = keyedRows(body, { key, make })
  const more = h('button', {
    type: 'button',
    class: 'more',
    hidden: true,
    onclick: () => change({ rows: choice.rows + ROWS }),
  })
  const heads = columns.map(column => columnHead(column, sortBy))
  let items = []

  function change(changes) {
    Object.assign(choice, changes)
    draw()
  }

  function sortBy(column) {
    change({ column, descending: choice.column === column ? !choice.descending : column.number === true })
  }

  function draw() {
    const sorted = items.toSorted(order(choice, tie))
    setRows(sorted.slice(0, choice.rows))
    more.hidden = sorted.length <= choice.rows
    setText(more, `Show ${Math.min(ROWS, sorted.length - choice.rows)} more of ${whole(sorted.length)}`)
    for (const head of heads) head.update(choice)
  }

  const head = h(
    'thead',
    {},
    h(
      'tr',
      {},
      heads.map(({ element }) => element),
    ),
  )
  return {
    elements: [h('table', properties, head, body), more],
    update(next) {
      items = next
      draw()
    },
  }
}

function order({ column, descending }, tie) {
  const sign = descending ? -1 : 1
  return (left, right) => {
    const [a, b] = [column.key(left), column.key(right)]
    return a === b ? tie(left, right) : a < b ? -sign : sign
  }
}

function columnHead(column, sortBy) {
  const button = h('button', { type: 'button', onclick: () => sortBy(column) }, column.name)
  const element = h('th', { scope: 'col', class: column.number === true ? 'number' : '' }, button)
  return {
    element,
    update({ column: chosen, descending }) {
      setAttribute(element, 'aria-sort', chosen !== column ? 'none' : descending ? 'descending' : 'ascending')
    },
  }
}
