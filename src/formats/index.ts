/** Every file format; a new one is one line here. */
import { fail } from '../common/errors.js'
import { displayedName } from '../expr/functions/internal-name.js'
import { arrowFormat } from './arrow-ipc.js'
import { csvFormat } from './csv/csv-format.js'
import type { FileFormat } from './format.js'
import { jsonFormat } from './json.js'
import { loadedFormats } from './loaded-formats.js'
import { parquetFormat } from './parquet/parquet-format.js'

export const FORMATS: readonly FileFormat[] = [arrowFormat, csvFormat, jsonFormat, parquetFormat]

/** The format of that name or file name ending (`ndjson`), any case; of extensions also by internal name. Throws NOT_SUPPORTED. */
export function formatNamed(name: string, formats: readonly FileFormat[] = FORMATS): FileFormat {
  const wanted = name.toLowerCase()
  const format = formats.find(candidate => candidate.name === wanted || candidate.extensions.includes(wanted))
  const found = format ?? loadedFormats.get(name)
  if (found !== undefined) return found
  const known = formats.map(candidate => displayedName(candidate.name).toUpperCase()).join(', ')
  throw fail('NOT_SUPPORTED', [`the file format '${displayedName(name)}' (known: ${known})`])
}

/** The format that a file name's ending stands for, before a `.gz` or `.zst`; undefined for an unknown ending. */
export function formatOfPath(path: string, formats: readonly FileFormat[] = FORMATS): FileFormat | undefined {
  const [, extension] = /\.([^./]+?)(?:\.(?:gz|zst))?$/i.exec(path) ?? []
  if (extension === undefined) return undefined
  return formats.find(format => format.extensions.includes(extension.toLowerCase()))
}
