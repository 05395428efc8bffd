/** Column names and types of a CSV file from a sample of its records. */
import { field, type Schema } from '../../arrow/schema.js'
import { BOOLEAN, DATE, FLOAT64, INT64, UTF8, timestamp, type DataType } from '../../arrow/types.js'
import { isCell } from './date-format.js'
import type { CsvDialect } from './dialect.js'

/** What a column's values so far have in common. */
type Guess = 'unknown' | 'boolean' | 'bigint' | 'double' | 'date' | 'timestamp' | 'text'

const TYPES: Readonly<Record<Guess, DataType>> = {
  unknown: UTF8,
  boolean: BOOLEAN,
  bigint: INT64,
  double: FLOAT64,
  date: DATE,
  timestamp: timestamp('ns'),
  text: UTF8,
}

/**
 * Whole numbers are BIGINT, numbers with a point or exponent (or beyond 64 bits) DOUBLE, `YYYY-MM-DD` DATE, ISO 8601 date and time
 * TIMESTAMP, true and false BOOLEAN; a mixture, a quoted empty field, and a column without values VARCHAR.
 */
export class SchemaGuess {
  private readonly names: readonly string[]
  private readonly guesses: Guess[]
  private readonly dialect: CsvDialect

  constructor(names: readonly string[], dialect: CsvDialect) {
    this.names = names
    this.dialect = dialect
    this.guesses = names.map(() => 'unknown')
  }

  /** Takes one record into account; null for NULL. */
  add(record: readonly (string | null)[]): void {
    record.forEach((text, column) => {
      if (text !== null) this.guesses[column] = widen(this.guesses[column], guessOf(text, this.dialect))
    })
  }

  schema(): Schema {
    return { fields: this.names.map((name, column) => field(name, TYPES[this.guesses[column]])) }
  }
}

function guessOf(text: string, dialect: CsvDialect): Guess {
  if (dialect.dateFormat?.(text) !== undefined) return 'date'
  if (dialect.timestampFormat?.(text) !== undefined) return 'timestamp'
  if (/^[+-]?\d+$/.test(text)) {
    const value = BigInt(text.replace(/^\+/, ''))
    return BigInt.asIntN(64, value) === value ? 'bigint' : 'double'
  }
  if (/^[+-]?(\d+\.\d*|\.\d+|\d+)([eE][+-]?\d+)?$/.test(text)) return 'double'
  if (/^(true|false)$/i.test(text)) return 'boolean'
  if (/^\d{4}-\d\d-\d\d$/.test(text) && isCell(text, DATE, dialect)) return 'date'
  if (/^\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,9})?)?$/.test(text) && isCell(text, TYPES.timestamp, dialect))
    return 'timestamp'
  return 'text'
}

function widen(left: Guess, right: Guess): Guess {
  if (left === right || left === 'unknown') return right
  const pair = new Set([left, right])
  if (pair.has('bigint') && pair.has('double')) return 'double'
  if (pair.has('date') && pair.has('timestamp')) return 'timestamp'
  return 'text'
}

/** Names of the columns: the header's fields, or `column_1` and so on. Empty and repeated names get a number. */
export function columnNames(header: readonly (string | null)[] | undefined, fieldCount: number): string[] {
  const taken = new Set<string>()
  return Array.from({ length: fieldCount }, (_, i) => {
    const wanted = header?.[i] || `column_${i + 1}`
    let name = wanted
    for (let number = 1; taken.has(name); number++) name = `${wanted}_${number}`
    taken.add(name)
    return name
  })
}
