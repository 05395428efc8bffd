/** SQL in colours, while it is typed. */
import { isKeyword } from '../../parser/keywords.js'
import { tokenAt, type Token } from '../../parser/scan.js'
import { isLiteralType } from '../../parser/words.js'

const RESET = '\u001b[0m'
/** Of the sixteen colours that every theme chooses readable on its own ground. */
const COLORS = {
  keyword: '\u001b[34m',
  type: '\u001b[36m',
  string: '\u001b[32m',
  number: '\u001b[35m',
  comment: '\u001b[90m',
}

/**
 * The part of `sql` from `start` on, with escape sequences around keywords, types, strings, numbers and comments; what a reader
 * sees has the same characters. What comes before `start` decides whether it begins within a string or comment.
 */
export function highlight(sql: string, start = 0): string {
  let text = ''
  for (let at = 0; at < sql.length;) {
    const token = tokenAt(sql, at)
    at = token.end
    if (token.end <= start) continue
    const shown = sql.slice(Math.max(token.start, start), token.end)
    const color = colorOf(token, sql)
    text += color === undefined ? shown : `${color}${shown}${RESET}`
  }
  return text
}

function colorOf(token: Token, sql: string): string | undefined {
  switch (token.kind) {
    case 'string':
      return COLORS.string
    case 'number':
      return COLORS.number
    case 'comment':
      return COLORS.comment
    case 'word': {
      const word = sql.slice(token.start, token.end)
      if (isKeyword(word)) return COLORS.keyword
      return isLiteralType(word) ? COLORS.type : undefined
    }
    case 'space':
    case 'quoted':
    case 'symbol':
      return undefined
  }
}
