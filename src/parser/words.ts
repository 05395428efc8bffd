/**
 * The word lists of the grammar: what cannot be a name, what cannot be an alias without AS, what starts a special
 * form.
 */

/** Words that cannot be names unless quoted: the grammar would be ambiguous with them, and only with them. */
const RESERVED = words(`all and as between case cast cross distinct else end except exists false from full group having
  ilike in inner intersect into is join lateral left like limit natural not null offset on or order outer qualify right
  select then true union using values when where with`)

/** Names that a table, column or expression may have, but not an alias without AS before it: they may follow it. */
const NEVER_BARE_ALIAS = words(`anti asof escape fetch filter for options over positional semi set stored tablesample
  window within`)

/** Types that may stand before a string, as in `DATE '1998-12-01'`. */
const LITERAL_TYPES =
  words(`bigint bool boolean bytea char character date datetime decimal double float float4 float8 int
  int2 int4 int8 integer numeric real smallint string text time timestamp timestamptz tinyint varchar`)

/** Words after which an expression may be anything but a column or an ordinary call. */
const SPECIAL = words('case cast exists extract false interval null overlay position substring trim true try_cast')

/** Words that cannot name an ordinary call: the grammar has rules of their own for them. */
const NOT_CALLABLE = words('any overlay position some substring trim try_cast')

/** Calls of the SQL standard that are written without parentheses. */
const BARE_CALLS = words('current_date current_time current_timestamp localtime localtimestamp')

const INTERVAL_UNITS = words(`microsecond millisecond second minute hour day week month quarter year decade century`)

/** `word` must be in lower case. True when it cannot be a name unless quoted. */
export function isReserved(word: string): boolean {
  return RESERVED.has(word)
}

/** True when `word` (any case) cannot be an alias without AS. */
export function isStopWord(word: string): boolean {
  return NEVER_BARE_ALIAS.has(word.toLowerCase())
}

/** True when `word` (any case) may start a special form: CASE, CAST, a typed string, … */
export function isSpecial(word: string): boolean {
  const lower = word.toLowerCase()
  return SPECIAL.has(lower) || LITERAL_TYPES.has(lower)
}

/** True when `word` (any case) is a type that may stand before a string. */
export function isLiteralType(word: string): boolean {
  return LITERAL_TYPES.has(word.toLowerCase())
}

/** True when `word` (lower case) followed by `(` is an ordinary call. */
export function isCallableWord(word: string): boolean {
  return !NOT_CALLABLE.has(word)
}

/** True when `word` (lower case) is a call that is written without parentheses. */
export function isBareCall(word: string): boolean {
  return BARE_CALLS.has(word)
}

/** `Days` → `day`; undefined when it is no interval unit. */
export function intervalUnit(word: string): string | undefined {
  const unit = word.toLowerCase()
  if (INTERVAL_UNITS.has(unit)) return unit
  if (unit === 'centuries') return 'century'
  const singular = unit.endsWith('s') ? unit.slice(0, -1) : unit
  return INTERVAL_UNITS.has(singular) ? singular : undefined
}

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(/\s+/))
}
