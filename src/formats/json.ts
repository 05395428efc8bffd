/** NDJSON, one object a line, and files of one array of objects: reading with exact numbers, writing with all digits. */
import type { Batch } from '../arrow/batch.js'
import { batchFromValues } from '../arrow/column.js'
import { field, type Schema } from '../arrow/schema.js'
import { BOOLEAN, FLOAT64, INT64, UTF8, typeName, type DataType, type Value } from '../arrow/types.js'
import type { FileSplit } from '../catalog/table-provider.js'
import { BallistaError, fail } from '../common/errors.js'
import { parseValue } from '../expr/value-text.js'
import { countSkippedRecords } from '../runtime/io-counters.js'
import { fileSize } from '../storage/read-file.js'
import type { FileHost, FilePlace } from '../storage/store.js'
import { byteRanges, rangeCount, rangeOf } from './byte-ranges.js'
import { openWindow, type ByteSource } from './byte-source.js'
import { compressionOf, openBytes, type ByteSpan } from './compression.js'
import { ignoresErrors } from './csv/dialect.js'
import { integerOption } from './format-options.js'
import type { FileDescription, FileFormat, FileScan, FormatOptions, SplitRequest } from './format.js'
import { NOT_UTF8, invalidLine } from './invalid-line.js'
import { JsonSyntaxError, parseJsonObject, type JsonCell } from './json-text.js'
import { elementsOf, isArrayFile, linesOf, type JsonElement } from './json-elements.js'
import { openJsonEncoder, openJsonWriter } from './json-write.js'

export const jsonFormat: FileFormat = {
  name: 'json',
  extensions: ['json', 'ndjson', 'jsonl'],
  readOptions: ['compression', 'ignore_errors', 'malformed', 'schema_infer_max_rec'],
  writeOptions: ['compression'],
  inspect: inspectJson,
  splits: splitJson,
  scan: scanJson,
  openWriter: openJsonWriter,
  openEncoder: openJsonEncoder,
}

const INFER_RECORDS = 1000
const LF = 10

const openSource = (place: FilePlace, options: FormatOptions, span?: ByteSpan): Promise<ByteSource> =>
  openBytes(place, compressionOf(options, place.path), span)

async function isArray(place: FilePlace, options: FormatOptions): Promise<boolean> {
  const source = await openSource(place, options)
  try {
    return await isArrayFile(source)
  } finally {
    await source.close()
  }
}

/** The values of a part of the file, which is one line after the other or one array. */
async function* elements(place: FilePlace, options: FormatOptions, part: FilePart): AsyncGenerator<JsonElement, void> {
  const { start, end, fileBytes = 0 } = part
  const isWhole = start === 0 && (await isArray(place, options))
  const from = Math.max(0, start - 1)
  const window = await openWindow(
    openSource(place, options, { start: from, expectedBytes: fileBytes }),
    place.path,
    from,
  )
  yield* isWhole ? elementsOf(window, place.path) : linesOf(window, { start, end })
}

interface FilePart {
  readonly start: number
  readonly end: number
  readonly fileBytes?: number
}

async function splitJson(path: string, request: SplitRequest): Promise<readonly FileSplit[]> {
  const size = await fileSize({ path, host: request.host })
  const isCut = compressionOf(request.options, path) === 'none' && rangeCount(size, request) > 1
  const isLines = isCut && !(await isArray({ path, host: request.host }, request.options))
  return byteRanges(path, size, isLines ? rangeCount(size, request) : 1)
}

async function inspectJson(path: string, options: FormatOptions, host: FileHost): Promise<FileDescription> {
  const size = await fileSize({ path, host })
  const limit = integerOption(options, 'schema_infer_max_rec', INFER_RECORDS)
  const place = { path, host }
  const types = new Map<string, DataType | undefined>()
  let records = 0
  let byteLength = 0
  for await (const line of elements(place, options, { start: 0, end: Infinity })) {
    const members = await parseLine(line, place, options)
    if (members === undefined) continue
    for (const [name, cell] of members) types.set(name, widen(types.get(name), cell))
    byteLength = line.position + line.text.length + 1
    if (++records >= Math.max(1, limit)) break
  }
  const schema: Schema = { fields: [...types].map(([name, type]) => field(name, limit === 0 ? UTF8 : (type ?? UTF8))) }
  if (records === 0)
    throw fail('FILE_INVALID', [path, 'is empty: there is nothing to infer columns from; give the table a column list'])
  return {
    schema,
    rowCount: Math.max(records, Math.round((size / byteLength) * records)),
    byteLength: size,
    columns: new Map(),
  }
}

/** The type of a column after one more value: whole numbers BIGINT, others DOUBLE, text and nested values VARCHAR. */
function widen(type: DataType | undefined, cell: JsonCell): DataType | undefined {
  if (cell === null) return type
  const own =
    typeof cell === 'boolean'
      ? BOOLEAN
      : typeof cell === 'object' && cell.kind === 'number'
        ? numberType(cell.text)
        : UTF8
  if (type === undefined || type === own) return own
  return type.kind !== 'utf8' && own.kind !== 'utf8' && type.kind !== 'boolean' && own.kind !== 'boolean'
    ? FLOAT64
    : UTF8
}

const numberType = (text: string): DataType =>
  /^-?\d+$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text) ? INT64 : FLOAT64

/** The members of the object; undefined for what is none where malformed lines are to be left out. */
async function parseLine(
  line: JsonElement,
  place: FilePlace,
  options: FormatOptions,
): Promise<Map<string, JsonCell> | undefined> {
  if (!line.isUtf8) throw await invalid(line, place, options, NOT_UTF8)
  try {
    return parseJsonObject(line.text)
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error
    if (ignoresErrors(options)) return undefined
    throw await invalid(line, place, options, `column ${error.column}: ${error.message}`)
  }
}

const invalid = (line: JsonElement, place: FilePlace, options: FormatOptions, reason: string): Promise<Error> =>
  invalidLine({ ...place, compression: compressionOf(options, place.path), newline: LF }, line.position, reason)

/** Batches of the scan's schema, given away; a member that a line lacks is NULL. Throws FILE_NOT_READABLE, FILE_INVALID. */
export async function* scanJson(scan: FileScan): AsyncGenerator<Batch, void> {
  let wanted = scan.fetch ?? Infinity
  for (const split of scan.splits) {
    for await (const batch of scanSplit(scan, split)) {
      yield batch
      wanted -= batch.rowCount
      if (wanted <= 0) return
    }
  }
}

async function* scanSplit(scan: FileScan, split: FileSplit): AsyncGenerator<Batch, void> {
  const place = { path: split.path, host: scan.host }
  const range = rangeOf(split)
  const part = split.fileBytes === undefined ? range : { ...range, fileBytes: split.fileBytes }
  const batchRows = Math.min(scan.batchRows, scan.fetch ?? Infinity)
  let columns: Value[][] = scan.projection.map(() => [])
  let rowCount = 0
  const flush = (): Batch => {
    const batch = { ...batchFromValues(scan.schema, columns), rowCount }
    columns = scan.projection.map(() => [])
    rowCount = 0
    return batch
  }
  for await (const line of elements(place, scan.options, part)) {
    const values = await rowOf(line, scan, place)
    if (values === undefined) {
      countSkippedRecords(1)
      continue
    }
    values.forEach((value, i) => columns[i].push(value))
    if (++rowCount < batchRows) continue
    scan.signal.throwIfAborted()
    yield flush()
  }
  if (rowCount > 0) yield flush()
}

/** The wanted values of one object; undefined where a malformed one is left out. */
async function rowOf(line: JsonElement, scan: FileScan, place: FilePlace): Promise<Value[] | undefined> {
  const { options, fileSchema, projection } = scan
  const members = await parseLine(line, place, options)
  if (members === undefined) return undefined
  // Which records are left out must not depend on the columns that are asked for.
  if (ignoresErrors(options) && !isOfTypes(members, fileSchema)) return undefined
  const row: Value[] = []
  for (const column of projection) {
    const { name, type } = fileSchema.fields[column]
    const cell = members.get(name) ?? null
    const value = cellValue(cell, type)
    if (value === undefined) {
      const reason = `column '${name}': ${cellText(cell)} is not a value of type ${typeName(type)}`
      throw await invalid(line, place, options, reason)
    }
    row.push(value)
  }
  return row
}

const isOfTypes = (members: ReadonlyMap<string, JsonCell>, { fields }: Schema): boolean =>
  fields.every(({ name, type }) => cellValue(members.get(name) ?? null, type) !== undefined)

const cellText = (cell: JsonCell): string =>
  cell !== null && typeof cell === 'object' ? cell.text : JSON.stringify(cell)

/** undefined: the cell is no value of the type. */
function cellValue(cell: JsonCell, type: DataType): Value | undefined {
  if (cell === null) return null
  if (type.kind === 'utf8') return typeof cell === 'string' ? cell : cellText(cell)
  if (typeof cell === 'boolean') return type.kind === 'boolean' ? cell : undefined
  if (typeof cell === 'object' && cell.kind === 'nested') return undefined
  try {
    return parseValue(typeof cell === 'string' ? cell : cell.text, type)
  } catch (error) {
    if (error instanceof BallistaError) return undefined
    throw error
  }
}
