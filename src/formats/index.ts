/** Every file format; a new one is one line here. */
import { fail } from '../common/errors.js'
import { arrowFormat } from './arrow-ipc.js'
import { csvFormat } from './csv/csv-format.js'
import type { FileFormat } from './format.js'
import { jsonFormat } from './json.js'
import { parquetFormat } from './parquet/parquet-format.js'

export const FORMATS: readonly FileFormat[] = [arrowFormat, csvFormat, jsonFormat, parquetFormat]

/** The format of that name or file name ending (`ndjson`), any case. Throws NOT_SUPPORTED. */
export function formatNamed(name: string): FileFormat {
  const wanted = name.toLowerCase()
  const format = FORMATS.find(candidate => candidate.name === wanted || candidate.extensions.includes(wanted))
  if (format !== undefined) return format
  const known = FORMATS.map(candidate => candidate.name.toUpperCase()).join(', ')
  throw fail('NOT_SUPPORTED', [`the file format '${name}' (known: ${known})`])
}

/** The format that a file name's ending stands for, before a `.gz` or `.zst`; undefined for an unknown ending. */
export function formatOfPath(path: string): FileFormat | undefined {
  const [, extension] = /\.([^./]+?)(?:\.(?:gz|zst))?$/i.exec(path) ?? []
  if (extension === undefined) return undefined
  return FORMATS.find(format => format.extensions.includes(extension.toLowerCase()))
}
