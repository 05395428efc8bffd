/** The words with a meaning of their own somewhere in the grammar, for prompts: most of them can be names too. */
import { KEYWORDS } from './generated/keywords.js'

const known: ReadonlySet<string> = new Set(KEYWORDS)

/** In lower case, alphabetical. */
export const keywords = (): readonly string[] => KEYWORDS

/** `word` in any case. */
export const isKeyword = (word: string): boolean => known.has(word.toLowerCase())
