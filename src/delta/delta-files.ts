/** What a Delta log says of data files, in the form in which tables are opened. */
import type { CommittedFile, DataType, LoggedColumn, LoggedFile, Schema } from '../index.js'
import { fail } from '../index.js'
import type { Add } from './actions.js'
import type { TableColumns } from './delta-schema.js'

interface FileStatistics {
  readonly numRecords?: number
  readonly tightBounds?: boolean
  readonly minValues?: Readonly<Record<string, unknown>>
  readonly maxValues?: Readonly<Record<string, unknown>>
  readonly nullCount?: Readonly<Record<string, unknown>>
}

/** A file of the table in `directory`. Throws NOT_SUPPORTED for files elsewhere than in the store of the table. */
export function loggedFile(
  add: Add,
  { partitionColumns, physicalNames, schema }: TableColumns & { readonly partitionColumns: readonly string[] },
  directory: string,
): LoggedFile {
  const constants = partitionColumns.map((name): [string, string | null] => {
    const value = add.partitionValues[physicalNames[name] ?? name] ?? null
    // An empty text is NULL, whatever the type.
    return [name, value === '' ? null : value]
  })
  const file = { path: dataPath(add.path, directory), byteLength: add.size, constants: Object.fromEntries(constants) }
  const statistics = parseStatistics(add.stats)
  if (statistics?.numRecords === undefined) return file
  const { numRecords: rowCount } = statistics
  const columns = schema.fields.flatMap(({ name, type }): [string, LoggedColumn][] => {
    if (partitionColumns.includes(name)) return []
    const column = columnOf(statistics, physicalNames[name] ?? name, type)
    return Object.keys(column).length === 0 ? [] : [[name, column]]
  })
  return { ...file, rowCount, columns: Object.fromEntries(columns) }
}

function parseStatistics(text: string | null | undefined): FileStatistics | undefined {
  if (text === null || text === undefined || text === '') return undefined
  try {
    return JSON.parse(text) as FileStatistics
  } catch {
    return undefined
  }
}

function columnOf(statistics: FileStatistics, name: string, type: DataType): LoggedColumn {
  const nullCount = statistics.nullCount?.[name]
  const min = boundText(statistics.minValues?.[name], type, 'min')
  const max = boundText(statistics.maxValues?.[name], type, 'max')
  return {
    ...(typeof nullCount === 'number' ? { nullCount } : {}),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
  }
}

/** Writers cut texts at 32 characters or more. */
const CUT_LENGTH = 32
/** Digits of decimals that the numbers of JSON.parse keep. */
const EXACT_DIGITS = 15

/** A bound as text; undefined where it may not be one: it was cut, or lost digits. */
function boundText(value: unknown, type: DataType, side: 'min' | 'max'): string | undefined {
  switch (type.kind) {
    case 'int':
    case 'date':
      return typeof value === 'string' || Number.isSafeInteger(value) ? String(value) : undefined
    case 'float':
      return typeof value === 'number' ? String(value) : undefined
    case 'decimal':
      return typeof value === 'string' || (typeof value === 'number' && type.precision <= EXACT_DIGITS)
        ? String(value)
        : undefined
    case 'boolean':
      return typeof value === 'boolean' ? String(value) : undefined
    case 'utf8':
      return typeof value === 'string' && (side === 'min' || value.length < CUT_LENGTH) ? value : undefined
    case 'timestamp':
      return typeof value === 'string' ? timestampBound(value, side) : undefined
    default:
      return undefined
  }
}

/** Timestamps are cut to milliseconds. */
function timestampBound(text: string, side: 'min' | 'max'): string | undefined {
  const [, head, fraction = '', zone = ''] = /^(.*:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:?\d\d)?$/.exec(text) ?? []
  if (head === undefined) return undefined
  const millis = fraction.slice(0, 3).padEnd(3, '0')
  return side === 'min' ? text : `${head}.${millis}${fraction.slice(3).padEnd(3, '9')}${zone}`
}

/** The absolute path, or URL, of a file; the log has URLs, of files below the table or elsewhere in its store. */
export function dataPath(url: string, directory: string): string {
  const own = schemeOf(directory) ?? 'file'
  const scheme = schemeOf(url)
  const isAbsolute = scheme !== undefined || url.startsWith('/')
  // An absolute path without a scheme names no bucket.
  if (isAbsolute && (scheme ?? 'file') !== own)
    throw fail('NOT_SUPPORTED', [`the file '${url}' of a Delta table in ${own}://`])
  const path = decodeURIComponent(own === 'file' ? url.replace(/^file:(?:\/\/)?/i, '') : url)
  return isAbsolute ? path : `${directory}/${path}`
}

const schemeOf = (url: string): string | undefined => /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1].toLowerCase()

/** The statistics of a new file as `stats`; its columns hold texts as CAST writes them. */
export function statsText({ columns, rowCount }: CommittedFile, { fields }: Schema): string {
  const of = (value: (column: LoggedColumn, type: DataType) => string | undefined): string => {
    const members = fields.flatMap(({ name, type }) => {
      const text = Object.hasOwn(columns, name) ? value(columns[name], type) : undefined
      return text === undefined ? [] : [`${JSON.stringify(name)}:${text}`]
    })
    return `{${members.join(',')}}`
  }
  // By hand: the numbers of JavaScript do not hold those of BIGINT and DECIMAL.
  const parts = [
    `"numRecords":${rowCount}`,
    `"minValues":${of(({ min }, type) => boundJson(min, type, 'min'))}`,
    `"maxValues":${of(({ max }, type) => boundJson(max, type, 'max'))}`,
    `"nullCount":${of(({ nullCount }) => nullCount?.toString())}`,
  ]
  return `{${parts.join(',')}}`
}

/** A bound as JSON; undefined where the protocol keeps none. */
function boundJson(text: string | undefined, type: DataType, side: 'min' | 'max'): string | undefined {
  if (text === undefined) return undefined
  switch (type.kind) {
    case 'int':
    case 'decimal':
    case 'boolean':
      return text
    case 'float':
      return Number.isFinite(Number(text)) ? text : undefined
    case 'date':
      return JSON.stringify(text)
    case 'utf8':
      // A text that is cut is no upper bound.
      if (text.length > CUT_LENGTH && side === 'max') return undefined
      return JSON.stringify(text.slice(0, CUT_LENGTH))
    case 'timestamp': {
      const [, head, fraction = ''] = /^(.*T\d\d:\d\d:\d\d)(?:\.(\d+))?/.exec(text) ?? []
      if (head === undefined) return undefined
      return JSON.stringify(`${head}.${fraction.slice(0, 3).padEnd(3, '0')}${type.timeZone === undefined ? '' : 'Z'}`)
    }
    default:
      return undefined
  }
}

/** Whether two texts are one value of a partition column: writers do not agree on how they write numbers and times. */
export function isSamePartition(left: string | null, right: string | null, type: DataType): boolean {
  const [one, other] = [left, right].map(text => (text === null || text === '' ? null : canonical(text, type)))
  return one === other
}

function canonical(text: string, type: DataType): string {
  switch (type.kind) {
    case 'int':
      return String(BigInt(text))
    case 'float':
      return String(Number(text))
    case 'decimal':
      return text.includes('.') ? text.replace(/\.?0+$/, '') : text
    case 'boolean':
      return text.toLowerCase()
    case 'timestamp':
      return text
        .replace(' ', 'T')
        .replace(/Z$/, '')
        .replace(/(\.\d*?)0+$/, '$1')
        .replace(/\.$/, '')
    default:
      return text
  }
}
