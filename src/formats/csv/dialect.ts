/** How a CSV file is written: its options, read once. */
import { fail } from '../../common/errors.js'
import { booleanOption, integerOption } from '../format-options.js'
import { dateFormat, type DateFormat } from './date-format.js'
import { compressionOf, type Compression } from '../compression.js'
import type { FormatOptions } from '../format.js'

export interface CsvDialect {
  readonly hasHeader: boolean
  readonly delimiter: string
  /** One character; empty: fields are never quoted. */
  readonly quote: string
  /** What stands before a quote inside a quoted field: the quote itself, or this character. */
  readonly escape: string
  /** Lines that start with it are skipped; empty: none. */
  readonly comment: string
  /** This unquoted text is NULL, like an empty field. */
  readonly nullValue: string
  readonly compression: Compression
  /** Records that type inference looks at; 0: every column is VARCHAR. */
  readonly inferRecords: number
  /** Quoted fields may hold line ends, so that a file cannot be cut at any line. */
  readonly newlinesInValues: boolean
  /** The byte that ends lines (behind an optional CR if it is LF); auto: CR in a file without LF at its start, else LF. */
  readonly lineEnd: 'auto' | 'lf' | 'cr'
  /** Records may have fewer fields than the table; the others are NULL. */
  readonly truncatedRows: boolean
  /** Malformed records and values leave their record out instead of ending the query. */
  readonly ignoreErrors: boolean
  /** How dates and timestamps are written; absent: ISO 8601. */
  readonly dateFormat?: DateFormat
  readonly timestampFormat?: DateFormat
}

export const CSV_READ_OPTIONS = [
  'comment',
  'compression',
  'date_format',
  'delimiter',
  'double_quote',
  'escape',
  'has_header',
  'ignore_errors',
  'malformed',
  'newlines_in_values',
  'null_value',
  'quote',
  'schema_infer_max_rec',
  'terminator',
  'timestamp_format',
  'truncated_rows',
]

const INFER_RECORDS = 1000

/** Names of files whose fields are separated by tabs unless an option says otherwise. */
const TAB_SEPARATED = /\.tsv(?:\.(?:gz|zst))?$/i

/** The dialect of a file. Throws INVALID_OPTION, NOT_SUPPORTED. */
export function csvDialect(options: FormatOptions, path: string): CsvDialect {
  const quote = single(options, 'quote', '"')
  const delimiter = unescapeTab(options['delimiter'] ?? (TAB_SEPARATED.test(path) ? '\t' : ','))
  if (delimiter === '' || /[\r\n]/.test(delimiter) || delimiter === quote) {
    throw fail('INVALID_OPTION', [
      'delimiter',
      `expected a character other than the quote and line ends, got '${delimiter}'`,
    ])
  }
  return {
    hasHeader: booleanOption(options, 'has_header', true),
    delimiter,
    quote,
    escape: booleanOption(options, 'double_quote', true)
      ? single(options, 'escape', '') || quote
      : single(options, 'escape', '\\'),
    comment: single(options, 'comment', ''),
    nullValue: options['null_value'] ?? '',
    compression: compressionOf(options, path),
    inferRecords: integerOption(options, 'schema_infer_max_rec', INFER_RECORDS),
    newlinesInValues: booleanOption(options, 'newlines_in_values', false),
    lineEnd: lineEndOf(options),
    truncatedRows: booleanOption(options, 'truncated_rows', false),
    ignoreErrors: ignoresErrors(options),
    ...formats(options),
  }
}

function formats(options: FormatOptions): Pick<CsvDialect, 'dateFormat' | 'timestampFormat'> {
  const { date_format: date, timestamp_format: timestamp } = options
  return {
    ...(date === undefined ? {} : { dateFormat: dateFormat(date, 'date_format') }),
    ...(timestamp === undefined ? {} : { timestampFormat: dateFormat(timestamp, 'timestamp_format') }),
  }
}

function lineEndOf(options: FormatOptions): CsvDialect['lineEnd'] {
  const text = options['terminator']?.replaceAll('\\r', '\r').replaceAll('\\n', '\n')
  if (text === undefined || text === '') return 'auto'
  if (text === '\n' || text === '\r\n') return 'lf'
  if (text === '\r') return 'cr'
  throw fail('INVALID_OPTION', ['terminator', `expected '\\n', '\\r\\n' or '\\r', got '${text}'`])
}

/** `malformed` says it in words; `ignore_errors` is DuckDB's name. */
export function ignoresErrors(options: FormatOptions): boolean {
  const word = options['malformed']?.toLowerCase()
  if (word === undefined) return booleanOption(options, 'ignore_errors', false)
  if (word === 'skip' || word === 'error') return word === 'skip'
  throw fail('INVALID_OPTION', ['malformed', `expected 'error' or 'skip', got '${options['malformed']}'`])
}

/** Whether the scanner of this project reads the dialect: delimiter, quote, escape and comment of one byte. */
export const isUsual = ({ delimiter, quote, escape, comment }: CsvDialect): boolean =>
  delimiter.length === 1 && [delimiter, quote, escape, comment].every(text => text === '' || text.charCodeAt(0) < 128)

function single(options: FormatOptions, key: string, defaultValue: string): string {
  const text = options[key] ?? defaultValue
  if (Array.from(text).length > 1) throw fail('INVALID_OPTION', [key, `expected one character, got '${text}'`])
  return text
}

const unescapeTab = (text: string): string => (text === '\\t' ? '\t' : text)
