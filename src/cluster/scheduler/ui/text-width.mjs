/** Cuts a text to a width, as SVG cannot. */

const context = document.createElement('canvas').getContext('2d')
const family = () => getComputedStyle(document.documentElement).getPropertyValue('--sans')
let font

/** In pixels; `size` may name a weight, too. */
export function widthOf(text, size) {
  font ??= family()
  context.font = `${size} ${font}`
  return context.measureText(text).width
}

/** With an ellipsis where it had to be cut. */
export function fitted(text, width, size) {
  if (widthOf(text, size) <= width) return text
  let length = Math.min(text.length, Math.ceil(width / 3))
  while (length > 0 && context.measureText(`${text.slice(0, length)}…`).width > width) length--
  return length === 0 ? '' : `${text.slice(0, length).trimEnd()}…`
}
