/** Cuts a text to a width, as SVG cannot. */

const context = document.createElement('canvas').getContext('2d')
const family = () => getComputedStyle(document.documentElement).getPropertyValue('--sans')
let font

/** With an ellipsis where it had to be cut. */
export function fitted(text, width, size) {
  font ??= family()
  context.font = `${size} ${font}`
  if (context.measureText(text).width <= width) return text
  let length = Math.min(text.length, Math.ceil(width / 3))
  while (length > 0 && context.measureText(`${text.slice(0, length)}…`).width > width) length--
  return length === 0 ? '' : `${text.slice(0, length).trimEnd()}…`
}
