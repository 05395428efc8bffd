/** A syntax tree as indented text, without places and without what was not written. */

/** One line a node: `field: kind, plain=value`; children below, indented by two spaces. No trailing newline. */
export function astText(node: object): string {
  return lines('', node, '').join('\n')
}

function lines(label: string, node: object, indent: string): string[] {
  const fields = Object.entries(node).filter(([key, value]) => key !== 'kind' && key !== 'span' && isWritten(value))
  const plain = fields.filter(([, value]) => isPlain(value)).map(([key, value]) => `${key}=${plainText(value)}`)
  const kind = 'kind' in node ? [String(node.kind)] : []
  const head = `${indent}${label}${[...kind, ...plain].join(', ')}`
  const below = fields
    .filter(([, value]) => !isPlain(value))
    .flatMap(([key, value]) => childLines(key, value, `${indent}  `))
  return [head, ...below]
}

const childLines = (key: string, value: unknown, indent: string): string[] =>
  (Array.isArray(value) ? value : [value]).flatMap(child => lines(`${key}: `, child as object, indent))

/** Not absent, not false, not an empty list. */
const isWritten = (value: unknown): boolean =>
  value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0)

const isIdent = (value: unknown): value is { readonly name: string } =>
  typeof value === 'object' && value !== null && 'name' in value && 'quoted' in value

/** What fits on its node's line: text, numbers, names and lists of them. */
const isPlain = (value: unknown): boolean =>
  typeof value !== 'object' || value === null || isIdent(value) || (Array.isArray(value) && value.every(isPlain))

function plainText(value: unknown): string {
  if (isIdent(value)) return value.name
  return Array.isArray(value) ? value.map(plainText).join('.') : String(value)
}
