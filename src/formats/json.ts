/** NDJSON, one object a line: reading with exact numbers, writing with all digits. */
import { stat } from 'node:fs/promises'
import type { Batch } from '../arrow/batch.js'
import { batchFromValues } from '../arrow/column.js'
import { readText } from '../arrow/memory.js'
import { field, type Schema } from '../arrow/schema.js'
import { BOOLEAN, FLOAT64, INT64, UTF8, typeName, type DataType, type Value } from '../arrow/types.js'
import type { FileSplit } from '../catalog/table-provider.js'
import { BallistaError, fail } from '../common/errors.js'
import { parseValue } from '../expr/value-text.js'
import { byteRanges, rangeCount } from './byte-ranges.js'
import { ByteWindow, lineAt, type ByteSource } from './byte-source.js'
import { compressionOf, openBytes } from './compression.js'
import { integerOption } from './format-options.js'
import type { FileDescription, FileFormat, FileScan, FormatOptions, SplitRequest } from './format.js'
import { JsonSyntaxError, parseJsonObject, type JsonCell } from './json-text.js'
import { openJsonWriter } from './json-write.js'
import { notReadable, type FilePlace } from './read-file.js'

export const jsonFormat: FileFormat = {
  name: 'json',
  extensions: ['json', 'ndjson', 'jsonl'],
  readOptions: ['compression', 'schema_infer_max_rec'],
  writeOptions: ['compression'],
  inspect: inspectJson,
  splits: splitJson,
  scan: scanJson,
  openWriter: openJsonWriter,
}

const INFER_RECORDS = 1000
const LF = 10

const openSource = (place: FilePlace, options: FormatOptions, start = 0): Promise<ByteSource> =>
  openBytes(place, compressionOf(options, place.path), start)

async function splitJson(path: string, request: SplitRequest): Promise<readonly FileSplit[]> {
  const { size } = await stat(path).catch((error: unknown) => {
    throw notReadable({ path, host: request.host }, error)
  })
  return byteRanges(path, size, compressionOf(request.options, path) === 'none' ? rangeCount(size, request) : 1)
}

interface Line {
  readonly text: string
  /** Byte in the file. */
  readonly position: number
}

/** The lines that start in [start, end), without blank ones. The source starts at byte `start` - 1 (0 for 0). */
async function* linesOf(
  source: ByteSource,
  path: string,
  { start, end }: { readonly start: number; readonly end: number },
): AsyncGenerator<Line, void> {
  const window = new ByteWindow(source, path, Math.max(0, start - 1))
  try {
    await window.fill()
    let isSkipping = start > 0
    for (;;) {
      const found = window.indexOf(LF, window.start)
      if (found < 0 && !window.atEnd) {
        await window.fill()
        continue
      }
      const lineEnd = found < 0 ? window.end : found
      const position = window.position(window.start)
      if (!isSkipping && position >= end) return
      const text = readText(window.block + window.start, lineEnd - window.start)
      if (!isSkipping && text.trim() !== '') yield { text, position }
      isSkipping = false
      if (found < 0) return
      window.start = found + 1
    }
  } finally {
    window.close()
  }
}

async function inspectJson(path: string, options: FormatOptions, host: string): Promise<FileDescription> {
  const { size } = await stat(path).catch((error: unknown) => {
    throw notReadable({ path, host }, error)
  })
  const limit = integerOption(options, 'schema_infer_max_rec', INFER_RECORDS)
  const source = await openSource({ path, host }, options)
  const types = new Map<string, DataType | undefined>()
  let records = 0
  let byteLength = 0
  try {
    for await (const line of linesOf(source, path, { start: 0, end: Infinity })) {
      for (const [name, cell] of await parseLine(line, { path, host }, options))
        types.set(name, widen(types.get(name), cell))
      byteLength = line.position + line.text.length + 1
      if (++records >= Math.max(1, limit)) break
    }
  } finally {
    await source.close()
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

async function parseLine(line: Line, place: FilePlace, options: FormatOptions): Promise<Map<string, JsonCell>> {
  try {
    return parseJsonObject(line.text)
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error
    throw await invalid(line, place, options, `column ${error.column}: ${error.message}`)
  }
}

async function invalid(line: Line, place: FilePlace, options: FormatOptions, reason: string): Promise<Error> {
  const source = await openSource(place, options)
  try {
    return fail('FILE_INVALID', [place.path, `line ${await lineAt(source, line.position)}, ${reason}`])
  } finally {
    await source.close()
  }
}

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
  const { start, end } = split.range ?? { start: 0, end: Infinity }
  const source = await openSource(place, scan.options, Math.max(0, start - 1))
  const batchRows = Math.min(scan.batchRows, scan.fetch ?? Infinity)
  const fields = scan.projection.map(column => scan.fileSchema.fields[column])
  let columns: Value[][] = fields.map(() => [])
  let rowCount = 0
  const flush = (): Batch => {
    const batch = { ...batchFromValues(scan.schema, columns), rowCount }
    columns = fields.map(() => [])
    rowCount = 0
    return batch
  }
  try {
    for await (const line of linesOf(source, split.path, { start, end })) {
      const members = await parseLine(line, place, scan.options)
      for (const [i, { name, type }] of fields.entries()) {
        const value = cellValue(members.get(name) ?? null, type)
        if (value === undefined) {
          const reason = `column '${name}': ${cellText(members.get(name) ?? null)} is not a value of type ${typeName(type)}`
          throw await invalid(line, place, scan.options, reason)
        }
        columns[i].push(value)
      }
      if (++rowCount < batchRows) continue
      scan.signal.throwIfAborted()
      yield flush()
    }
    if (rowCount > 0) yield flush()
  } finally {
    await source.close()
  }
}

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
