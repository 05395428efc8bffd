/** LIKE patterns: their pieces for the kernels, and a matcher over strings. */

/** What a pattern is made of: literal texts, `_` (exactly one character) and `%` (any characters). */
export type LikePiece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'one' }
  | { readonly kind: 'any' }

/** The pieces of a pattern; `escape` (default backslash, empty: none) makes the next character literal. */
export function likePieces(pattern: string, escape = '\\'): LikePiece[] {
  const pieces: LikePiece[] = []
  let text = ''
  const flush = (): void => {
    if (text !== '') pieces.push({ kind: 'text', text })
    text = ''
  }
  const points = [...pattern]
  for (let i = 0; i < points.length; i++) {
    const point = points[i]
    if (point === escape && i + 1 < points.length) {
      text += points[++i]
    } else if (point === '%' || point === '_') {
      flush()
      if (point === '_') pieces.push({ kind: 'one' })
      else if (pieces.at(-1)?.kind !== 'any') pieces.push({ kind: 'any' })
    } else {
      text += point
    }
  }
  flush()
  return pieces
}

/** Matchers by pattern; cleared when full, so that patterns from data do not pile up. */
const matchers = new Map<string, (text: string) => boolean>()
const MAX_MATCHERS = 256

/** Whether a text matches the pattern as a whole; case-insensitive matching compares lower-case forms. */
export function likeMatcher(
  pattern: string,
  escape: string | undefined,
  caseInsensitive: boolean,
): (text: string) => boolean {
  const key = `${caseInsensitive ? 'i' : 's'}${escape ?? '\\'}\0${pattern}`
  const known = matchers.get(key)
  if (known) return known
  const pieces = likePieces(caseInsensitive ? pattern.toLowerCase() : pattern, escape ?? '\\')
  const match = (text: string): boolean => matchPieces(pieces, [...(caseInsensitive ? text.toLowerCase() : text)])
  if (matchers.size >= MAX_MATCHERS) matchers.clear()
  matchers.set(key, match)
  return match
}

/** Units that no code point equals, because they are longer than one. */
const WILDCARD = { one: 'one', any: 'any' } as const

/** Greedy with one point of return (the last `%`): linear in memory, text × pattern in time. */
function matchPieces(pieces: readonly LikePiece[], text: readonly string[]): boolean {
  const units: readonly string[] = pieces.flatMap(piece =>
    piece.kind === 'text' ? [...piece.text] : [WILDCARD[piece.kind]],
  )
  let at = 0
  let unit = 0
  let returnUnit = -1
  let returnAt = 0
  while (at < text.length) {
    const next = units[unit]
    if (next === WILDCARD.any) {
      returnUnit = unit++
      returnAt = at
    } else if (next !== undefined && (next === WILDCARD.one || next === text[at])) {
      unit++
      at++
    } else if (returnUnit >= 0) {
      unit = returnUnit + 1
      at = ++returnAt
    } else {
      return false
    }
  }
  while (units[unit] === WILDCARD.any) unit++
  return unit === units.length
}
