/** Elements from data. Text is always a text node: nothing that a query says becomes markup. */

const SVG = 'http://www.w3.org/2000/svg'

/** `on…` properties are listeners, `class`, `href`, `aria-…` and the like attributes; false and undefined leave one out. */
export const h = (tag, properties = {}, ...children) => filled(document.createElement(tag), properties, children)

export const svg = (tag, properties = {}, ...children) =>
  filled(document.createElementNS(SVG, tag), properties, children)

function filled(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value)
    else element.setAttribute(name, value === true ? '' : String(value))
  }
  element.append(...children.flat().filter(child => child !== undefined && child !== false))
  return element
}

/** Writes only what differs, so that nothing is laid out in vain. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text
}

export function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value))
}

/** Of 0 to 1; set on the element, since the policy of the page allows no style attribute. */
export function setShare(element, share) {
  element.style.setProperty('--share', String(Math.max(0, Math.min(1, share))))
  return element
}

/**
 * Rows of a table kept in step with data: `key` names an item, `make` gives `{ element, update }`. Elements are reused and moved
 * only where the order has changed.
 */
export function keyedRows(body, { key, make }) {
  const rows = new Map()
  return items => {
    const wanted = new Set(items.map(key))
    for (const [name, { element }] of rows) {
      if (wanted.has(name)) continue
      element.remove()
      rows.delete(name)
    }
    let next = body.firstChild
    for (const item of items) {
      const name = key(item)
      let row = rows.get(name)
      if (row === undefined) {
        row = make(item)
        rows.set(name, row)
      }
      row.update(item)
      if (row.element === next) next = next.nextSibling
      else body.insertBefore(row.element, next)
    }
  }
}
