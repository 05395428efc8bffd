/**
 * Prints syntax trees compactly, without spans and without what was not written, so that a test can state them whole.
 */

/** `a.b`, `"A"`, `1`, `'x'`, `(a + 1)`; other nodes as `kind(field: value, …)`; lists in square brackets. */
export function showTree(value: unknown): string {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return `[${value.map(showTree).join(', ')}]`
  if (typeof value !== 'object' || value === null) return String(value)
  const node = value as Record<string, unknown>
  if (typeof node.quoted === 'boolean') return node.quoted ? `"${String(node.name)}"` : String(node.name)
  switch (node.kind) {
    case 'column':
      return (node.path as unknown[]).map(showTree).join('.')
    case 'number':
      return String(node.text)
    case 'string':
      return `'${String(node.value)}'`
    case 'boolean':
      return String(node.value)
    case 'star':
      return '*'
    case 'binary':
      return `(${showTree(node.left)} ${String(node.op)} ${showTree(node.right)})`
    case 'unary':
      return `(${String(node.op)} ${showTree(node.input)})`
    default:
      return showFields(node)
  }
}

function showFields({ kind, ...fields }: Record<string, unknown>): string {
  const shown = Object.entries(fields).filter(([key, value]) => key !== 'span' && !isAbsent(key, value))
  const text = shown.map(([key, value]) => `${key}: ${showTree(value)}`).join(', ')
  if (typeof kind !== 'string') return `{${text}}`
  return text === '' ? kind : `${kind}(${text})`
}

function isAbsent(key: string, value: unknown): boolean {
  return (
    (value === false && key !== 'nullsFirst') || value === undefined || (Array.isArray(value) && value.length === 0)
  )
}
