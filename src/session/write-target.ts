/** Where a COPY writes and how, from its path, its clauses and its options. */
import { randomUUID } from 'node:crypto'
import type { DataType } from '../arrow/types.js'
import type { RegisteredTableFormat } from '../catalog/table-format.js'
import type { FileTarget, WriteIntent, WriteMode } from '../catalog/table-write.js'
import { didYouMean, fail, type Span } from '../common/errors.js'
import { configOf, type Settings } from '../common/option.js'
import { writeCoordinator } from '../commit/committers.js'
import { checkWriteOptions } from '../formats/open-writer.js'
import { formatNamed } from '../formats/index.js'
import { writePlan } from '../logical/build.js'
import type { LogicalPlan, PlanSchema } from '../logical/plan.js'
import { schemaOf, toArrowSchema } from '../logical/schema-of.js'
import type { StatementNode } from '../parser/ast.js'
import { isRemote } from '../storage/stores.js'
import { castTo } from './table-rows.js'
import { idempotencyKey } from './options.js'

type CopyNode = Extract<StatementNode, { kind: 'copy' }>

export interface WriteRequest {
  readonly target: FileTarget
  readonly mode: WriteMode
}

/** What a column of the type is in files of the format: Parquet has no timestamps of whole seconds. */
export const typeInFiles = (type: DataType, format: string): DataType =>
  format === 'parquet' && type.kind === 'timestamp' && type.unit === 's' ? { ...type, unit: 'ms' } : type

function rowsInFiles(rows: LogicalPlan, format: string): LogicalPlan {
  const { fields } = toArrowSchema(schemaOf(rows))
  const inFiles = fields.map(field => ({ ...field, type: typeInFiles(field.type, format) }))
  return inFiles.every(({ type }, i) => type === fields[i].type) ? rows : castTo(rows, { fields: inFiles })
}

/** The plan that stages the rows, and what its coordinator needs to know. */
export function plannedWrite(
  rows: LogicalPlan,
  { mode, target }: WriteRequest,
  { settings, submission = '' }: { readonly settings: Settings; readonly submission?: string | undefined },
  formats: readonly RegisteredTableFormat[],
): { readonly plan: LogicalPlan; readonly intent: WriteIntent } {
  const key = configOf(settings).get(idempotencyKey) || submission
  const intent = { writeId: randomUUID(), target, mode, ...(key === '' ? {} : { idempotencyKey: key }) }
  const staged = writeCoordinator({ tableFormats: formats }).committerOf(target).stage(intent)
  return { plan: writePlan(rowsInFiles(rows, target.format), staged), intent }
}

/**
 * A path that ends in `/`, PARTITIONED BY, or `single_file false` mean a directory; else it is a file. Options of the write, beside
 * those of the format: mode (error, append, overwrite; also as `overwrite` or `append`), partition_by, sort_by, single_file.
 * By default a file is replaced, and a directory gets more files. Throws INVALID_OPTION, COLUMN_NOT_FOUND, NOT_SUPPORTED.
 */
export function copyTarget(statement: CopyNode, path: string, rows: LogicalPlan): WriteRequest {
  const { append, mode, overwrite, partition_by, single_file, sort_by, ...options } = statement.options
  const named = statement.partitionBy?.map(({ name }) => name) ?? listOf(partition_by)
  const schema = schemaOf(rows)
  const partitionBy = named.map(name => columnNamed(schema, name, statement.span))
  const isDirectory = partitionBy.length > 0 || path.endsWith('/') || flag('single_file', single_file) === false
  if (isDirectory && flag('single_file', single_file) === true)
    throw fail('INVALID_OPTION', ['single_file', 'the rows go to a directory'])
  checkPartitions(partitionBy, schema)
  const sortBy = listOf(sort_by).map(each => {
    const [, name, direction = ''] = /^(.*?)(?:\s+(asc|desc))?$/i.exec(each) ?? [each, each]
    return { column: columnNamed(schema, name, statement.span), descending: direction.toLowerCase() === 'desc' }
  })
  const name = (statement.format ?? /\.([a-z]+)(?:\.(?:gz|zst))?$/i.exec(path)?.[1] ?? '').toLowerCase()
  checkWriteOptions(name, options)
  const target: FileTarget = {
    kind: isRemote(path) ? 'objects' : isDirectory ? 'directory' : 'file',
    path: isDirectory && !path.endsWith('/') ? `${path}/` : path,
    format: formatNamed(name).name,
    options,
    ...(partitionBy.length === 0 ? {} : { partitionBy }),
    ...(sortBy.length === 0 ? {} : { sortBy }),
  }
  return { target, mode: modeOf({ append, mode, overwrite }, isDirectory) }
}

interface ModeOptions {
  readonly append: string | undefined
  readonly mode: string | undefined
  readonly overwrite: string | undefined
}

function modeOf({ append, mode, overwrite }: ModeOptions, isDirectory: boolean): WriteMode {
  const wanted = [
    ...(mode === undefined ? [] : [mode.toLowerCase()]),
    ...(flag('append', append) === true ? ['append'] : []),
    ...(overwrite === undefined ? [] : [flag('overwrite', overwrite) === true ? 'overwrite' : 'error']),
  ]
  if (wanted.length > 1) throw fail('INVALID_OPTION', ['mode', `is given twice: ${wanted.join(' and ')}`])
  const [chosen = isDirectory ? 'append' : 'overwrite'] = wanted
  if (chosen === 'append' && !isDirectory)
    throw fail('INVALID_OPTION', ['mode', 'nothing is appended to a file; write to a directory (its path ends in /)'])
  if (chosen === 'error' || chosen === 'append' || chosen === 'overwrite') return chosen
  throw fail('INVALID_OPTION', ['mode', `expected error, append or overwrite, got '${chosen}'`])
}

/** `a, b` */
const listOf = (list: string | undefined): string[] =>
  list === undefined ? [] : list.split(',').map(each => each.trim())

function flag(name: string, value: string | undefined): boolean | undefined {
  if (value === undefined) return undefined
  const lower = value.toLowerCase()
  if (lower === 'true' || lower === '1') return true
  if (lower === 'false' || lower === '0') return false
  throw fail('INVALID_OPTION', [name, `expected true or false, got '${value}'`])
}

/** As the schema writes it. */
function columnNamed(schema: PlanSchema, name: string, span: Span): string {
  const names = schema.map(column => column.name)
  const found = names.find(each => each === name) ?? names.find(each => each.toLowerCase() === name.toLowerCase())
  if (found === undefined) throw fail('COLUMN_NOT_FOUND', [name, didYouMean(name, names)], { span })
  return found
}

const NESTED: ReadonlySet<string> = new Set(['list', 'struct', 'map', 'interval', 'binary'])

function checkPartitions(partitionBy: readonly string[], schema: PlanSchema): void {
  const repeated = partitionBy.find((name, i) => partitionBy.indexOf(name) < i)
  if (repeated !== undefined) throw fail('INVALID_OPTION', ['partition_by', `names '${repeated}' twice`])
  if (partitionBy.length > 0 && partitionBy.length === schema.length)
    throw fail('INVALID_OPTION', ['partition_by', 'no column would be left for the files'])
  for (const name of partitionBy) {
    // Directories with such names are hidden.
    if (/^[._]/.test(name))
      throw fail('INVALID_OPTION', ['partition_by', `the name '${name}' begins with '${name[0]}'`])
    const kind = schema.find(column => column.name === name)?.type.kind ?? ''
    if (NESTED.has(kind)) throw fail('NOT_SUPPORTED', [`partitioning by '${name}' (${kind})`])
  }
}
