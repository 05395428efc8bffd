/** Text of SVG drawings that are readable on light and dark pages, with the fonts that are there. */

export interface Size {
  readonly width: number
  readonly height: number
}

export type Attributes = Readonly<Record<string, string | number>>

/** Colours by role; the drawing follows the reader's scheme and paints its own ground, so that no page can swallow the text. */
const STYLE = `
  svg { font: 12px system-ui, -apple-system, 'Segoe UI', sans-serif }
  .ground { fill: #ffffff } .text { fill: #1f2328 } .quiet { fill: #59636e } .grid { stroke: #d1d9e0 } .even { stroke: #59636e }
  .ours { fill: #0f6fde; stroke: #0f6fde } .theirs { fill: #c77700; stroke: #c77700 }
  .title { font-size: 15px; font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117 } .text { fill: #f0f6fc } .quiet { fill: #9198a1 } .grid { stroke: #3d444d } .even { stroke: #9198a1 }
    .ours { fill: #4c9dff; stroke: #4c9dff } .theirs { fill: #f0a33a; stroke: #f0a33a }
  }
`

/** A complete document; `title` and `summary` are what a screen reader says. */
export const svgDocument = ({ width, height }: Size, title: string, summary: string, body: readonly string[]): string =>
  `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    element('title', {}, escape(title)),
    element('desc', {}, escape(summary)),
    `<style>${STYLE}</style>`,
    element('rect', { class: 'ground', width, height }),
    ...body,
    '</svg>',
  ].join('\n')}\n`

export const rect = (attributes: Attributes): string => element('rect', attributes)
export const line = (attributes: Attributes): string => element('line', attributes)
export const circle = (attributes: Attributes): string => element('circle', attributes)
/** Through these points, in order. `fill` wins over that of the class. */
export const polyline = (
  { fill, ...attributes }: Attributes & { readonly fill: string },
  points: readonly (readonly [number, number])[],
): string =>
  element('polyline', {
    ...attributes,
    style: `fill:${fill}`,
    points: points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' '),
  })

export const label = (content: string, attributes: Attributes): string => element('text', attributes, escape(content))

/** Numbers get one decimal: a tenth of a pixel. */
function element(name: string, attributes: Attributes, content?: string): string {
  const written = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${typeof value === 'number' ? Number(value.toFixed(1)) : escape(value)}"`)
    .join('')
  return content === undefined ? `<${name}${written}/>` : `<${name}${written}>${content}</${name}>`
}

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
