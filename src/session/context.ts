/** The session as programs see it: what they register, the statements they run, the frames they make. The entry point of the library. */
import type { Schema } from '../arrow/schema.js'
import type { EncodedBatch } from '../catalog/memory-table.js'
import { systemClock } from '../common/clock.js'
import { fail } from '../common/errors.js'
import { configOf, type Settings } from '../common/option.js'
import { registryOf } from '../exchange/registry.js'
import type { AggregateCode, FunctionCode, ScalarCode } from '../expr/functions/user-function.js'
import { errorInside } from '../logical/bind/context.js'
import type { StatementNode } from '../parser/ast.js'
import { parseStatement } from '../parser/parse.js'
import { checkAllowed, type AllowedStatements } from './allowed-statements.js'
import type { Backend } from './backend.js'
import { ClosableBackend } from './closable-backend.js'
import { DataFrame } from './dataframe.js'
import type { LoadedExtension } from './extensions.js'
import { call } from './expr/call.js'
import type { FunctionBuilder } from './expr/functions.js'
import { Sql } from './expr/sql.js'
import { fileFrame, heldFrame, sharedFrame, tableFrame, textFrame } from './frame-sources.js'
import type { ArrowInput } from './input-arrow.js'
import { rowsFromColumns, rowsFromObjects, type InputRow } from './input-rows.js'
import type { StreamInput } from './input-stream.js'
import { schemaFrom, type SchemaInput } from '../expr/type-text.js'
import { LocalBackend } from './local-backend.js'
import { checkChange, checkedSettings } from './options.js'
import { parametersOf, type ParameterValue, type ParameterValues } from './parameters.js'
import { argumentsOf } from './prepared-statements.js'
import { absolutePath, type Registration } from './registration.js'
import type { RemoteSecurity } from './remote-backend.js'
import type { RunOptions } from './run-options.js'
import { runStatement, type StatementOptions } from './run-statement.js'
import { Session, type HeldRows } from './session.js'
import { namedText, text, withoutEnd, type SqlText } from './sql-text.js'
import {
  aggregateDeclaration,
  codeOf,
  scalarDeclaration,
  type FunctionEntry,
  type ShippedCode,
  type UdafOptions,
  type UdfOptions,
} from './user-functions.js'

export interface SessionOptions {
  /** Settings by full key, e.g. `{ 'ballista.execution.batch_size': '8192' }`. */
  readonly settings?: Settings
  /** Directory from which relative paths are meant; default: the working directory. */
  readonly baseDirectory?: string
  /** Modules that extend the engine, from `loadExtension`. A cluster has to have loaded them too. */
  readonly extensions?: readonly LoadedExtension[]
  /**
   * Directory of a catalog that lasts, made where it is missing: what SQL creates without TEMPORARY is there the next time. One session
   * or server has it at a time (STORE_LOCKED). Only for sessions of this process; a cluster has its own.
   */
  readonly dataDir?: string
}

export interface RemoteOptions extends SessionOptions, RemoteSecurity {}

export interface SqlOptions extends RunOptions, AllowedStatements {
  /** Values of `$1`, `?` and `$name` in the text. */
  readonly parameters?: ParameterValues
}

export interface StandaloneOptions extends SessionOptions {
  /** Executors to start, default 2. */
  readonly executors?: number
  /** Task slots (worker threads) of each executor; default 1. */
  readonly slots?: number
  /** Each of them as a process of its own, which ends with this one; default: all in this process. */
  readonly processes?: boolean
}

/** A file, a directory (ending in `/`) or a glob, or several. */
export type Paths = string | readonly string[]

/** Options of a file table, by the keys of `CREATE EXTERNAL TABLE … OPTIONS (…)`, e.g. `{ has_header: false }`. */
export type FileOptions = Readonly<Record<string, string | number | boolean>> & { readonly schema?: never }

/**
 * A session. `new SessionContext()` runs queries in this process; `standalone()` starts a scheduler and executors, in this process or
 * as processes; `remote(url)` uses a running cluster. Close it (`await ctx.close()` or `await using`) to release what it holds; a
 * process with an open standalone session does not end by itself. Any number of sessions and of statements may run at the same time.
 */
export class SessionContext {
  readonly #session: Session

  constructor(options: SessionOptions = {}, backend?: Backend) {
    const settings = checkedSettings(options.settings)
    const registry = registryOf(options.extensions ?? [])
    this.#session = new Session(
      new ClosableBackend(backend ?? new LocalBackend(configOf(settings), registry, options.dataDir)),
      absolutePath(options.baseDirectory ?? '.', process.cwd()),
      settings,
    )
    for (const declared of registry.functions) this.#session.functions.add(declared, undefined)
  }

  /** A scheduler and executors that the call starts, reached over gRPC; `close()` stops them. */
  static async standalone(options: StandaloneOptions = {}): Promise<SessionContext> {
    const { startStandaloneBackend } = await import('./remote-backend.js')
    const { executors = 2, slots = 1, processes = false } = options
    const shape = { executors, slots, processes, registry: registryOf(options.extensions ?? []) }
    return new SessionContext(options, await startStandaloneBackend(shape, checkedSettings(options.settings)))
  }

  /**
   * A running cluster: `df://host:port` of its scheduler, or `dfs://host:port` for TLS (port 50050 if not written), dialled with the
   * first statement.
   */
  static async remote(url: string, options: RemoteOptions = {}): Promise<SessionContext> {
    const { connectRemoteBackend } = await import('./remote-backend.js')
    for (const key of Object.keys(checkedSettings(options.settings))) checkChange(key)
    return new SessionContext(options, connectRemoteBackend(url, options))
  }

  /**
   * Registers CSV files under a name: a file, a directory (ending in `/`) or a glob; or a list of these, whose rows follow each other,
   * columns by name. Replaces an older table.
   */
  async registerCsv(name: string, path: Paths, options: FileOptions = {}, run: RunOptions = {}): Promise<void> {
    await this.#registerFiles(name, path, { format: 'csv', options, run })
  }

  async registerParquet(name: string, path: Paths, options: FileOptions = {}, run: RunOptions = {}): Promise<void> {
    await this.#registerFiles(name, path, { format: 'parquet', options, run })
  }

  /** Newline-delimited JSON. */
  async registerJson(name: string, path: Paths, options: FileOptions = {}, run: RunOptions = {}): Promise<void> {
    await this.#registerFiles(name, path, { format: 'json', options, run })
  }

  /** Arrow IPC files or streams. */
  async registerArrow(name: string, path: Paths, options: FileOptions = {}, run: RunOptions = {}): Promise<void> {
    await this.#registerFiles(name, path, { format: 'arrow', options, run })
  }

  /** CSV files as a frame; paths as for `registerCsv`. */
  readCsv(path: Paths, options: FileOptions = {}, run: RunOptions = {}): Promise<DataFrame> {
    return this.#readFiles(path, { format: 'csv', options, run })
  }

  readParquet(path: Paths, options: FileOptions = {}, run: RunOptions = {}): Promise<DataFrame> {
    return this.#readFiles(path, { format: 'parquet', options, run })
  }

  /** Newline-delimited JSON as a frame. */
  readJson(path: Paths, options: FileOptions = {}, run: RunOptions = {}): Promise<DataFrame> {
    return this.#readFiles(path, { format: 'json', options, run })
  }

  /** Arrow IPC files or streams as a frame. */
  readArrow(path: Paths, options: FileOptions = {}, run: RunOptions = {}): Promise<DataFrame> {
    return this.#readFiles(path, { format: 'arrow', options, run })
  }

  /**
   * Rows as a frame: objects by column name. Types are those of `schema`, or found in the values (whole numbers BIGINT, others DOUBLE,
   * Date TIMESTAMP, …; see `inferType`). TYPE_MISMATCH for a value that is not of its column's type.
   */
  fromRows(rows: readonly InputRow[], schema?: SchemaInput): DataFrame {
    return this.#held(rowsFromObjects(rows, schema))
  }

  /** Columns as a frame, as `fromRows`: `fromColumns({ a: [1, 2], b: ['x', null] })`. */
  fromColumns(columns: Readonly<Record<string, readonly unknown[]>>, schema?: SchemaInput): DataFrame {
    return this.#held(rowsFromColumns(columns, schema))
  }

  /** A copy of Arrow data as a frame. */
  async fromArrow(data: ArrowInput): Promise<DataFrame> {
    const { rowsFromArrow } = await import('./input-arrow.js')
    return this.#held(await rowsFromArrow(data))
  }

  /** A copy of Arrow data as a table. Replaces an older one. */
  async registerBatches(name: string, data: ArrowInput): Promise<void> {
    const { rowsFromArrow } = await import('./input-arrow.js')
    const { schema, batches } = await rowsFromArrow(data)
    this.registerMemory(name, schema, batches)
  }

  /**
   * A stream as a table: row objects or record batches of `schema`. One query reads it, once, and takes rows only as fast as it goes on;
   * when that query ends early, or the session closes, the stream is ended (`return()`, `destroy()`). NOT_SUPPORTED in a session over a
   * cluster, whose tasks run elsewhere.
   */
  registerStream(name: string, stream: StreamInput, schema: SchemaInput): void {
    this.#session.addStream(name, schemaFrom(schema), stream)
  }

  /** A frame under a name: a view of its query, or a table of its rows if it holds them. Replaces an older table. */
  registerTable(name: string, frame: DataFrame): void {
    frame.createView(name, { orReplace: true })
  }

  /** Registers rows that are already encoded as frames (arrow/frame.ts) of the schema. Replaces an older table. */
  registerMemory(name: string, schema: Schema, batches: readonly EncodedBatch[]): void {
    this.#session.register([name], { kind: 'memory', name, schema, batches })
  }

  /**
   * A function of SQL in JavaScript. Arguments and result have the forms of `rows()`: BIGINT is bigint, DECIMAL text, DATE and TIMESTAMP
   * Date. `code` may use whatever is around it; it runs on this thread, so only in a session of this process. `source` and `module`
   * run wherever the query does, where scheduler and executors allow it (`--allow-udf`). Replaces an older one. The returned builder
   * makes calls for frames. FUNCTION_FAILED when it throws.
   */
  registerUdf(name: string, options: UdfOptions, code?: ScalarCode): FunctionBuilder {
    const declared = scalarDeclaration(name, options, this.#code(name, options, code))
    this.#session.functions.add(declared, code)
    return (...args) => call(declared.name, args)
  }

  /** An aggregate function of SQL in JavaScript, as registerUdf: one state a group, and partial states are merged. */
  registerUdaf(name: string, options: UdafOptions, code?: AggregateCode): FunctionBuilder {
    const declared = aggregateDeclaration(name, options, this.#code(name, options, code))
    this.#session.functions.add(declared, code)
    return (...args) => call(declared.name, args)
  }

  /** Forgets a function that was registered; false if there was none. */
  deregisterFunction(name: string): boolean {
    return this.#session.functions.remove(name.toLowerCase())
  }

  /** Forgets a table or view; false if there was none. */
  deregister(name: string): boolean {
    return this.#session.tables.deregister([name])
  }

  /** Whether a table or view has this name. */
  tableExists(name: string): boolean {
    return this.#session.tables.get([name]) !== undefined
  }

  /** Functions that the program or an extension has registered, in the order in which they came. */
  userFunctions(): FunctionEntry[] {
    return this.#session.functions.entries()
  }

  /** Names of tables and views, in alphabetical order. */
  tableNames(): string[] {
    return this.#session.tables.list().map(({ name }) => name)
  }

  /**
   * One SQL statement. Queries are lazy: the frame runs them. Everything else (DDL, SET, COPY, INSERT, EXPLAIN …) runs now,
   * exactly once, and the frame holds its result. Parameters: a list gives `$1`, `$2`, … (or each `?`), an object `$name`; a query
   * without any may get them later (`withParams`).
   */
  sql(statement: string | Sql, options?: SqlOptions): Promise<DataFrame>
  sql(statement: string | Sql, parameters: readonly ParameterValue[], options?: RunOptions): Promise<DataFrame>
  async sql(
    statement: string | Sql,
    values: SqlOptions | readonly ParameterValue[] = {},
    more: RunOptions = {},
  ): Promise<DataFrame> {
    const { parameters, ...options }: SqlOptions = isList(values) ? { parameters: values, ...more } : values
    const bound = parameters === undefined ? {} : { parameters: parametersOf(parameters) }
    return this.#statement(statement instanceof Sql ? statement.text : [statement], { ...options, ...bound })
  }

  /** A setting for statements that come, by its full key, as SET; INVALID_OPTION for unknown keys and wrong values. */
  set(key: string, value: string | number | boolean): void {
    this.#session.change(key, String(value))
  }

  /** Back to the default, as RESET. */
  reset(key: string): void {
    this.#session.change(key, undefined)
  }

  /** What was set, by full key. */
  settings(): Settings {
    return this.#session.settings
  }

  /** All rows of a table or view. */
  async table(name: string, options: RunOptions = {}): Promise<DataFrame> {
    const own = this.#session.find([name])
    const frame =
      own === undefined ? sharedFrame(this.#session, name, options) : tableFrame(this.#session, own, options)
    return new DataFrame(await frame)
  }

  /**
   * Stops running queries (they fail with CANCELLED) and releases everything the session holds. May be called again; statements that
   * come later fail with INVALID_ARGUMENT.
   */
  async close(): Promise<void> {
    await this.#session.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #statement(body: SqlText, options: StatementOptions & AllowedStatements): Promise<DataFrame> {
    const session = this.#session
    const { sql, steps } = namedText(body)
    const statement = parseStatement(sql)
    checkAllowed(statement, options)
    if (statement.kind === 'query') {
      // Without the `;` that may end it: others may read it.
      const written = withoutEnd(body, sql.length - statement.span.end)
      // A WITH of its own cannot follow the one that defines its frames.
      const query = steps.size > 0 && statement.with.length > 0 ? text`(${written})` : written
      return new DataFrame(await textFrame(session, query, { query: statement, options }))
    }
    if (steps.size > 0) throw fail('NOT_SUPPORTED', ['a frame within a statement that is no query'])
    if (statement.kind === 'execute') return this.#executePrepared(statement, options)
    return this.#held(await runStatement(session, statement, sql, options))
  }

  /** Like the statement itself, once more with these values. Spans of its errors would be those of another text. */
  async #executePrepared(
    statement: Extract<StatementNode, { kind: 'execute' }>,
    options: RunOptions & AllowedStatements,
  ): Promise<DataFrame> {
    const prepared = this.#session.prepared.lookup(statement.name)
    const parameters = argumentsOf(prepared, statement, BigInt(systemClock.wallMs()) * 1_000_000n)
    try {
      return await this.#statement([prepared.text], { ...options, parameters })
    } catch (error) {
      throw errorInside(`prepared statement '${prepared.name}'`, error)
    }
  }

  #code(name: string, options: ShippedCode, closure: unknown): FunctionCode {
    const { backend, baseDirectory } = this.#session
    return codeOf(name, options, { closure, baseDirectory, runsHere: backend.readsStreams })
  }

  #held(rows: HeldRows): DataFrame {
    return new DataFrame(heldFrame(this.#session, rows), rows)
  }

  async #registerFiles(name: string, path: Paths, files: Files): Promise<void> {
    if (typeof path === 'string') this.#session.register([name], await this.#files(name, path, files))
    else (await this.#readFiles(path, files)).createView(name, { orReplace: true })
  }

  async #readFiles(path: Paths, files: Files): Promise<DataFrame> {
    const paths = typeof path === 'string' ? [path] : path
    if (paths.length === 0) throw fail('INVALID_ARGUMENT', ['the list of paths is empty'])
    const frames = await Promise.all(
      paths.map(async one => {
        const table = await this.#files(this.#session.anonymousName(files.format), one, files)
        return new DataFrame(fileFrame(this.#session, table, this.#session.columns(table) ?? { fields: [] }))
      }),
    )
    return frames.reduce((all, next) => all.unionByName(next))
  }

  async #files(name: string, path: string, { format, options, run }: Files): Promise<Registration> {
    const registration: Registration = {
      kind: 'listing',
      name,
      path: absolutePath(path, this.#session.baseDirectory),
      format,
      options: Object.fromEntries(Object.entries(options).map(([key, value]) => [key, String(value)])),
    }
    await this.#session.open(registration, run)
    return registration
  }
}

/** How files are read, and how long opening them may take. */
interface Files {
  readonly format: string
  readonly options: FileOptions
  readonly run: RunOptions
}

const isList = (values: SqlOptions | readonly ParameterValue[]): values is readonly ParameterValue[] =>
  Array.isArray(values)
