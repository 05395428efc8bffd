/** How a CSV file is written: its options, read once. */
import { fail } from '../../common/errors.js'
import { booleanOption, integerOption } from '../format-options.js'
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
  readonly gzip: boolean
  /** Records that type inference looks at; 0: every column is VARCHAR. */
  readonly inferRecords: number
  /** Quoted fields may hold line ends, so that a file cannot be cut at any line. */
  readonly newlinesInValues: boolean
}

export const CSV_READ_OPTIONS = [
  'comment',
  'compression',
  'delimiter',
  'double_quote',
  'escape',
  'has_header',
  'newlines_in_values',
  'null_value',
  'quote',
  'schema_infer_max_rec',
]

const INFER_RECORDS = 1000

/** The dialect of a file. Throws INVALID_OPTION, NOT_SUPPORTED. */
export function csvDialect(options: FormatOptions, path: string): CsvDialect {
  const quote = single(options, 'quote', '"')
  const delimiter = unescapeTab(options['delimiter'] ?? ',')
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
    gzip: isGzip(options, path),
    inferRecords: integerOption(options, 'schema_infer_max_rec', INFER_RECORDS),
    newlinesInValues: booleanOption(options, 'newlines_in_values', false),
  }
}

/** Whether the scanner of this project reads the dialect: one-byte delimiter and quote, doubled quotes, no comments. */
export const isUsual = ({ delimiter, quote, escape, comment }: CsvDialect): boolean =>
  delimiter.length === 1 &&
  delimiter.charCodeAt(0) < 128 &&
  (quote === '' || quote.charCodeAt(0) < 128) &&
  escape === quote &&
  comment === ''

/** By the `compression` option, else by the ending `.gz`. */
export function isGzip(options: FormatOptions, path: string): boolean {
  const compression = options['compression']?.toLowerCase()
  if (compression === undefined) return path.toLowerCase().endsWith('.gz')
  if (compression === 'gzip') return true
  if (compression === 'uncompressed' || compression === 'none' || compression === '') return false
  throw fail('NOT_SUPPORTED', [`the compression '${options['compression']}' (known: gzip, uncompressed)`])
}

function single(options: FormatOptions, key: string, defaultValue: string): string {
  const text = options[key] ?? defaultValue
  if (Array.from(text).length > 1) throw fail('INVALID_OPTION', [key, `expected one character, got '${text}'`])
  return text
}

const unescapeTab = (text: string): string => (text === '\\t' ? '\t' : text)
