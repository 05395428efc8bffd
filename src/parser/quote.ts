/** Writes names and texts so that the parser reads them back unchanged. */
import { isBareCall, isReserved } from './words.js'

const PLAIN = /^[a-z_][a-z0-9_]*$/

/** The name as SQL: bare when it would be read back as itself, else in double quotes. */
export function quoteIdent(name: string): string {
  return PLAIN.test(name) && !isReserved(name) && !isBareCall(name) ? name : `"${name.replaceAll('"', '""')}"`
}

/** The text as a SQL string literal in single quotes. */
export function quoteString(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
