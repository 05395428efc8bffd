/** Options of CREATE EXTERNAL TABLE and COPY: their names, spellings and values. */
import { didYouMean, fail } from '../common/errors.js'
import type { FormatOptions } from './format.js'

/** Other spellings in use (DuckDB's COPY) and the option they mean. */
const SYNONYMS: Readonly<Record<string, string>> = {
  dateformat: 'date_format',
  datetime_format: 'timestamp_format',
  header: 'has_header',
  delim: 'delimiter',
  sep: 'delimiter',
  nullstr: 'null_value',
  null: 'null_value',
  null_padding: 'truncated_rows',
  new_line: 'terminator',
  timestampformat: 'timestamp_format',
  sample_size: 'schema_infer_max_rec',
  row_group_size: 'max_row_group_size',
}

/**
 * Keys in lower case, without `format.`, by their first spelling. Throws INVALID_OPTION for a key that is not in `known`.
 */
export function normalizeOptions(options: FormatOptions, known: readonly string[], formatName: string): FormatOptions {
  const normalized: Record<string, string> = {}
  for (const [key, value] of Object.entries(options)) {
    const bare = key.toLowerCase().replace(/^format\./, '')
    const name = SYNONYMS[bare] ?? bare
    if (!known.includes(name)) {
      throw fail('INVALID_OPTION', [
        key,
        `${formatName.toUpperCase()} files have no such option${didYouMean(name, known)}`,
      ])
    }
    normalized[name] = value
  }
  return normalized
}

/** `true` and `false`, also as `1`, `0`, `on`, `off`; an empty value (`HEADER` alone) is true. */
export function booleanOption(options: FormatOptions, key: string, defaultValue: boolean): boolean {
  const text = options[key]?.trim().toLowerCase()
  if (text === undefined) return defaultValue
  if (text === 'true' || text === '1' || text === 'on' || text === '') return true
  if (text === 'false' || text === '0' || text === 'off') return false
  throw fail('INVALID_OPTION', [key, `expected true or false, got '${options[key]}'`])
}

export function integerOption(options: FormatOptions, key: string, defaultValue: number): number {
  const text = options[key]
  if (text === undefined) return defaultValue
  if (!/^\s*\d+\s*$/.test(text)) throw fail('INVALID_OPTION', [key, `expected a whole number, got '${text}'`])
  return Number(text)
}
