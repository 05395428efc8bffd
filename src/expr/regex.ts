/**
 * Regular expressions in RE2 syntax (no look-around, no back-references), matched in linear time: patterns come from users and
 * never reach RegExp, which takes exponential time for some. The engine is loaded with the first pattern.
 */
import { createRequire } from 'node:module'
import type { RE2JS } from 're2js'
import { fail } from '../common/errors.js'

export interface Match {
  /** In UTF-16 units; `end` is exclusive. */
  readonly start: number
  readonly end: number
  /** The whole match, then each group; null for a group that took no part. */
  readonly groups: readonly (string | null)[]
}

export interface Regex {
  /** Whether it matches somewhere. */
  test(text: string): boolean
  /** Matches from `start` on, left to right, none overlapping another. */
  matches(text: string, start?: number): Iterable<Match>
}

type Engine = typeof RE2JS

let engine: Engine | undefined

const loadEngine = (): Engine =>
  (engine ??= (createRequire(import.meta.url)('re2js') as { readonly RE2JS: Engine }).RE2JS)

/** Compiled patterns by flags and text; cleared when full, so that data-dependent patterns do not pile up. */
const compiled = new Map<string, Regex>()
const MAX_COMPILED = 256

/** Longest pattern, in UTF-16 units; a compiled one takes far more memory than its text. */
const MAX_PATTERN_LENGTH = 10_000

/** The compiled pattern; throws INVALID_ARGUMENT. Flags: i, m, s (g, c: no effect). */
export function regex(pattern: string, flags = ''): Regex {
  const key = `${flags}/${pattern}`
  const known = compiled.get(key)
  if (known !== undefined) return known
  const made = compile(pattern, flags)
  if (compiled.size >= MAX_COMPILED) compiled.clear()
  compiled.set(key, made)
  return made
}

function compile(pattern: string, flags: string): Regex {
  const { CASE_INSENSITIVE, DOTALL, MULTILINE } = loadEngine()
  const bits: Readonly<Record<string, number>> = { c: 0, g: 0, i: CASE_INSENSITIVE, m: MULTILINE, s: DOTALL }
  let all = 0
  for (const flag of flags) {
    const bit = bits[flag]
    if (bit === undefined)
      throw fail('INVALID_ARGUMENT', [`regular expression flags '${flags}': known are c, g, i, m and s`])
    all |= bit
  }
  if (pattern.length > MAX_PATTERN_LENGTH)
    throw fail('INVALID_ARGUMENT', [`a regular expression of more than ${MAX_PATTERN_LENGTH} characters`])
  return regexOf(parse(pattern, all))
}

function parse(pattern: string, flags: number): RE2JS {
  try {
    return loadEngine().compile(pattern, flags)
  } catch (cause) {
    throw fail('INVALID_ARGUMENT', [`'${pattern}' is not a regular expression: ${(cause as Error).message}`], { cause })
  }
}

function regexOf(program: RE2JS): Regex {
  return {
    test: text => program.test(text),
    *matches(text, start = 0) {
      const matcher = program.matcher(text)
      const groupCount = program.groupCount()
      for (let found = matcher.find(start); found; found = matcher.find()) {
        const groups = Array.from({ length: groupCount + 1 }, (_, i) => matcher.group(i))
        yield { start: matcher.start(), end: matcher.end(), groups }
      }
    },
  }
}

/** A replacement: text, and numbers of groups written `\1` or `$1` (`\\` and `$$` are the characters themselves). */
export function parseReplacement(replacement: string): readonly (string | number)[] {
  return replacement
    .split(/(\\[0-9\\]|\$[0-9$])/)
    .map(part => {
      if (!/^[\\$]./.test(part) || part.length !== 2) return part
      return /[0-9]/.test(part[1]) ? Number(part[1]) : part[1]
    })
    .filter(part => part !== '')
}

/** Matches as pieces of a text are told apart by them: an empty one right behind another is none. */
export function* separateMatches(text: string, pattern: Regex): Iterable<Match> {
  let last = -1
  for (const match of pattern.matches(text)) {
    if (match.end > last) yield match
    last = match.end
  }
}

/** The first match, or every one, replaced. */
export function replaceMatches(
  text: string,
  pattern: Regex,
  replacement: readonly (string | number)[],
  isGlobal: boolean,
): string {
  let result = ''
  let at = 0
  for (const { start, end, groups } of separateMatches(text, pattern)) {
    result += text.slice(at, start)
    for (const part of replacement) result += typeof part === 'string' ? part : (groups[part] ?? '')
    at = end
    if (!isGlobal) break
  }
  return result + text.slice(at)
}

/** SIMILAR TO as a regular expression: `%`, `_` and the operators | * + ? { } ( ) [ ]; the whole text must match. */
export function similarToPattern(pattern: string, escape = '\\'): string {
  let result = ''
  let inBrackets = false
  const points = [...pattern]
  for (let at = 0; at < points.length; at++) {
    const point = points[at]
    if (point === escape && escape !== '') {
      at++
      if (at === points.length) throw fail('INVALID_ARGUMENT', ['SIMILAR TO pattern ends in its escape character'])
      result += quoted(points[at])
    } else if (inBrackets) {
      if (point === ']') inBrackets = false
      result += point === '\\' || point === '[' ? `\\${point}` : point
    } else if (point === '[') {
      inBrackets = true
      result += point
    } else if (point === '%') result += '.*'
    else if (point === '_') result += '.'
    else result += /[|*+?{}()]/.test(point) ? point : quoted(point)
  }
  return `^(?:${result})$`
}

const quoted = (point: string): string => (/[\\^$.|?*+()[\]{}]/.test(point) ? `\\${point}` : point)
