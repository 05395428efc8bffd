/** A table over files of one format: one file, all files of a directory, or those that match a glob. */
import type { Schema } from '../arrow/schema.js'
import type { ScanPlan, ScanRequest, Statistics, TableProvider, WriteTarget } from '../catalog/table-provider.js'
import type { TableStatistics } from '../catalog/table-statistics.js'
import { fail } from '../common/errors.js'
import { encodeWireText } from '../common/wire.js'
import type { FileHost } from '../storage/store.js'
import { isRemote } from '../storage/stores.js'
import { displayedName } from '../expr/functions/internal-name.js'
import { analyzedStatistics, fingerprintOf, withAnalyzed } from './analyzed-statistics.js'
import {
  areFilesOnly,
  constantsOf,
  fileColumns,
  layoutOf,
  LISTING_OPTIONS,
  listingOptions,
  partitionFields,
  type FileColumns,
  type PartitionKey,
} from './file-columns.js'
import { normalizeOptions } from './format-options.js'
import type { FileFormat, FormatOptions } from './format.js'
import { formatNamed, formatOfPath, FORMATS } from './index.js'
import { listAll, type Listing } from './list-files.js'
import { combine, describeFiles, withConstants, type Described } from './listing-statistics.js'
import { checkTypes, mergeSchemas, type FileSchema } from './merge-schemas.js'
import { areAsMet, versionsMet } from './met-versions.js'
import { planFiles, type TableFile } from './plan-files.js'

export interface ListingRequest {
  /** Absolute; a trailing `/` means a directory. */
  readonly path: string
  /** More of the same: their rows follow. */
  readonly morePaths?: readonly string[]
  /** Absent: from the file name's ending. */
  readonly format?: string
  /** Those of the format, and of tables over files (LISTING_OPTIONS). */
  readonly options?: FormatOptions
  /** Absent: that of the files. */
  readonly schema?: Schema
  /** Columns whose values stand in directories; absent: all that there are. */
  readonly partitionedBy?: readonly PartitionKey[]
  /** What ANALYZE has found in the table. */
  readonly analyzed?: TableStatistics
  /** Name of this host, for errors. */
  readonly host: FileHost
  /** Of extensions, beside those of the engine. */
  readonly moreFormats?: readonly FileFormat[]
}

/**
 * Opens a table: lists its files and reads their footers or a sample. Throws FILE_NOT_READABLE, FILE_INVALID, NOT_SUPPORTED,
 * INVALID_OPTION.
 */
export async function openListingTable(request: ListingRequest): Promise<ListingTable> {
  const { path, morePaths = [], host } = request
  const formats = [...FORMATS, ...(request.moreFormats ?? [])]
  const listing = await listAll([path, ...morePaths], host)
  const format =
    request.format === undefined ? guessFormat(path, listing.files, formats) : formatNamed(request.format, formats)
  const files = listing.kind === 'file' ? listing.files : filesOf(format, listing.files)
  const known = [...format.readOptions, ...format.writeOptions, ...LISTING_OPTIONS]
  const given = normalizeOptions(request.options ?? {}, known, displayedName(format.name))
  const { filename, unionByName, ...hive } = listingOptions(given)
  const options = Object.fromEntries(Object.entries(given).filter(([key]) => !LISTING_OPTIONS.includes(key)))
  if (files.length === 0 && request.schema === undefined) {
    throw fail('FILE_NOT_READABLE', [
      host.name,
      path,
      `there is no ${displayedName(format.name).toUpperCase()} file; give the table a column list`,
    ])
  }
  const base = listing.kind === 'directory' ? path : ''
  const { partitionedBy = [], schema: declared } = request
  const found = partitionFields({ files, base, partitionedBy, ...hive })
  const declares = (name: string): boolean => declared?.fields.some(field => field.name === name) ?? true
  const partitions = found.filter(({ name }) => declares(name) || partitionedBy.some(key => key.name === name))
  const parts = { partitions, filename, base, declared: declared !== undefined }
  // A file lacks the partition columns that are declared with its own.
  const declaredInFiles = declared === undefined ? undefined : fileColumns(declared, parts).fileSchema
  const described = await describeFiles(format, files, { options, host, schema: declaredInFiles, all: unionByName })
  const columns = fileColumns(declared ?? inferred(format, described.schemas, { listing, unionByName }), parts)
  if (declared !== undefined && format.name === 'parquet' && !unionByName) {
    for (const file of described.schemas) checkTypes(file, columns.fileSchema, 'in the table')
  }
  const insertTarget: WriteTarget | undefined =
    listing.kind === 'directory' && filename === undefined
      ? {
          kind: isRemote(path) ? 'objects' : 'directory',
          path,
          format: format.name,
          options,
          ...partitionedLike(columns),
        }
      : undefined
  const ofFiles = combined(columns, files, described)
  const analyzed = request.analyzed && analyzedStatistics(request.analyzed, columns.schema)
  const isAnalyzed = analyzed !== undefined && (await fingerprintOf(files, host)) === request.analyzed?.fingerprint
  const statistics = isAnalyzed ? withAnalyzed(ofFiles, analyzed) : ofFiles
  const schemas = new Map(described.schemas.map(({ path, schema }) => [path, schema]))
  const kept = { path, morePaths, format, options, columns, unionByName, statistics, schemas, insertTarget }
  return new ListingTable({ ...kept, analyzed: request.analyzed }, host, files)
}

/** New files lie as the old ones do. */
const partitionedLike = ({ partitions }: FileColumns): { partitionBy?: readonly string[] } =>
  partitions.length === 0 ? {} : { partitionBy: partitions.map(({ name }) => name) }

interface ListingParts {
  readonly path: string
  readonly morePaths: readonly string[]
  readonly format: FileFormat
  readonly options: FormatOptions
  readonly columns: FileColumns
  readonly unionByName: boolean
  /** As of the time the table was opened. */
  readonly statistics: Statistics
  /** Of files that were looked at, by path. */
  readonly schemas: Map<string, Schema>
  readonly insertTarget: WriteTarget | undefined
  readonly analyzed: TableStatistics | undefined
}

/** As one statement sees it: however often it is scanned, its files are listed once. */
export class ListingTable implements TableProvider {
  readonly schema: Schema
  readonly insertTarget?: WriteTarget
  readonly #parts: ListingParts
  readonly #host: FileHost
  #listed: Promise<readonly string[]> | undefined

  /** `files`: those that there are; absent: they are listed when they are needed. */
  constructor(parts: ListingParts, host: FileHost, files?: readonly string[]) {
    this.#parts = parts
    this.#host = host
    this.schema = parts.columns.schema
    if (files !== undefined) this.#listed = Promise.resolve(files)
    if (parts.insertTarget !== undefined) this.insertTarget = parts.insertTarget
  }

  forStatement(): ListingTable {
    return new ListingTable(this.#parts, { ...this.#host, versions: new Map(), localVersions: new Map() })
  }

  statistics(): Statistics {
    return this.#parts.statistics
  }

  /** From the footers of the files, and what ANALYZE has found in files that are the same now. */
  async exactStatistics(): Promise<Statistics | undefined> {
    const { analyzed: kept, columns } = this.#parts
    const isCurrent = kept !== undefined && kept.fingerprint === (await this.fingerprint())
    const analyzed = isCurrent ? analyzedStatistics(kept, columns.schema) : undefined
    const ofFooters = await this.#footerStatistics()
    return ofFooters !== undefined && analyzed !== undefined
      ? withAnalyzed(ofFooters, analyzed)
      : (analyzed ?? ofFooters)
  }

  async fingerprint(): Promise<string | undefined> {
    return fingerprintOf(await this.#files(), this.#host)
  }

  async planKey(): Promise<string | undefined> {
    const { analyzed, columns, format, morePaths, options, path, unionByName } = this.#parts
    const files = versionsMet(await this.#files(), this.#host)
    if (files === undefined) return undefined
    return encodeWireText({ analyzed, columns, files, format: format.name, morePaths, options, path, unionByName })
  }

  async isAsOpened(): Promise<boolean> {
    return areAsMet(await this.#files(), this.#host)
  }

  async #footerStatistics(): Promise<Statistics | undefined> {
    const { columns, format, options } = this.#parts
    if (format.name !== 'parquet') return undefined
    const host = this.#host
    const files = await this.#files()
    const described = await describeFiles(format, files, { options, host, schema: columns.fileSchema })
    const { descriptions } = described
    const statistics = combined(columns, files, described)
    // A file that lacks a column has NULLs in it, which its footer does not count.
    const inAll = (name: string): boolean => descriptions.every(file => file.columns.has(name))
    const complete = [...statistics.columns].filter(([name]) => isConstant(columns, name) || inAll(name))
    return { ...statistics, columns: new Map(complete) }
  }

  async scan(request: ScanRequest): Promise<ScanPlan> {
    const { columns, format, options, unionByName } = this.#parts
    const paths = await this.#files()
    const isPlain = areFilesOnly(columns) && !unionByName
    const files = isPlain ? paths.map(path => ({ path })) : await Promise.all(paths.map(path => this.#tableFile(path)))
    return planFiles({ format, options, schema: this.schema, host: this.#host, files }, request)
  }

  async #tableFile(path: string): Promise<TableFile> {
    const { columns, format, unionByName } = this.#parts
    const fileSchema = unionByName ? unionSchema(format, columns, await this.#schemaOf(path)) : columns.fileSchema
    return { path, constants: constantsOf(columns, path), layout: layoutOf(columns, fileSchema) }
  }

  async #schemaOf(path: string): Promise<Schema> {
    const { columns, format, options, schemas: knownSchemas } = this.#parts
    const known = knownSchemas.get(path)
    if (known !== undefined) return known
    const { schemas } = await describeFiles(format, [path], { options, host: this.#host, schema: columns.fileSchema })
    const found = schemas[0].schema
    knownSchemas.set(path, found)
    return found
  }

  #files(): Promise<readonly string[]> {
    this.#listed ??= this.#list()
    return this.#listed
  }

  async #list(): Promise<readonly string[]> {
    const { path, morePaths, format } = this.#parts
    const listing = await listAll([path, ...morePaths], this.#host)
    return listing.kind === 'file' ? listing.files : filesOf(format, listing.files)
  }
}

const isConstant = ({ filename, partitions }: FileColumns, name: string): boolean =>
  name === filename || partitions.some(field => field.name === name)

/** Statistics of the table from what was found in its files. */
function combined(columns: FileColumns, files: readonly string[], { descriptions }: Described): Statistics {
  const ofFiles = columns.schema.fields.filter(({ name }) => !isConstant(columns, name))
  const statistics = combine({ fields: ofFiles }, descriptions)
  const counted = files.map((path, i) => {
    const rowCount = descriptions.length === files.length ? descriptions[i].rowCount : undefined
    return rowCount === undefined ? { path } : { path, rowCount }
  })
  return withConstants(statistics, columns, counted)
}

/**
 * What to ask the reader of one file for. Text becomes values of the table's types at once; typed formats give their own, which are cast.
 * A column that the file lacks is one of its layout, too, where readers find columns by name: they give NULL.
 */
function unionSchema({ name: format }: FileFormat, { fileSchema, schema }: FileColumns, { fields }: Schema): Schema {
  const typeOf = new Map([...fileSchema.fields, ...schema.fields].map(({ name, type }) => [name, type]))
  if (format === 'csv')
    return { fields: fields.map(field => ({ ...field, type: typeOf.get(field.name) ?? field.type })) }
  if (format !== 'parquet' && format !== 'arrow') return fileSchema
  const own = new Map(fields.map(({ name, type }) => [name, type]))
  return { fields: fileSchema.fields.map(field => ({ ...field, type: own.get(field.name) ?? field.type })) }
}

/** Files of a directory or glob that belong to the format; all of them if none has a known ending. */
function filesOf(format: FileFormat, files: readonly string[]): readonly string[] {
  const formats = [...FORMATS, format]
  const known = files.filter(file => formatOfPath(file, formats) !== undefined)
  return known.length === 0 ? files : known.filter(file => formatOfPath(file, formats) === format)
}

function guessFormat(path: string, files: readonly string[], formats: readonly FileFormat[]): FileFormat {
  for (const candidate of [path, ...files]) {
    const format = formatOfPath(candidate, formats)
    if (format !== undefined) return format
  }
  throw fail('NOT_SUPPORTED', [`the file name ending of '${path}'; name the format with STORED AS`])
}

/** The schema of the files; a directory or glob may get a file with NULLs any time, and one of several may lack a column. */
function inferred(
  format: FileFormat,
  schemas: readonly FileSchema[],
  { listing, unionByName }: { readonly listing: Listing; readonly unionByName: boolean },
): Schema {
  const schema = mergeSchemas(format.name, schemas, unionByName)
  if (listing.kind === 'file' && !unionByName) return schema
  return { fields: schema.fields.map(field => ({ ...field, nullable: true })) }
}
