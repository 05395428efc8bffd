/** Which columns of a table stand in its files, and which have one value throughout a file: partitions and the file's name. */
import type { Field, Schema } from '../arrow/schema.js'
import { UTF8, type DataType, type Value } from '../arrow/types.js'
import type { ConstantColumn, FileLayout } from '../catalog/table-provider.js'
import { fail } from '../common/errors.js'
import { exprTree, literal, type Expr } from '../expr/expr.js'
import { foldConstants } from '../expr/fold.js'
import { booleanOption } from './format-options.js'
import type { FormatOptions } from './format.js'
import { commonKeys, partitionField, partitionTexts, partitionValue, type PartitionTexts } from './hive-partitions.js'

/** Options of tables over files, of every format. */
export const LISTING_OPTIONS = ['filename', 'hive_partitioning', 'hive_types_autocast', 'union_by_name']

export interface ListingOptions {
  /** Undefined: if all files have the same keys. */
  readonly hivePartitioning: boolean | undefined
  /** Whether partition columns get the type that their texts have, and not VARCHAR. */
  readonly infersTypes: boolean
  /** Name of the column with the path of the file. */
  readonly filename: string | undefined
  readonly unionByName: boolean
}

/** Throws INVALID_OPTION. */
export function listingOptions(options: FormatOptions): ListingOptions {
  const { filename = 'false', hive_partitioning: hive } = options
  const isFlag = /^\s*(?:true|false|1|0|on|off|)\s*$/i.test(filename)
  return {
    hivePartitioning: hive === undefined ? undefined : booleanOption(options, 'hive_partitioning', true),
    infersTypes: booleanOption(options, 'hive_types_autocast', true),
    filename: !isFlag ? filename : booleanOption({ filename }, 'filename', false) ? 'filename' : undefined,
    unionByName: booleanOption(options, 'union_by_name', false),
  }
}

/** A partition column by name; its type is found if it is not given. */
export interface PartitionKey {
  readonly name: string
  readonly type?: DataType
}

export interface KeyRequest extends Pick<ListingOptions, 'hivePartitioning' | 'infersTypes'> {
  readonly files: readonly string[]
  /** Only directories below count; empty: all. */
  readonly base: string
  /** The keys that PARTITIONED BY names, which must be there. */
  readonly partitionedBy: readonly PartitionKey[]
}

/** The partition columns, in the order of the directories. FILE_INVALID where a file lacks one that is asked for. */
export function partitionFields(request: KeyRequest): readonly Field[] {
  const { base, files, hivePartitioning, infersTypes, partitionedBy } = request
  if (hivePartitioning === false) return []
  const texts = files.map(file => partitionTexts(file, base))
  const keys = partitionedBy.length > 0 ? partitionedBy : commonKeys(texts)?.map((name): PartitionKey => ({ name }))
  if (keys === undefined) {
    if (hivePartitioning === true) checkKeys(files, texts)
    return []
  }
  return keys.map(({ name, type }) => {
    if (type === undefined && infersTypes) return partitionField(name, texts)
    return { name, type: type ?? UTF8, nullable: true }
  })
}

/** Tells which file has other keys than the first. */
function checkKeys(files: readonly string[], texts: readonly PartitionTexts[]): void {
  const keys = (file: PartitionTexts): string => (file.size === 0 ? 'no key=value' : [...file.keys()].join(', '))
  const other = texts.findIndex(file => keys(file) !== keys(texts[0]))
  if (other < 0) return
  const reason = `its directories give ${keys(texts[other])}, those of ${files[0]} ${keys(texts[0])}`
  throw fail('FILE_INVALID', [files[other], reason])
}

export interface FileColumns {
  /** Of the table. */
  readonly schema: Schema
  /** Of the files: the table's, and others that a partition column hides. */
  readonly fileSchema: Schema
  readonly partitions: readonly Field[]
  readonly filename: string | undefined
  readonly base: string
}

/**
 * The table's columns: those of the files, the file's name, the partition columns. A partition column stands in for a column of the files
 * that has its name. `declared`: the columns of the table, of which some may be partition columns.
 */
export function fileColumns(
  inFiles: Schema,
  parts: Pick<FileColumns, 'partitions' | 'filename' | 'base'> & { readonly declared: boolean },
): FileColumns {
  const { base, declared, filename, partitions } = parts
  const has = (name: string): boolean => inFiles.fields.some(field => field.name === name)
  if (filename !== undefined && has(filename))
    throw fail('INVALID_OPTION', ['filename', `the files have a column '${filename}'; give another name`])
  // A declared list says which types partition columns have.
  const typed = partitions.map(field =>
    declared ? (inFiles.fields.find(({ name }) => name === field.name) ?? field) : field,
  )
  const fields = inFiles.fields.map(field => typed.find(({ name }) => name === field.name) ?? field)
  const more = filename === undefined ? [] : [{ name: filename, type: UTF8, nullable: false }]
  return {
    schema: { fields: [...fields, ...more, ...typed.filter(({ name }) => !has(name))] },
    fileSchema: declared
      ? { fields: inFiles.fields.filter(({ name }) => !typed.some(key => key.name === name)) }
      : inFiles,
    partitions: typed,
    filename,
    base,
  }
}

/** Whether the files alone give the table. */
export const areFilesOnly = ({ partitions, filename }: FileColumns): boolean =>
  partitions.length === 0 && filename === undefined

/** The columns that have one value in this file. FILE_INVALID where its path lacks a partition. */
export function constantsOf({ base, filename, partitions, schema }: FileColumns, path: string): ConstantColumn[] {
  const texts = partitionTexts(path, base)
  return schema.fields.flatMap(({ name }, column): ConstantColumn[] => {
    const partition = partitions.find(field => field.name === name)
    if (partition !== undefined) return [[column, partitionValue(path, texts, partition)]]
    return name === filename ? [[column, path]] : []
  })
}

/** How a file gives the columns of the table when its reader is asked for those of `fileSchema`. */
export function layoutOf({ filename, partitions, schema }: FileColumns, fileSchema: Schema): FileLayout {
  const isConstant = (name: string): boolean => name === filename || partitions.some(field => field.name === name)
  const places = new Map(fileSchema.fields.map(({ name }, place) => [name, place]))
  const columns = schema.fields.map(({ name }) => (isConstant(name) ? -1 : (places.get(name) ?? -1)))
  return { fileSchema, columns }
}

/** Whether a filter over `input` columns holds in all rows of a file; undefined: that depends on the rows, or cannot be told. */
export function holdsInFile(filter: Expr, constants: readonly ConstantColumn[]): boolean | undefined {
  const values = new Map<number, Value>(constants)
  const folded = foldConstants(
    exprTree.transformUp(filter, node => {
      const value = node.kind === 'input' ? values.get(node.index) : undefined
      return node.kind === 'input' && value !== undefined ? literal(value, node.type) : node
    }),
  )
  return folded.kind === 'literal' ? folded.value === true : undefined
}
