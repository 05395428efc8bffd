/** Globs in parts: one segment of a path against names, in time linear in both, and sets in braces. */
import { fail } from '../common/errors.js'

type Token = { readonly kind: 'any' } | { readonly kind: 'one'; readonly matches: (character: string) => boolean }

/** Whether a name matches: `*` stands for any characters, `?` for one, `[a-z]` and `[!a-z]` for one of or not of a set. */
export function globPart(pattern: string): (name: string) => boolean {
  const tokens = tokensOf(pattern)
  return name => {
    const characters = Array.from(name)
    let at = 0
    let token = 0
    // Where to go on when a later token fails: behind the last `*`, one character further.
    let retryToken = -1
    let retryAt = 0
    while (at < characters.length) {
      const current = tokens[token]
      if (current?.kind === 'any') {
        retryToken = ++token
        retryAt = at
      } else if (current?.matches(characters[at]) === true) {
        token++
        at++
      } else if (retryToken >= 0) {
        token = retryToken
        at = ++retryAt
      } else return false
    }
    return tokens.slice(token).every(rest => rest.kind === 'any')
  }
}

function tokensOf(pattern: string): Token[] {
  const tokens: Token[] = []
  // Sets first; a bracket that opens none is itself.
  for (const [text] of pattern.matchAll(/\[!?\]?[^\]]*\]|[^]/gu)) {
    if (text === '*') tokens.push({ kind: 'any' })
    else if (text === '?') tokens.push({ kind: 'one', matches: () => true })
    else if (text.length > 1 && text.startsWith('[')) tokens.push({ kind: 'one', matches: setOf(text) })
    else tokens.push({ kind: 'one', matches: character => character === text })
  }
  return tokens
}

/** `[abc]`, `[a-c]`, `[!a-c]`. */
function setOf(text: string): (character: string) => boolean {
  const isNegated = text.startsWith('[!')
  const ranges = [...text.slice(isNegated ? 2 : 1, -1).matchAll(/([^])-([^])|([^])/gu)].map(
    ([, from, to, single]) => [from ?? single, to ?? single] as const,
  )
  return character => ranges.some(([from, to]) => character >= from && character <= to) !== isNegated
}

/** Alternatives of a pattern at most: `{a,b}{a,b}…` doubles with each set. */
const MAX_ALTERNATIVES = 1000

/** The patterns that one with sets `{a,b}` stands for; braces that do not pair are themselves. */
export function expandSets(pattern: string): string[] {
  const open = pattern.indexOf('{')
  const set = open < 0 ? undefined : setAt(pattern, open)
  if (set === undefined) return [pattern]
  const [head, tail] = [pattern.slice(0, open), pattern.slice(set.end)]
  const expanded = set.choices.flatMap(choice => expandSets(head + choice + tail))
  if (expanded.length > MAX_ALTERNATIVES)
    throw fail('NOT_SUPPORTED', [`a pattern of more than ${MAX_ALTERNATIVES} alternatives`])
  return expanded
}

/** The choices of the set that opens at `open`, and where it ends. */
function setAt(
  pattern: string,
  open: number,
): { readonly choices: readonly string[]; readonly end: number } | undefined {
  const choices: string[] = []
  let depth = 0
  let start = open + 1
  for (let i = open; i < pattern.length; i++) {
    if (pattern[i] === '{') depth++
    if (pattern[i] === ',' && depth === 1) {
      choices.push(pattern.slice(start, i))
      start = i + 1
    }
    if (pattern[i] === '}' && --depth === 0) return { choices: [...choices, pattern.slice(start, i)], end: i + 1 }
  }
  return undefined
}
